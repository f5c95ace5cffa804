"""Which checkpoint is kept, and the loss of EPInformer's encoder, against numbers by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.base import l1_kl_loss
from gexpipe.models.checkpoint import load_checkpoint
from gexpipe.train.run import train
from tests.train.fake import data_for, method


def test_the_mixed_loss_is_that_of_its_formula() -> None:
    prediction = torch.tensor([0.5, -1.0, 2.0, 0.0])
    target = torch.tensor([1.0, -1.5, 2.5, -0.5])
    p, t = (np.exp(v) / np.exp(v).sum() for v in (prediction.numpy(), target.numpy()))
    kl = (t * (np.log(t) - np.log(p))).sum() / 4
    assert float(l1_kl_loss(prediction, target)) == pytest.approx((0.5 + 0.5 * kl) / 1.5, rel=1e-6)
    assert float(l1_kl_loss(target, target)) == pytest.approx(0.0, abs=1e-7)


def test_the_mixed_loss_needs_whole_batches() -> None:
    with pytest.raises(UserError, match=r"loss: l1_kl: compares the genes of a whole batch"):
        MethodConfig.from_mapping(method("caduceus", loss="l1_kl", accumulate=2))


@pytest.mark.parametrize("select", ["mse", "r2"])
def test_the_best_checkpoint_is_that_of_the_selection(select: str, tmp_path: Path) -> None:
    # A rate so high that the error jumps about while the correlation does something else.
    settings = {"steps": 60, "learning_rate": 0.1, "final_learning_rate": 0.1, "select": select}
    config = MethodConfig.from_mapping(method("caduceus", **settings))
    fit = train(config, data_for("caduceus"), 11, 2, tmp_path)
    history = pd.read_csv(tmp_path / "history.csv")
    best = {"mse": history["valid_mse"].idxmin(), "r2": history["valid_r2"].idxmax()}
    assert best["mse"] != best["r2"], "the two would choose alike"
    assert fit.best_step == history["step"][best[select]]
    assert fit.best_mse == pytest.approx(history["valid_mse"][best[select]])
    valid = pd.read_parquet(tmp_path / "predictions.parquet").query("split == 'valid'")
    r = np.corrcoef(valid["observed"], valid["predicted"])[0, 1]
    assert r**2 == pytest.approx(history["valid_r2"][best[select]], rel=1e-4)
    assert load_checkpoint(tmp_path / "best.ckpt")["best_step"] == fit.best_step


def test_patience_counts_what_is_selected(tmp_path: Path) -> None:
    settings = {"steps": 200, "learning_rate": 0.1, "final_learning_rate": 0.1}
    config = MethodConfig.from_mapping(method("caduceus", **settings, patience=2, select="r2"))
    train(config, data_for("caduceus"), 11, 2, tmp_path)
    history = pd.read_csv(tmp_path / "history.csv")
    assert len(history) < 40
    assert history["valid_r2"].idxmax() == len(history) - 3
