#!/bin/sh
# Run by Snakemake in a new environment: gexpipe itself joins it. From a source tree (the folder of the
# Snakefile) as it stands, so that jobs run the environment's interpreter and what is edited there needs
# no new environment; else in the version that runs the workflow.
set -eu
: "${GEXPIPE_SOURCE:?set by the Snakefile}"
if [ -d "$GEXPIPE_SOURCE" ]; then
    python -m pip install --quiet --no-deps --no-build-isolation --editable "$GEXPIPE_SOURCE"
else
    python -m pip install --quiet --no-deps "$GEXPIPE_SOURCE"
fi
