#!/usr/bin/env bash
# Set up everything gexpipe needs in .venv: locked packages, gexpipe itself, and bedtools.
#
#   bash bin/setup.sh              CPU, or CUDA where nvidia-smi sees a GPU
#   GEXPIPE_LOCK=cuda bash bin/setup.sh
#   GEXPIPE_PYTHON=/path/to/python3.12 bash bin/setup.sh
#
# Needs git, Python >= 3.11 with its headers, and g++ (MACS3 is compiled). Running it again is cheap.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "setup: $*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${GEXPIPE_PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python >= 3.11 found; install one or set GEXPIPE_PYTHON"
}

choose_lock() {
    if [ -n "${GEXPIPE_LOCK:-}" ]; then echo "$GEXPIPE_LOCK"
    elif nvidia-smi >/dev/null 2>&1; then echo cuda
    else echo cpu
    fi
}

install_packages() {
    local lock="locks/$1.txt" stamp=.venv/.locked
    [ -f "$lock" ] || fail "no lock named '$1'; there are: $(ls locks)"
    if [ ! -f "$stamp" ] || ! cmp -s "$lock" "$stamp"; then
        command -v g++ >/dev/null || fail "g++ is missing; MACS3 is compiled from source"
        echo "setup: installing the packages of $lock; MACS3 is compiled meanwhile (two to three minutes)"
        install_locked "$lock"
        cp "$lock" "$stamp"
    fi
    .venv/bin/python -m pip install --quiet --no-deps --editable .
}

# MACS3 alone has no wheel: it is built on all cores while the others are fetched and unpacked.
# Modules become bytecode when they are first imported, not all of them now.
install_locked() {
    local work=.venv/.build builder
    rm -rf "$work" && mkdir -p "$work/wheels"
    grep '^macs3==' "$1" > "$work/compiled.txt"
    grep -v '^macs3==' "$1" > "$work/others.txt"
    printf '[build_ext]\nparallel = %s\n' "$(nproc)" > "$work/compiler.cfg"
    DIST_EXTRA_CONFIG="$PWD/$work/compiler.cfg" .venv/bin/python -m pip wheel --quiet --no-deps \
        --wheel-dir "$work/wheels" --requirement "$work/compiled.txt" &
    builder=$!
    # torch comes from where pip finds it; on a machine with a GPU that is its CUDA build.
    if ! .venv/bin/python -m pip install --quiet --no-compile --requirement "$work/others.txt"; then
        kill "$builder" 2>/dev/null || true
        fail "the packages of $1 could not be installed (above)"
    fi
    wait "$builder" || fail "MACS3 could not be compiled (above)"
    .venv/bin/python -m pip install --quiet --no-deps --no-compile "$work"/wheels/*.whl
    rm -rf "$work"
}

provide_bedtools() {
    command -v bedtools >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing bedtools from the distribution"
        (apt-get update -qq && apt-get install -y -qq --no-install-recommends bedtools) >/dev/null 2>&1 || true
    elif command -v conda >/dev/null; then
        conda install --quiet --yes --prefix "$PWD/.venv/conda" --channel bioconda bedtools >/dev/null 2>&1 || true
    fi
    command -v bedtools >/dev/null ||
        echo "setup: bedtools is not installed; only the pybedtools cross-check needs it (apt-get install bedtools)" >&2
}

[ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
install_packages "$(choose_lock)"
provide_bedtools
