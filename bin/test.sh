#!/usr/bin/env bash
# Set up and pass the tests: formatting, lint, types, the workflow's own lint, and pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash bin/setup.sh
export PATH="$PWD/.venv/bin:$PATH"
ruff check .
ruff format --check .
snakefmt --check Snakefile workflow
mypy
bash bin/lint.sh
# In the order of tests/conftest.py, not by the number of tests in a file.
pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
