"""Metrics from files, the control with shuffled windows, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.data.shuffled import ShuffledWindows
from gexpipe.errors import UserError
from gexpipe.methods.merged import read_method
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.models.checkpoint import load_model
from gexpipe.prediction.genes import (
    predict_rows,
    prediction_and_embeddings,
    prediction_table,
    write_embeddings,
)
from gexpipe.tables.metrics import metric_table, score
from gexpipe.train.run import train
from tests.train.fake import MODELS, data_for, method


def test_score() -> None:
    observed, predicted = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 5.0])
    found = score(observed, predicted)
    assert found["mse"] == 1.0
    assert found["mae"] == 0.5
    assert found["pearson"] == pytest.approx(8 / 70**0.5)
    assert found["spearman"] == pytest.approx(1.0)
    assert np.isnan(score(observed, np.ones(4))["pearson"])


def file(folder: Path, name: str = "p.parquet", **changed: object) -> Path:
    table = pd.DataFrame(
        {
            "gene_id": ["a", "b", "c"],
            "split": "test",
            "observed": [0.0, 1.0, 2.0],
            "predicted": [0.0, 1.0, 3.0],
        }
    ).assign(**changed)
    table.to_parquet(folder / name)
    return folder / name


def test_metric_table(tmp_path: Path) -> None:
    paths = [file(tmp_path, "a.parquet"), file(tmp_path, "b.parquet", predicted=[0.0, 1.0, 2.0])]
    table = metric_table(paths, "test")
    assert table["n"].tolist() == [3, 3]
    assert table["mse"].tolist() == pytest.approx([1 / 3, 0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"split": "train"}, "no predictions for split 'test'"),
        ({"gene_id": ["a", "b", "b"]}, "gene b occurs twice"),
        ({"predicted": [0.0, np.nan, 1.0]}, "gene b has a value that is not finite"),
    ],
)
def test_bad_predictions_are_refused(changed: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        metric_table([file(tmp_path, **changed)], "test")


@pytest.mark.parametrize("architecture", MODELS)
def test_batch_size_changes_no_prediction(architecture: str) -> None:
    config, data = method(architecture), data_for(architecture)
    torch.manual_seed(0)
    model = build(architecture, config["model"], config["inputs"])
    rows = data.split(11, "train")
    results = [predict_rows(model, data, rows, size)[1] for size in (1, 7, 40)]
    for other in results[1:]:
        np.testing.assert_allclose(results[0], other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ["caduceus", "epinformer"])
def test_shuffled_windows(architecture: str) -> None:
    data = data_for(architecture)
    shuffled = ShuffledWindows(data, 11, seed=1)
    rows = data.split(11, "test")
    own, other = data.batch(rows), shuffled.batch(rows)
    assert torch.equal(own.target, other.target)
    assert torch.equal(own.features, other.features)
    changed = own.elements if architecture == "epinformer" else own
    moved = other.elements if architecture == "epinformer" else other
    assert not any(torch.equal(a, b) for a, b in zip(changed.codes, moved.codes, strict=True))
    # the same windows, within the part
    assert sorted(w.sum().item() for w in own.codes) == sorted(w.sum().item() for w in other.codes)
    again = ShuffledWindows(data, 11, seed=1).batch(rows)
    assert torch.equal(again.codes, other.codes)


def test_a_model_that_reads_the_window_gets_worse_on_shuffled_ones(tmp_path: Path) -> None:
    settings = {"steps": 60, "warmup_steps": 5, "learning_rate": 1e-2}
    config = MethodConfig.from_mapping(method("caduceus", **settings))
    data = data_for("caduceus")
    train(config, data, 11, 2, tmp_path)
    model, _, _ = load_model(tmp_path / "best.ckpt")

    def error(genes) -> float:
        table = prediction_table(model, genes, 11, 8, ("test",))
        return ((table["observed"] - table["predicted"]) ** 2).mean()

    assert error(ShuffledWindows(data, 11, seed=3)) > 1.5 * error(data)


def test_checkpoint_gives_the_written_predictions(tmp_path: Path) -> None:
    data = data_for("seq2exp_soft")
    train(MethodConfig.from_mapping(method("seq2exp_soft")), data, 11, 2, tmp_path)
    model, config, content = load_model(tmp_path / "best.ckpt")
    table = prediction_table(model, data, content["fold"], config.train.batch_size)
    pd.testing.assert_frame_equal(table, pd.read_parquet(tmp_path / "predictions.parquet"))


def test_method_from_text_and_file(tmp_path: Path) -> None:
    text = json.dumps(method("prism"))
    (tmp_path / "m.json").write_text(text)
    assert read_method(text) == read_method(str(tmp_path / "m.json"))
    assert MethodConfig.from_mapping(read_method(text).as_mapping()) == read_method(text)
    with pytest.raises(UserError, match="unknown key 'modle'"):
        read_method(json.dumps({**method("prism"), "modle": {}}))
    with pytest.raises(UserError, match="no such method configuration"):
        read_method(str(tmp_path / "missing.yaml"))


def test_checkpoint_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"nothing")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_model(tmp_path / "x.ckpt")


@pytest.mark.parametrize("architecture", [name for name in MODELS if name != "enhancer_encoder"])
def test_embeddings_are_what_the_head_reads(architecture: str, tmp_path: Path) -> None:
    config, data = method(architecture), data_for(architecture)
    torch.manual_seed(0)
    model = build(architecture, config["model"], config["inputs"])
    table, vectors = prediction_and_embeddings(model, data, 11, 4)
    pd.testing.assert_frame_equal(table, prediction_table(model, data, 11, 4))
    assert vectors.shape == (len(table), 16)
    rows = np.concatenate([data.split(11, part) for part in ("valid", "test")])
    joined = torch.cat([torch.from_numpy(vectors), data.features[rows]], dim=1)
    predicted = model.head.mlp(joined).squeeze(1).detach().numpy()
    np.testing.assert_allclose(predicted, table["predicted"], rtol=1e-5, atol=1e-6)
    write_embeddings(tmp_path / "e.npz", table["gene_id"].tolist(), vectors)
    written = np.load(tmp_path / "e.npz")
    assert written["gene_id"].tolist() == table["gene_id"].tolist()
    np.testing.assert_array_equal(written["embedding"], vectors)


def test_a_method_without_pooled_vector_has_no_embeddings() -> None:
    config, data = method("enhancer_encoder"), data_for("enhancer_encoder")
    model = build("enhancer_encoder", config["model"], config["inputs"])
    with pytest.raises(UserError, match="--embeddings: this method pools no vector"):
        prediction_and_embeddings(model, data, 11, 4)
