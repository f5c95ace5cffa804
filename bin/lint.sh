#!/usr/bin/env bash
# Snakemake's own lint over the shipped configuration.
set -euo pipefail
cd "$(dirname "$0")/.."
snakemake --lint
