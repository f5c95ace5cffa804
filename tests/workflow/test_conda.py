"""``--sdm conda``: every job runs the Python, gexpipe and MACS3 of its own environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT, Project, simulate
from tests.workflow import stand_in_conda

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TARGET = "resources/reference/chrom.sizes"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    if not (folder / "simulated").exists():
        simulate(folder)
    done = Project(folder, network=True).run("--sdm", "conda", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def environments(folder: Path) -> list[Path]:
    return [path for path in (folder / ".snakemake/conda").iterdir() if path.is_dir()]


def test_a_job_runs_the_interpreter_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin = stand_in_conda.put_on(tmp_path / "conda")
    monkeypatch.setenv("PATH", f"{bin}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "run"
    run(folder, "--", TARGET)
    (environment,) = environments(folder)
    assert (folder / TARGET).exists()
    said = (environment / "said.txt").read_text()
    jobs = [line for line in said.splitlines() if f"{environment}/bin/gexpipe" in line]
    assert len(jobs) >= 2, said  # the download and the genome
    assert all(line.startswith(f"{environment}/bin/python") for line in jobs)
    asked = "import gexpipe.peaks.macs as macs; print(macs.__file__); macs.program()"
    done = subprocess.run(
        [environment / "bin/python", "-c", asked], capture_output=True, text=True, check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.stdout.strip() == str(ROOT / "src/gexpipe/peaks/macs.py")
    # The stand-in installs no MACS3; the one of the main installation is not taken.
    assert f"{environment}/bin/macs3: MACS3 is not installed with this Python" in done.stderr
    assert Path(sys.executable).with_name("macs3").exists()


def test_conda_makes_the_environments(tmp_path: Path) -> None:
    if shutil.which("conda") is None:
        pytest.skip("no conda on PATH: the environments themselves are not made here")
    run(tmp_path / "run", "--conda-create-envs-only", "--", TARGET)
    (environment,) = environments(tmp_path / "run")
    (packages,) = environment.glob("lib/python3.*/site-packages")
    stand_in_conda.listen(packages)
    run(tmp_path / "run", "--", TARGET)
    assert f"{environment}/bin/gexpipe" in (environment / "said.txt").read_text()
    done = subprocess.run([environment / "bin/macs3", "--version"], check=True, capture_output=True)
    assert b"3.0.4" in done.stdout
