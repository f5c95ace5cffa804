"""Jobs that fail are sent again, as every profile says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import ROOT

pytestmark = pytest.mark.workflow

# A command that fails when genes are asked for the first time.
FLAKY = """#!/bin/sh
case "$*" in *"reference genes"*) if mkdir failed 2>/dev/null; then echo lost >&2; exit 1; fi;; esac
exec {python} -m gexpipe "$@"
"""


@pytest.mark.parametrize("profile", sorted(p.name for p in (ROOT / "profiles").iterdir()))
def test_every_profile_sends_jobs_again(profile: str) -> None:
    text = (ROOT / "profiles" / profile / "profile.yaml").read_text()
    assert yaml.safe_load(text)["retries"] >= 1


@pytest.mark.slow
def test_a_job_that_failed_once_is_sent_again(tmp_path: Path) -> None:
    (tmp_path / "genes.bed").write_text("chr1\t100\t900\tg1|A\t0\t+\n")
    rows = (ROOT / "config/reference.tsv").read_text()
    (tmp_path / "reference.tsv").write_text(f"{rows}genes_bed\tpath\town\tbed\tgenes.bed\t\n")
    change = {"genes": {"source": "bed"}, "reference": {"files": "reference.tsv"}}
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(change))
    command = tmp_path / "bin/gexpipe"
    command.parent.mkdir()
    command.write_text(FLAKY.format(python=sys.executable))
    command.chmod(0o755)
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(tmp_path), "--configfile", "change.yaml", "--cores", "1", "--",
            "results/genes/genes.tsv",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "failed").is_dir() and (tmp_path / "results/genes/genes.tsv").is_file()
