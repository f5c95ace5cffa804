"""One tiny genome and one finished run of the whole workflow, shared by these tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Project:
    """A working directory in which the workflow runs on the tiny configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(
        self, *arguments: str, config: str = "config/tiny.yaml"
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake here; never raises."""
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(self.folder), "--configfile", str(ROOT / config), "--cores", "2",
            *arguments,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    def planned(self, target: str, *overrides: str) -> dict[str, set[str]]:
        """Rules a dry run would execute for a target, with the cells each would run for."""
        extra = ["--config", *overrides] if overrides else []
        done = self.run("--dry-run", "--nolock", target, *extra)
        assert done.returncode == 0, done.stderr + done.stdout
        rules: dict[str, set[str]] = {}
        for block in re.split(r"\n(?=\[|rule |localrule )", done.stdout + done.stderr):
            name = re.search(r"^(?:local)?rule (\w+):", block, re.M)
            if name:
                cells = rules.setdefault(name[1], set())
                cells.update(re.findall(r"\b(SIM[12])\b", block))
        return rules


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


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny configuration, run to table 1 and the controls."""
    folder = tmp_path_factory.mktemp("tiny")
    simulate(folder)
    project = Project(folder)
    done = project.run("--quiet", "all", "--", "all")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return project
