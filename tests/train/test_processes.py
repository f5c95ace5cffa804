"""Training shared between processes, as between GPUs: the same model, one decision."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch

SCRIPT = Path(__file__).with_name("processes.py")


def trained(architecture: str, processes: int, out: Path) -> dict[str, torch.Tensor]:
    """Weights after training with so many processes."""
    command = [sys.executable, str(SCRIPT), architecture, str(processes), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    weights: dict[str, torch.Tensor] = torch.load(out / "last.ckpt", weights_only=True)["model"]
    return weights


def test_two_processes_train_the_model_of_one(tmp_path: Path) -> None:
    """A method without random parts and batch norm: what differs is the order of sums."""
    one, two = (trained("caduceus", n, tmp_path / str(n)) for n in (1, 2))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-6)


def test_processes_agree_on_every_validation(tmp_path: Path) -> None:
    """Batch statistics differ between them; a validation decides for all when to stop."""
    trained("epinformer", 2, tmp_path)
    first, second = (json.loads((tmp_path / f"rank{n}.json").read_text()) for n in (0, 1))
    assert first == second
    assert len(first) > 1
