"""Prism's learned weights: as the model uses them, and from the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gexpipe.discovery.weights import draw_weights, learned_weights
from gexpipe.errors import UserError
from gexpipe.models import build
from tests.train.fake import FakeData, method


def test_weights_are_those_the_branches_use(tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings, data = method("prism"), FakeData()
    model = build("prism", settings["model"], settings["inputs"])
    model.eval()
    rows = data.split(11, "test")[:5]
    found = learned_weights(model, data, rows, 2)
    with torch.inference_mode():
        shown = model(data.batch(rows).dense(), branches=True).extras["weights"]
    np.testing.assert_allclose(found, shown.transpose(1, 2).numpy(), rtol=1e-5)
    assert found.shape[1] == 2 and 0 < found.min() < found.max() < 1
    draw_weights(found, [f"S{row}" for row in rows], "Prism", tmp_path / "w.png")
    assert (tmp_path / "w.png").read_bytes().startswith(b"\x89PNG")


def test_another_method_has_none() -> None:
    settings = method("caduceus")
    model = build("caduceus", settings["model"], settings["inputs"])
    with pytest.raises(UserError, match="learns no weights of signals"):
        learned_weights(model, FakeData(), np.arange(2), 2)
