#!/usr/bin/env bash
# Set up and pass the tests: formatting, lint, types, the workflow's own lint, and pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bash bin/setup.sh
# Pages are opened in a real browser; without one these tests are skipped.
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "test: installing Chromium from the distribution"
    (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 || true
fi
export PATH="$PWD/.venv/bin:$PATH"
ruff check .
ruff format --check .
snakefmt --check Snakefile workflow
mypy
bash bin/lint.sh
# In the order of tests/conftest.py, not by the number of tests in a file.
pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
