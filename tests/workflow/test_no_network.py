"""Jobs need no network: the whole tiny run is made where every connection is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def test_nothing_turned_to_a_network(finished: Project) -> None:
    assert (finished.folder / "results/tables/table1.tsv").exists()
    assert not (finished.folder / "network_calls.txt").exists()


def test_a_connection_would_have_been_seen(tmp_path: Path) -> None:
    calls = tmp_path / "calls.txt"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests/no_network"),
        "GEXPIPE_TEST_CALLS": str(calls),
    }
    code = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and "no network in this test" in done.stderr
    assert calls.read_text()


def test_no_tracker_is_loaded_by_training() -> None:
    code = "import sys, gexpipe.train.run; print(*(n.split('.')[0] for n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    trackers = {"wandb", "mlflow", "comet_ml", "neptune", "tensorboard", "tensorboardX"}
    assert not trackers & set(done.stdout.split())


def test_a_run_folder_holds_no_tracker_files(finished: Project) -> None:
    folder = finished.folder / "results/runs/SIM1/prism/fold11/seed2"
    written = {path.name for path in folder.iterdir()}
    expected = {"best.ckpt", "last.ckpt", "history.csv", "predictions.parquet", "run.json"}
    assert written == expected
