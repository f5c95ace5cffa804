"""Training shared between processes, as between GPUs: the same model, one decision, one line.

Devices exist by name only (CUDA_VISIBLE_DEVICES), so that the processes compute on the CPU.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.train.processes import main
from tests.train.test_gene_features import config, tables

SCRIPT = Path(__file__).with_name("processes.py")
# As much as sums in another order change, after Adam's division by the size of the gradient.
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
TRAIN = {"steps": 2000, "warmup_steps": 4, "batch_size": 15, "accumulate": 2, "patience": 3}


@pytest.fixture(scope="module")
def genes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of a cell type, and the folder of the locks."""
    folder = tmp_path_factory.mktemp("genes")
    made = tables(120)
    made.examples.to_parquet(folder / "examples.parquet")
    assert made.elements is not None
    made.elements.to_parquet(folder / "links.parquet")
    return folder


def start(genes: Path, out: Path, devices: int, **train: Any) -> subprocess.Popen[str]:
    """``gexpipe train`` on two devices that exist by name only."""
    method = config().as_mapping()
    method["train"].update(TRAIN, **train)
    names = ("examples", "links")
    files = [word for name in names for word in (f"--{name}", str(genes / f"{name}.parquet"))]
    command = [
        sys.executable, "-m", "gexpipe", "train", *files, "--method", json.dumps(method),
        "--devices", str(devices), "--out", str(out),
    ]  # fmt: skip
    variables = {"CUDA_VISIBLE_DEVICES": "7,8", "GEXPIPE_LOCKS": str(out.parent / "locks")}
    # As within a job of SLURM, where srun started this one process.
    variables |= {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1"}
    return subprocess.Popen(
        command, env={**os.environ, **variables}, text=True, stderr=subprocess.PIPE
    )


def trained(genes: Path, out: Path, devices: int, **train: Any) -> str:
    """Log of a run that ends well."""
    process = start(genes, out, devices, **train)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log[-3000:]
    return log


def weights(out: Path) -> dict[str, torch.Tensor]:
    """Weights of a run, but those whose gradient is rounding: softmax does not see a key's bias."""
    found: dict[str, torch.Tensor] = torch.load(out / "last.ckpt", weights_only=True)["model"]
    return {name: value for name, value in found.items() if "key_value.bias" not in name}


def children(process: subprocess.Popen[str]) -> list[int]:
    """Processes that the command has started, by their place."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(word) for word in text.split()]


def training(genes: Path, out: Path, **train: Any) -> tuple[subprocess.Popen[str], list[int]]:
    """A run of two processes, past its first validation, and the numbers of both."""
    process = start(genes, out, 2, **train)
    end = time.monotonic() + 120
    while not (out / "last.ckpt").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    return process, children(process)


def gone(pids: list[int]) -> bool:
    """Whether all processes end within ten seconds."""
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


def same(one: Path, two: Path) -> None:
    """Losses, early stopping, weights and predictions of two runs, up to the order of sums."""
    first, second = (pd.read_csv(out / "history.csv") for out in (one, two))
    assert first["step"].tolist() == second["step"].tolist()
    for column in ("train_loss", "valid_mse"):
        np.testing.assert_allclose(second[column], first[column], **CLOSE)
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(two)[name], value, **CLOSE, msg=name)
    tables = (pd.read_parquet(out / "predictions.parquet") for out in (one, two))
    pd.testing.assert_frame_equal(*tables, rtol=1e-3, atol=1e-3)


def test_two_processes_train_what_one_does_also_when_killed(genes: Path, tmp_path: Path) -> None:
    """Batches of 15 genes cannot be shared evenly; the checkpoint is that of any number."""
    one, two, less = (tmp_path / name for name in ("one", "two", "less"))
    trained(genes, one, 1)
    process, pids = training(genes, two)
    process.kill()
    process.communicate(timeout=60)
    assert gone(pids), "they end with the command"
    shutil.copytree(two, less)
    log = trained(genes, two, 2)
    assert "continuing from step" in log
    assert log.count("parameters, fold 11, seed 2") == 1, "one process talks"
    same(one, two)
    assert "continuing from step" in trained(genes, less, 1)
    same(one, less)
    records = [json.loads((out / "run.json").read_text()) for out in (one, two, less)]
    assert [record["processes"] for record in records] == [1, 2, 1]


def test_a_killed_process_ends_all_with_one_line(genes: Path, tmp_path: Path) -> None:
    process, pids = training(genes, tmp_path / "out", steps=100_000, patience=0)
    os.kill(pids[1], signal.SIGKILL)
    _, log = process.communicate(timeout=60)
    said = "process 2 of 2 was ended by SIGKILL, for lack of memory perhaps: run it again"
    assert said in log and log.count("gexpipe:") == 1, log[-3000:]
    assert process.returncode == 1 and "Traceback" not in log
    assert gone(pids)


def test_a_mistake_that_all_processes_find_is_one_line(genes: Path, tmp_path: Path) -> None:
    process = start(genes, tmp_path / "out", 2, batch_size=1)
    _, log = process.communicate(timeout=120)
    said = [line for line in log.splitlines() if line.startswith("gexpipe:")]
    assert process.returncode == 1
    expected = "train.batch_size: 1 genes a batch for 2 GPUs, expected one for each at least"
    assert said == [f"gexpipe: error: {expected}"]


def test_batch_norm_reads_the_genes_of_all_processes(tmp_path: Path) -> None:
    """Prism's: what is validated is that of one process with the whole batch."""
    main("prism", 1, tmp_path / "1")
    command = [sys.executable, str(SCRIPT), "prism", "2", str(tmp_path / "2")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (json.loads((tmp_path / f"{n}/rank0.json").read_text()) for n in (1, 2))
    assert len(one) > 1
    for first, second in zip(one, two, strict=True):
        assert second["valid_mse"] == pytest.approx(first["valid_mse"], rel=1e-3)
