"""A real SLURM of one node, Snakemake's plugin for it, and projects that run through it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.project import ROOT

HERE = Path(__file__).parent
# Nothing here takes longer; a scheduler that hangs must not hang the tests.
LIMIT = 900


class Slurm:
    """A running SLURM and the environment in which its commands and Snakemake find it."""

    def __init__(self, folder: Path, plugin: Path) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SLURM_")},
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{plugin}:{ROOT / 'src'}",
            "GEXPIPE_LOCKS": str(folder / "locks"),
            "NUMBA_CACHE_DIR": str(folder / "numba"),
            # As on a compute node without a route to anything but its own cluster.
            "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9",
        }  # fmt: skip

    def ask(self, *command: str) -> str:
        """Output of a SLURM command."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True, timeout=30
        ).stdout

    def jobs(self, rule: str) -> list[dict[str, str]]:
        """Every job of a rule, oldest first, as ``scontrol`` describes it."""
        lines = self.ask("scontrol", "show", "job", "--oneliner").splitlines()
        described = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines]
        return [job for job in described if job.get("Comment", "").startswith(f"rule_{rule}_")]

    def start(
        self, folder: Path, profile: str, change: dict[str, object], *arguments: str
    ) -> subprocess.Popen[str]:
        """Snakemake on the tiny configuration, through a profile; squeue tells the status."""
        (folder / "change.yaml").write_text(yaml.safe_dump(change))
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(folder), "--workflow-profile", str(ROOT / "profiles" / profile),
            "--configfile", str(ROOT / "config/tiny.yaml"), str(folder / "change.yaml"),
            "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
            "--seconds-between-status-checks", "1", "--latency-wait", "5", *arguments,
        ]  # fmt: skip
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def run(self, folder: Path, profile: str, change: dict[str, object], *arguments: str) -> str:
        """As `start`, to a good end; its output."""
        process = self.start(folder, profile, change, *arguments)
        text, _ = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, text[-4000:]
        return text


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executor plugin in a folder of its own, not in the environment of the other tests."""
    folder = tmp_path_factory.mktemp("plugin")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder),
            "--requirement", str(ROOT / "locks/slurm.txt"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"no executor plugin: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory, plugin: Path) -> Iterator[Slurm]:
    """SLURM from start to stop; skipped, with the reason, where it cannot be had."""
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run(
        ["bash", str(HERE / "start.sh"), str(folder)], capture_output=True, text=True, check=False
    )
    try:
        if started.returncode == 3:
            pytest.skip(started.stderr.strip())
        assert started.returncode == 0, started.stderr
        yield Slurm(folder, plugin)
    finally:
        subprocess.run(["bash", str(HERE / "stop.sh"), str(folder)], check=True)
