"""Enformer: without its package a clear message; with it sizes, options, pretrained weights."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.published import EnformerOptions
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import Inputs, build, parameters
from gexpipe.train.run import train
from gexpipe.train.start import start
from tests.train.fake import FakeData

SMALL = {
    "dim": 384, "depth": 1, "heads": 2, "attn_dim_key": 8, "num_downsamples": 3, "hidden": 8,
    "target_length": 16,
}  # fmt: skip
INPUTS = {"length": 256, "signals": [], "elements": False}
METHOD = {"name": "enformer", "architecture": "enformer", "inputs": INPUTS, "model": SMALL}


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "enformer_pytorch", None)
    with pytest.raises(UserError, match=r"pip install 'gexpipe\[enformer\]'"):
        build("enformer", {}, Inputs(196_608))


def test_published_size() -> None:
    pytest.importorskip("enformer_pytorch")
    with torch.device("meta"):
        model = build("enformer", {}, Inputs(196_608))
    assert parameters(model) == 230_256_641
    assert model.head.mlp[0].weight.shape == (128, 3072 + 9)
    with pytest.raises(UserError, match="expected at least 114688"):
        build("enformer", {}, Inputs(100_000))


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"dim": 192}, "dim"), ({"dim": 256}, "heads"), ({"num_downsamples": 2}, "num_downsamples")],
)
def test_sizes_that_the_package_cannot_build_are_refused(changes: dict[str, int], key: str) -> None:
    with pytest.raises(UserError, match=f"model.{key}: .*expected"):
        MethodConfig.from_mapping({**METHOD, "model": {**SMALL, **changes}})


def test_trains(tmp_path: Path) -> None:
    pytest.importorskip("enformer_pytorch")
    settings = {"steps": 2, "warmup_steps": 1, "batch_size": 2, "precision": "32-true"}
    config = MethodConfig.from_mapping({**METHOD, "train": settings})
    train(config, FakeData(genes=12), 11, 2, tmp_path)
    assert (tmp_path / "predictions.parquet").exists()


@pytest.mark.parametrize("option", [f.name for f in dataclasses.fields(EnformerOptions)])
def test_every_option_changes_the_loss_or_its_gradient(option: str) -> None:
    pytest.importorskip("enformer_pytorch")
    if option == "use_tf_gamma":
        pytest.skip("defined for 1,536 positions only")
    batch = FakeData(genes=12).batch([0, 1])
    usual = SMALL.get(option, getattr(EnformerOptions(), option))
    other = {"num_downsamples": 4, "dropout_rate": 0.1}.get(option, usual * 2)

    def outcome(choice: object) -> list[float]:
        torch.manual_seed(0)
        model = build("enformer", {**SMALL, option: choice}, INPUTS).train()
        torch.manual_seed(0)
        loss = model.loss(batch, model(batch))["total"]
        loss.backward()
        return [loss.item()] + [float(p.grad.norm()) for p in model.parameters()]

    assert outcome(usual) != outcome(other)


def test_starts_from_pretrained_weights(tmp_path: Path) -> None:
    package = pytest.importorskip("enformer_pytorch")
    sizes = {k: v for k, v in SMALL.items() if k != "hidden"}
    pretrained = package.Enformer.from_hparams(output_heads={"human": 3}, **sizes)
    pretrained.save_pretrained(tmp_path, safe_serialization=False)
    model = build("enformer", SMALL, INPUTS)
    config = MethodConfig.from_mapping({**METHOD, "start_from": str(tmp_path)})
    assert start(model, config, tmp_path)
    theirs = pretrained.state_dict()
    assert all(torch.equal(v, theirs[k]) for k, v in model.trunk.state_dict().items())
    narrow = build("enformer", {**SMALL, "attn_dim_key": 4}, INPUTS)
    with pytest.raises(UserError, match="another "):
        start(narrow, config, tmp_path)
    with pytest.raises(UserError, match=r"config\.json"):
        start(model, config, tmp_path / "nowhere")
