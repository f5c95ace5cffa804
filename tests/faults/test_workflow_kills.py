"""SIGKILL of whole workflow runs, and two runs on one folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import LONG
from tests.faults.stages import environment
from tests.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TARGETS = ["results/contacts/SIM1/rows.npz", "results/genes/splits.tsv", "results/genes/mrna.tsv"]
# What is made anew: in the short form three quick stages, in the long form all of them.
AGAIN = ["results"] if LONG else TARGETS
GOALS = [*TARGETS, "results/tables/table1.tsv"] if LONG else TARGETS
KILLS = 6 if LONG else 1


@pytest.fixture
def project(broken: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy without the results that are to be made again."""
    folder = tmp_path / "tiny"
    shutil.copytree(broken, folder)
    for name in AGAIN:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    yield Project(folder)
    shutil.rmtree(folder)


def start(project: Project) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
        "--directory", str(project.folder), "--cores", "2", "--rerun-triggers", "mtime",
        "--configfile", str(ROOT / "config/tiny.yaml"), "--", *GOALS,
    ]  # fmt: skip
    return subprocess.Popen(
        command, env=environment(project.folder), start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(project: Project) -> None:
    done = project.run("--rerun-triggers", "mtime", "--", *GOALS)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def check(project: Project, broken: Path) -> None:
    for name in GOALS:
        assert (project.folder / name).read_bytes() == (broken / name).read_bytes(), name


def test_killed_runs_end_with_the_same_bytes(project: Project, broken: Path) -> None:
    draw = random.Random("gexpipe workflow")
    for _ in range(KILLS):
        running = start(project)
        time.sleep(draw.uniform(15, 60) if LONG else draw.uniform(3, 8))
        os.killpg(running.pid, signal.SIGKILL)  # Snakemake and the jobs it started
        running.communicate()
        unlocked = project.run("--unlock")
        assert unlocked.returncode == 0, unlocked.stderr
    finish(project)
    check(project, broken)


def test_a_second_run_on_the_folder_is_refused(project: Project, broken: Path) -> None:
    first = start(project)
    locks = project.folder / ".snakemake" / "locks"
    until = time.monotonic() + 120
    while not any(locks.glob("*.output.lock")) and time.monotonic() < until:
        assert first.poll() is None, first.communicate()[0][-3000:]
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGSTOP)  # it holds its lock until the second has answered
    try:
        second = project.run("--rerun-triggers", "mtime", "--", *GOALS)
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    assert second.returncode != 0 and "lock" in (second.stdout + second.stderr).lower()
    said, _ = first.communicate(timeout=600)
    assert first.returncode == 0, said[-3000:]
    check(project, broken)
