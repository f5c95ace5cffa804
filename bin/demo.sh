#!/usr/bin/env bash
# Set up, simulate a genome, and run the whole workflow on it, to demo/results/tables/table1.tsv.
# Offline but for the package index; two cores, about ten minutes after installation.
set -euo pipefail
cd "$(dirname "$0")/.."
bash bin/setup.sh
export PATH="$PWD/.venv/bin:$PATH"
[ -f demo/simulated/config/files.tsv ] ||
    gexpipe simulate --config config/simulator/demo.yaml --out demo/simulated
# Only what gexpipe says: a line a stage. What each job says besides is in demo/logs.
snakemake --directory demo --configfile config/demo.yaml --cores "${GEXPIPE_CORES:-2}" \
    --resources downloads=2 --rerun-incomplete --quiet all "$@" -- all
cat demo/results/tables/table1.md
