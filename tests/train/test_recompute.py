"""Recomputed layers: the same gradients from less memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.train.run import train
from tests.train.fake import MODELS, data_for, method

WITHOUT = ("epinformer", "enhancer_encoder")  # no stack of equal layers
STACKED = [a for a in MODELS if a not in WITHOUT]


def step(architecture: str, recompute: bool) -> tuple[list[torch.Tensor], int]:
    """Gradients of a step, and the bytes that were kept for the backward pass."""
    config, data = method(architecture), data_for(architecture)
    torch.manual_seed(0)
    model = build(architecture, {**config["model"], "layers": 3}, config["inputs"]).train()
    if recompute:
        model.recompute_layers()
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        batch = data.batch(data.split(11, "train")[:4])
        loss = model.loss(batch, model(batch))["total"]
    held = sum(kept.values())
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return [loss.detach(), *gradients], held


@pytest.mark.parametrize("architecture", STACKED)
def test_same_gradients_from_less_memory(architecture: str) -> None:
    usual, much = step(architecture, recompute=False)
    again, little = step(architecture, recompute=True)
    assert all(torch.equal(a, b) for a, b in zip(usual, again, strict=True))
    assert little < 0.5 * much


def test_training_gives_the_same_bits(tmp_path: Path) -> None:
    for name, recompute in (("a", False), ("b", True)):
        config = MethodConfig.from_mapping(method("seq2exp_soft", recompute_layers=recompute))
        train(config, data_for("seq2exp_soft"), 11, 2, tmp_path / name)
    tables = [pd.read_parquet(tmp_path / k / "predictions.parquet") for k in "ab"]
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("architecture", WITHOUT)
def test_methods_without_layers_say_so(architecture: str) -> None:
    config = method(architecture)
    with pytest.raises(UserError, match=r"train\.recompute_layers"):
        build(architecture, config["model"], config["inputs"]).recompute_layers()
