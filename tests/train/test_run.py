"""A whole run on a small data set: what it writes, that it continues, what it refuses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.checkpoint import load_checkpoint
from gexpipe.train import loop
from gexpipe.train.run import train
from tests.train.fake import MODELS, data_for, method, start_for

COLUMNS = ["gene_id", "symbol", "chrom", "fold", "split", "observed", "predicted"]


def run(
    architecture: str,
    out: Path,
    seed: int = 2,
    data=None,
    replace: bool = False,
    **settings: object,
):
    config = MethodConfig.from_mapping(method(architecture, **settings))
    start = start_for(architecture, out.parent)
    return train(
        config, data or data_for(architecture), 11, seed, out, start_from=start, replace=replace
    )


def predictions(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "predictions.parquet")


@pytest.mark.parametrize("architecture", MODELS)
def test_every_method_trains(architecture: str, tmp_path: Path) -> None:
    run(architecture, tmp_path)
    written = {p.name for p in tmp_path.iterdir()}
    assert written == {"best.ckpt", "last.ckpt", "history.csv", "predictions.parquet", "run.json"}
    table = predictions(tmp_path)
    masked = architecture == "macs3" or architecture.startswith("seq2exp")
    assert list(table.columns) == [*COLUMNS, *(["mask_ratio"] if masked else [])]
    assert table.groupby("split").size().to_dict() == {"test": 10, "valid": 10}
    assert np.isfinite(table["predicted"]).all()
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["step"].tolist() == [5, 8]
    best = load_checkpoint(tmp_path / "best.ckpt")
    assert best["best_mse"] == pytest.approx(history["valid_mse"].min())
    valid = table[table["split"] == "valid"]
    mse = ((valid["observed"] - valid["predicted"]) ** 2).mean()
    assert mse == pytest.approx(history["valid_mse"].min(), rel=1e-5)


def test_learns(tmp_path: Path) -> None:
    run("caduceus", tmp_path, steps=60, warmup_steps=5, learning_rate=1e-2)
    table = predictions(tmp_path)
    spread = table["observed"].var()
    assert ((table["observed"] - table["predicted"]) ** 2).mean() < 0.5 * spread


@pytest.mark.parametrize("settings", [{}, {"average": 0.5}])
@pytest.mark.parametrize("architecture", ["seq2exp_soft", "prism"])
@pytest.mark.parametrize("stop", [3, 6])
def test_continues_to_the_same_result(
    architecture: str,
    stop: int,
    settings: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(architecture, tmp_path / "whole", **settings)
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)
    step = loop._Run._step

    def killed(self, number: int, batch) -> float:
        if number == stop:
            raise KeyboardInterrupt
        return step(self, number, batch)

    with monkeypatch.context() as context:
        context.setattr(loop._Run, "_step", killed)
        with pytest.raises(KeyboardInterrupt):
            run(architecture, tmp_path / "broken", **settings)
    # A workflow removes the declared outputs of a job that did not finish.
    for name in ("best.ckpt", "history.csv"):
        (tmp_path / "broken" / name).unlink(missing_ok=True)
    run(architecture, tmp_path / "broken", **settings)
    pd.testing.assert_frame_equal(predictions(tmp_path / "whole"), predictions(tmp_path / "broken"))
    whole, broken = (pd.read_csv(tmp_path / k / "history.csv") for k in ("whole", "broken"))
    same = ["step", "train_loss", "valid_mse", "learning_rate"]
    pd.testing.assert_frame_equal(whole[same], broken[same])


def test_the_average_of_the_weights_is_kept_and_predicts(tmp_path: Path) -> None:
    run("caduceus", tmp_path / "last", steps=3, warmup_steps=0)
    run("caduceus", tmp_path / "mean", steps=3, warmup_steps=0, average=0.5)
    last, mean = (load_checkpoint(tmp_path / k / "best.ckpt")["model"] for k in ("last", "mean"))
    assert any(not torch.equal(last[k], mean[k]) for k in last)
    assert last.keys() == mean.keys()
    with pytest.raises(UserError, match=r"train\.average"):
        run("caduceus", tmp_path / "none", average=1.0)


def test_same_seed_same_bits_other_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 2), ("b", 2), ("c", 22)):
        run("caduceus", tmp_path / name, seed=seed)
    a, b, c = (predictions(tmp_path / name)["predicted"].to_numpy() for name in "abc")
    assert np.array_equal(a, b)
    assert not np.allclose(a, c)


def test_accumulation_changes_nothing_but_rounding(tmp_path: Path) -> None:
    run("caduceus", tmp_path / "one")
    run("caduceus", tmp_path / "parts", accumulate=3)
    one, parts = (predictions(tmp_path / k)["predicted"] for k in ("one", "parts"))
    np.testing.assert_allclose(one, parts, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("architecture", MODELS)
def test_half_precision(architecture: str, precision: str, tmp_path: Path) -> None:
    run(architecture, tmp_path / "full")
    run(architecture, tmp_path / "half", precision=precision)
    full, half = (predictions(tmp_path / k)["predicted"] for k in ("full", "half"))
    assert not np.array_equal(full, half)
    np.testing.assert_allclose(full, half, atol=0.2)


def test_refuses_to_continue_another_run(tmp_path: Path) -> None:
    run("caduceus", tmp_path)
    with pytest.raises(UserError, match=r"train\.learning_rate"):
        run("caduceus", tmp_path, learning_rate=1e-4)
    with pytest.raises(UserError, match="other data"):
        run("caduceus", tmp_path, data=data_for("caduceus", seed=1))
    with pytest.raises(UserError, match="seed"):
        run("caduceus", tmp_path, seed=3)


def test_replace_starts_anew_and_equals_a_first_run(tmp_path: Path) -> None:
    run("caduceus", tmp_path / "changed")
    run("caduceus", tmp_path / "changed", learning_rate=1e-4, replace=True)
    run("caduceus", tmp_path / "fresh", learning_rate=1e-4)
    changed, fresh = predictions(tmp_path / "changed"), predictions(tmp_path / "fresh")
    np.testing.assert_array_equal(changed["predicted"], fresh["predicted"])
    (tmp_path / "fresh/last.ckpt").write_bytes(b"cut off")
    run("caduceus", tmp_path / "fresh", learning_rate=1e-4, replace=True)
    again = predictions(tmp_path / "fresh")
    np.testing.assert_array_equal(changed["predicted"], again["predicted"])


def test_first_loss_that_is_not_finite_stops_and_names_the_gene(tmp_path: Path) -> None:
    data = data_for("caduceus")
    gene = int(data.split(11, "train")[3])
    data.signals[gene] = math.nan
    with pytest.raises(UserError, match=rf"not finite at step \d+; genes: G{gene}$"):
        run("caduceus", tmp_path, data=data)
    assert not (tmp_path / "predictions.parquet").exists()


@pytest.mark.parametrize("architecture", MODELS)
def test_empty_window_gives_no_nan(architecture: str, tmp_path: Path) -> None:
    data = data_for(architecture)
    data.codes[:] = 4
    data.signals[:] = 0
    if data.slot:
        data.slots[:] = 4
    run(architecture, tmp_path, data=data, steps=2)
    assert np.isfinite(predictions(tmp_path)["predicted"]).all()


def test_checkpoint_holds_only_plain_values(tmp_path: Path) -> None:
    run("caduceus", tmp_path)
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert {"method", "fingerprint", "fold", "seed", "version", "commit"} <= content.keys()


def test_patience_stops_and_a_stopped_run_stays_stopped(tmp_path: Path) -> None:
    settings = {"steps": 200, "learning_rate": 0.3, "final_learning_rate": 0.3, "patience": 2}
    fit = run("caduceus", tmp_path, **settings)
    history = pd.read_csv(tmp_path / "history.csv")
    assert 3 <= len(history) < 40
    assert history["valid_mse"].idxmin() == len(history) - 3
    assert run("caduceus", tmp_path, **settings).step == fit.step
