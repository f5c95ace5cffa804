"""Data preparation needs no torch; the command line starts without loading any stage."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gexpipe.cli.main import STAGES

PREPARATION = sorted(set(STAGES) - {"train", "models"})


def run_without_torch(code: str) -> subprocess.CompletedProcess[str]:
    blocked = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'lightning'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    return subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("stage", PREPARATION)
def test_preparation_stage_is_loaded_without_torch(stage: str) -> None:
    done = run_without_torch(f"import gexpipe.cli.{stage}")
    assert done.returncode == 0, done.stderr


def test_functions_of_preparation_are_loaded_without_torch() -> None:
    modules = [
        "abc.candidates", "abc.activity", "abc.scores", "contact.rows", "contact.window",
        "peaks.macs", "reference.examples", "windows.sequence", "windows.signals",
        "windows.elements", "windows.inspect", "tables.build", "tables.figures",
        "tables.metrics", "baselines.fit", "download.one_file", "doctor.installed",
    ]  # fmt: skip
    done = run_without_torch("\n".join(f"import gexpipe.{name}" for name in modules))
    assert done.returncode == 0, done.stderr


def test_help_loads_no_stage() -> None:
    code = (
        "import sys\nfrom gexpipe.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'pandas', 'numpy', 'zarr', 'matplotlib', 'pysam'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(stage in done.stdout for stage in STAGES)


def test_every_stage_has_help() -> None:
    for stage in STAGES:
        done = subprocess.run(
            [sys.executable, "-m", "gexpipe", stage, "--help"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, stage + done.stderr
        assert "Usage" in done.stdout


def test_user_error_is_one_line_and_faults_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gexpipe", "windows", "inspect", "nowhere.zarr"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("gexpipe: error: nowhere.zarr: not a finished window store")
    assert len(done.stderr.strip().splitlines()) == 1
