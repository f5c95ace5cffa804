"""The contract that `gexpipe models check` asks of a model: each broken promise is one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import ExpressionModel, Output
from gexpipe.models.contract import check_contract, example_batch


@dataclass(frozen=True)
class Options:
    broken: str = ""


class Model(ExpressionModel):
    """A small network that breaks one promise when it is told to."""

    Options = Options

    def __init__(self, options, inputs):
        super().__init__()
        self.broken = options.broken
        self.layer = torch.nn.Linear(len(inputs.signals) + inputs.features, 1)
        self.scale = 1.0
        if self.broken == "weights":
            with torch.no_grad():
                self.layer.bias.fill_(Model.drawn)
                Model.drawn += 1

    drawn = 0.0

    def forward(self, batch):
        signals = batch.signals.mean(dim=2)
        if self.broken == "signals":
            signals = signals / signals
        if self.broken == "bases":
            known = (batch.codes < 4).float().mean(dim=1, keepdim=True)
            signals = signals / known
        if self.broken == "alone":
            signals = signals - signals.mean(dim=0)
        if self.broken == "same":
            signals = signals + torch.rand_like(signals)
        if self.broken == "state":
            self.scale = self.scale + self.training
        found = self.layer(torch.cat([signals, batch.features], dim=1)) * self.scale
        return Output(found if self.broken == "shape" else found.squeeze(1))


def answers(broken: str = "") -> dict[str, bool | None]:
    config = MethodConfig.from_mapping(
        {
            "name": "mine",
            "architecture": f"{__name__}:Model",
            "inputs": {"length": 64, "signals": ["H3K27ac", "DNase"], "elements": False},
            "model": {"broken": broken},
        }
    )
    return {answer.what: answer.kept for answer in check_contract(config)}


def test_a_sound_model_keeps_all() -> None:
    assert all(kept is not False for kept in answers().values())


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ("shape", "predictions of shape (B,)"),
        ("signals", "genes without a signal are finite"),
        ("bases", "windows without a base (N) are finite"),
        ("alone", "a gene's prediction is its own"),
        ("same", "the same input gives the same bits"),
        ("weights", "the same seed gives the same weights"),
        ("state", "a checkpoint gives the same bits"),
    ],
)
def test_a_broken_promise_is_found(broken: str, what: str) -> None:
    found = answers(broken)
    assert found[what] is False


def test_predictions_are_not_broadcast_in_training() -> None:
    config = MethodConfig.from_mapping(
        {
            "name": "mine",
            "architecture": f"{__name__}:Model",
            "inputs": {"length": 64, "signals": ["H3K27ac"], "elements": False},
            "model": {"broken": "shape"},
        }
    )
    model, batch = Model(config.options, config.inputs), example_batch(config)
    with pytest.raises(UserError, match=r"Model: its predictions are \(3, 1\), expected \(3,\)"):
        model.loss(batch, model(batch))
