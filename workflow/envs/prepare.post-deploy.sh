#!/bin/sh
# Run by Snakemake in a new environment: gexpipe itself joins it, from the folder of the Snakefile,
# so that jobs run the environment's interpreter and what is edited there needs no new environment.
set -eu
python -m pip install --quiet --no-deps --no-build-isolation \
    --editable "${GEXPIPE_SOURCE:?set by the Snakefile: the folder of pyproject.toml}"
