"""Methods that start from trained weights of another run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.merged import with_starts
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.models.checkpoint import load_model, save_checkpoint
from gexpipe.train.run import train
from gexpipe.train.start import start, weights_digest
from tests.train.fake import data_for, method, start_for


def fresh(architecture: str, **model: object):
    config = method(architecture)
    config["model"] = {**config["model"], **model}
    made = MethodConfig.from_mapping(config)
    torch.manual_seed(0)
    return build(architecture, made.model, made.inputs), made


def test_retrain_takes_over_the_mask_and_never_trains_it(tmp_path: Path) -> None:
    path = start_for("seq2exp_retrain", tmp_path)
    config = MethodConfig.from_mapping(method("seq2exp_retrain"))
    train(config, data_for("seq2exp_retrain"), 11, 2, tmp_path / "run", start_from=path)
    soft, _, _ = load_model(path)
    trained, _, _ = load_model(tmp_path / "run" / "best.ckpt")
    for part in ("embed", "generator", "mask"):
        ours, theirs = (getattr(m, part).state_dict() for m in (trained.frozen, soft))
        assert all(torch.equal(ours[k], v) for k, v in theirs.items())
    batch = data_for("seq2exp_retrain").batch([0, 1, 2]).dense()
    mask = trained.eval()(batch).extras["mask"]
    assert mask.sum(1).tolist() == [128.0] * 3
    assert mask[:, 96:160].all()
    soft_mask = soft.eval()(batch).extras["mask"]
    torch.testing.assert_close(trained(batch).extras["soft_mask"], soft_mask)


def test_what_cannot_be_started_from(tmp_path: Path) -> None:
    path = start_for("seq2exp_retrain", tmp_path)
    with pytest.raises(UserError, match="starts from seq2exp_soft: give its checkpoint"):
        start(*fresh("seq2exp_retrain"), None)
    with pytest.raises(UserError, match=r"model\.prior_scale: 5\.0, the mask has 10\.0"):
        start(*fresh("seq2exp_retrain", prior_scale=5.0), path)
    with pytest.raises(UserError, match="starts from fresh weights"):
        start(*fresh("hyena"), path)
    model, config = fresh("caduceus")
    other = tmp_path / "caduceus.ckpt"
    save_checkpoint(other, {"method": config.as_mapping(), "model": model.state_dict()})
    with pytest.raises(UserError, match="a checkpoint of caduceus"):
        start(*fresh("seq2exp_retrain"), other)


def test_a_run_does_not_continue_from_another_start(tmp_path: Path) -> None:
    path = start_for("seq2exp_retrain", tmp_path)
    config = MethodConfig.from_mapping(method("seq2exp_retrain"))
    data = data_for("seq2exp_retrain")
    train(config, data, 11, 2, tmp_path / "run", start_from=path)
    soft, theirs, _ = load_model(path)
    before = weights_digest(soft)
    torch.nn.init.ones_(soft.mask.output.bias)
    assert weights_digest(soft) != before
    save_checkpoint(path, {"method": theirs.as_mapping(), "model": soft.state_dict()})
    with pytest.raises(UserError, match="other weights to start from"):
        train(config, data, 11, 2, tmp_path / "run", start_from=path)


def test_start_from_is_part_of_the_configuration() -> None:
    config = MethodConfig.from_mapping({**method("seq2exp_retrain"), "start_from": "seq2exp_soft"})
    assert MethodConfig.from_mapping(config.as_mapping()) == config
    with pytest.raises(UserError, match="starts from seq2exp_soft"):
        start(*fresh("seq2exp_retrain"), None)
    assert dataclasses.replace(config, start_from="") != config


def test_what_methods_start_from_is_trained_too() -> None:
    files = {"b": {"start_from": "c"}, "c": {}}
    methods = {"a": {"start_from": "b"}, "d": {"start_from": "weights/{cell}.pt"}}
    assert list(with_starts(methods, files.__getitem__)) == ["a", "d", "b", "c"]
    assert list(with_starts(files, files.__getitem__)) == ["b", "c"]


def test_epinformer_takes_over_a_pretrained_encoder(tmp_path: Path) -> None:
    source = MethodConfig.from_mapping(method("enhancer_encoder"))
    encoder, _ = fresh("enhancer_encoder")
    encoder.encoder.norms[0].running_mean.fill_(3.0)
    path = tmp_path / "encoder.ckpt"
    save_checkpoint(path, {"method": source.as_mapping(), "model": encoder.state_dict()})
    model, config = fresh("epinformer")
    before = weights_digest(model.encoder)
    start(model, config, path)
    assert weights_digest(model.encoder) == weights_digest(encoder.encoder) != before
    wide, config = fresh("epinformer", encoder_widths=[8, 8, 8, 8, 16])
    with pytest.raises(UserError, match=r"model\.encoder_widths"):
        start(wide, config, path)


def test_training_starts_from_the_pretrained_encoder(tmp_path: Path) -> None:
    model, source = fresh("enhancer_encoder")
    path = tmp_path / "encoder.ckpt"
    save_checkpoint(path, {"method": source.as_mapping(), "model": model.state_dict()})
    still = {"learning_rate": 1e-12, "warmup_from": 0.0, "final_learning_rate": 0.0, "steps": 1}
    config = MethodConfig.from_mapping(method("epinformer", **still, warmup_steps=0))
    train(config, data_for("epinformer"), 11, 2, tmp_path / "run", start_from=path)
    trained, _, _ = load_model(tmp_path / "run" / "best.ckpt")
    assert torch.allclose(trained.encoder.stem.weight, model.encoder.stem.weight, atol=1e-9)
