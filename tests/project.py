"""A working directory of the tiny configuration, and one finished run that every test copies."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]


class Project:
    """A working directory in which the workflow runs on the tiny configuration."""

    def __init__(self, folder: Path, network: bool = False, compiled: bool = True) -> None:
        self.folder = folder
        self.compiled = compiled  # whether kernels that other runs compiled are taken
        self.network = network  # whether a server of the test may be asked

    def run(
        self, *arguments: str, change: dict[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake here, with ``change`` laid over the tiny configuration; never raises."""
        configs = [str(ROOT / "config/tiny.yaml")]
        if change:
            extra = self.folder / "change.yaml"
            extra.write_text(yaml.safe_dump(change))
            configs.append(str(extra))
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        if not self.compiled:
            environment["NUMBA_CACHE_DIR"] = str(self.folder / "numba")
        if not self.network:
            # Whatever turns to a network fails and is written down.
            before = os.environ.get("PYTHONPATH", "")
            environment["PYTHONPATH"] = f"{ROOT / 'tests/no_network'}:{before}"
            environment["GEXPIPE_TEST_CALLS"] = str(self.folder / "network_calls.txt")
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(self.folder), "--cores", "2", "--configfile", *configs, *arguments,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    def plan(self, target: str, change: dict[str, Any] | None = None) -> str:
        """What a dry run prints for a target."""
        done = self.run("--dry-run", "--nolock", "--", target, change=change)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def planned(self, target: str, change: dict[str, Any] | None = None) -> dict[str, int]:
        """Rule -> number of jobs that a dry run would execute for a target."""
        text = self.plan(target, change)
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)\n\n", text, re.M | re.S)
        if table is None:
            assert "Nothing to be done" in text, text
            return {}
        counts = dict(line.split() for line in table[1].splitlines())
        return {rule: int(count) for rule, count in counts.items() if rule != "total"}


def write_sheets(folder: Path, reference: list[list[str]]) -> dict[str, Any]:
    """Sheets of a cell type that nothing computes, with these reference rows; what names them."""
    columns = ["role", "source", "accession", "format", "url", "md5"]
    genome = ["fasta", "url", "genome", "fasta", "https://host/genome.fa", ""]
    cage = [["SIM1", "cage", "1", "url", "cage", "ctss", "https://host/cage", ""]]
    sheets = {
        "samples": pd.DataFrame([["SIM1", "sim38"]], columns=["cell", "assembly"]),
        "files": pd.DataFrame(cage, columns=["cell", columns[0], "replicate", *columns[1:]]),
        "reference": pd.DataFrame([genome, *reference], columns=columns),
    }
    for name, sheet in sheets.items():
        sheet.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    return {
        "cells": ["SIM1"],
        "samples": "samples.tsv",
        "files": "files.tsv",
        "reference": {"files": "reference.tsv"},
    }


def simulate(folder: Path) -> None:
    """Write the tiny genome below ``folder``."""
    subprocess.run(
        [
            sys.executable, "-m", "gexpipe", "simulate",
            "--config", str(ROOT / "config/simulator/tiny.yaml"),
            "--out", str(folder / "simulated"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def finished_run(shared: Path, folder: Path) -> Project:
    """A copy, in ``folder``, of the tiny configuration run to table 1 and the controls.

    The run itself is made once below ``shared``; other test processes wait for it.
    """
    shared.mkdir(parents=True, exist_ok=True)
    with (shared / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        made, done = shared / "tiny", shared / "done"
        if not done.exists():
            if made.exists():
                raise RuntimeError("the run of the tiny configuration failed in another process")
            made.mkdir()
            simulate(made)
            # As on a machine where no kernel was ever compiled.
            ran = Project(made, compiled=False).run("--quiet", "all", "--", "all")
            assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
            done.touch()
    shutil.copytree(made, folder)
    return Project(folder)
