"""The workflow through its SLURM profiles, on a real SLURM of one node with two (fake) GPUs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.project import Project
from tests.slurm.conftest import LIMIT, Slurm

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

RUN = "results/runs/SIM1/{}/fold11/seed2"


def copy(project: Project, folder: Path) -> Path:
    shutil.copytree(project.folder, folder)
    return folder


def test_a_change_runs_through_the_profile_to_new_predictions(
    finished: Project, slurm: Slurm, tmp_path: Path
) -> None:
    """Preparation in the cpu partition, training with ``--gpus`` in the gpu partition."""
    folder = copy(finished, tmp_path / "tiny")
    target = RUN.format("epinformer") + "/predictions.parquet"
    before = pd.read_parquet(folder / target)
    text = slurm.run(folder, "slurm", {"elements": {"max_elements": 2}}, "--", target)
    assert "resources/files" not in text, "nothing is downloaded again"
    after = pd.read_parquet(folder / target)
    assert list(after["gene_id"]) == list(before["gene_id"])
    assert not after["predicted"].equals(before["predicted"])
    for rule in ("elements", "element_store"):
        (job,) = slurm.jobs(rule)
        assert (job["Partition"], job["JobState"]) == ("cpu", "COMPLETED")
        assert "TresPerJob" not in job and "TresPerNode" not in job
    (job,) = slurm.jobs("train")
    assert (job["Partition"], job["JobState"]) == ("gpu", "COMPLETED")
    assert job["TresPerJob"] == "gres:gpu:1", "from --gpus=1"
    assert "mem=16000M" in job["TRES"] and job["TimeLimit"] == "2-00:00:00"
    log = (folder / "logs/train/SIM1.epinformer.fold11.seed2.log").read_text()
    assert "is held by this process" in log, "the device that SLURM gave was seen"


def test_a_cancelled_training_continues_from_its_checkpoint(
    finished: Project, slurm: Slurm, tmp_path: Path
) -> None:
    """Cancelled half way, run again: the same predictions and weights as an unbroken run."""
    longer = {"overrides": {"epinformer": {"train": {"steps": 300, "validations_per_epoch": 1}}}}
    target = RUN.format("epinformer") + "/predictions.parquet"
    unbroken = Project(copy(finished, tmp_path / "unbroken"))
    done = unbroken.run("--", target, change=longer)
    assert done.returncode == 0, done.stderr[-4000:]

    folder = copy(finished, tmp_path / "broken")
    first = len(slurm.jobs("train"))
    process = slurm.start(folder, "slurm-gres", longer, "--retries", "0", "--", target)
    reached = cancel_half_way(slurm, folder, first)
    text, _ = process.communicate(timeout=LIMIT)
    assert process.returncode != 0 and "Error in rule train" in text, text[-4000:]
    assert not (folder / target).exists(), "nothing that looks finished is left"

    slurm.run(folder, "slurm-gres", longer, "--", target)
    log = (folder / "logs/train/SIM1.epinformer.fold11.seed2.log").read_text()
    assert "continuing from step" in log
    assert int(log.split("continuing from step ")[1].split()[0]) >= reached
    assert (folder / target).read_bytes() == (unbroken.folder / target).read_bytes()
    weights, expected = (best_weights(place) for place in (folder, unbroken.folder))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    jobs = slurm.jobs("train")[first:]
    assert [job["JobState"] for job in jobs] == ["CANCELLED", "COMPLETED"]
    assert {job["Partition"] for job in jobs} == {"gpu"}
    assert {job["TresPerNode"] for job in jobs} == {"gres:gpu:1"}, "from --gres=gpu:1"


def cancel_half_way(slurm: Slurm, folder: Path, first: int) -> int:
    """Cancel the training job once its checkpoint is new and past step 0; that step."""
    checkpoint = folder / RUN.format("epinformer") / "last.ckpt"
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        step = step_of(checkpoint)
        if 0 < step < 250:
            (job,) = slurm.jobs("train")[first:]
            slurm.ask("scancel", job["JobId"])
            return step
        time.sleep(0.1)
    raise AssertionError("no checkpoint of the training job appeared")


def step_of(checkpoint: Path) -> int:
    """Step of a checkpoint of the longer run; 0 while that of the finished run still stands."""
    if not checkpoint.exists():
        return 0
    content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return content["step"] if content["method"]["train"]["steps"] == 300 else 0


def best_weights(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / RUN.format("epinformer") / "best.ckpt"
    weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
    return weights
