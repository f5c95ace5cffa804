#!/usr/bin/env bash
# Make the two locks anew from pyproject.toml. Both pin the same versions; the CPU one leaves out
# the CUDA libraries that torch's default build asks for, but not Triton: the scan's GPU kernels are
# tested by its interpreter and its compiler. Needs uv (pip install uv).
set -euo pipefail
cd "$(dirname "$0")/.."
head='# Made by bin/lock.sh from pyproject.toml (extras: train, enformer, borzoi, alphagenome, gta, motifs, test). Do not edit.'
compiled=$(mktemp)
uv pip compile pyproject.toml --extra train --extra enformer --extra borzoi --extra alphagenome --extra gta --extra motifs --extra test --universal --python-version 3.11 \
    --constraint locks/constraints.txt --no-header --no-annotate --quiet "$@" --output-file "$compiled"
{ echo "$head"; cat "$compiled"; } > locks/cuda.txt
{ echo "$head"; grep -v -E '^(nvidia-|cuda-)' "$compiled"; } > locks/cpu.txt
rm "$compiled"
