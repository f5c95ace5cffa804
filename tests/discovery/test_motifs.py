"""A motif in the encoder's weights comes back, by name; without a pattern the table is empty."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.batch import Batch
from gexpipe.discovery.motifs import COLUMNS, attributions, find_motifs, match, read_motifs
from gexpipe.errors import UserError
from gexpipe.models import build
from gexpipe.simulate.genome import ACTIVATORS, encode, plant, write_motifs

LENGTH, NAME = 256, "gata"
ONE_HOT = np.eye(4, dtype=np.float32)
extra = pytest.mark.skipif(
    importlib.util.find_spec("modiscolite") is None, reason="the motifs extra is not installed"
)


class Planted:
    """Random elements; half of them hold the motif on the strand that the encoder reads."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(5)
        self.codes = rng.integers(0, 4, (count, LENGTH), dtype=np.uint8)
        motif = encode(ACTIVATORS[NAME])
        for row in self.codes[: count // 2]:
            for start in rng.choice(np.arange(20, LENGTH - 40, 40), 2, replace=False):
                row[start : start + len(motif)] = motif

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        n = len(rows)
        none = torch.zeros(n, LENGTH, dtype=torch.bool)
        return Batch(
            torch.as_tensor(rows), torch.from_numpy(self.codes[rows]), torch.zeros(n, 0, LENGTH),
            torch.zeros(n, 0), torch.zeros(n), none, none,
        )  # fmt: skip


def encoder_with_motif(noise: float) -> Any:
    """The published layers at small width, whose first channel is the motif and passes through."""
    options = {"encoder_widths": [4] * 5, "mlp_width": 4}
    inputs = {"length": LENGTH, "signals": [], "elements": False}
    model: Any = build("enhancer_encoder", options, inputs)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.ones_(module.weight)
    with torch.no_grad():
        kernel = torch.from_numpy(ONE_HOT[encode(ACTIVATORS[NAME][1:9])].T)
        model.encoder.stem.weight[0] = kernel
        model.encoder.stem.bias[0] = -6.0
        # A second channel reads noise: attributions of a trained encoder have both signs.
        torch.nn.init.normal_(
            model.encoder.stem.weight[1], 0, noise, generator=torch.Generator().manual_seed(1)
        )
        for convolution in model.encoder.convolutions:
            convolution.weight[[0, 1], [0, 1], 1] = 1
        for layer in model.mlp:
            if isinstance(layer, torch.nn.Linear):
                layer.weight[0, : 2 * LENGTH // 16 if layer.in_features > 4 else 1] = 1
                layer.bias[0] = 20.0
    return model


def test_contributions_are_the_kernel_where_the_motif_is() -> None:
    data: Any = Planted(8)
    bases, found = attributions(encoder_with_motif(0), data, np.arange(8), 3)
    assert bases.shape == found.shape == (8, LENGTH, 4)
    np.testing.assert_allclose(found.sum(axis=2), 0, atol=1e-4)
    motif = encode(ACTIVATORS[NAME])
    held = [
        (row, at)
        for row, codes in enumerate(Planted(8).codes)
        for at in range(LENGTH - 10)
        if (codes[at : at + 10] == motif).all()
    ]
    total = (bases * found).sum(axis=2)
    inside = np.mean([total[row, at + 1 : at + 9].mean() for row, at in held])
    assert len(held) >= 8
    assert inside == pytest.approx(0.75, abs=0.01)  # 1 at the base, less its share of the mean
    assert inside > 5 * abs(total).mean()


def test_both_strands_say_the_same_of_either() -> None:
    data: Any = Planted(8)
    model = encoder_with_motif(0.05)
    bases, found = attributions(model, data, np.arange(8), 3, both=True)
    data.codes = 3 - data.codes[:, ::-1].copy()
    turned, other = attributions(model, data, np.arange(8), 3, both=True)
    np.testing.assert_array_equal(turned, bases[:, ::-1, ::-1])
    np.testing.assert_allclose(other, found[:, ::-1, ::-1], atol=1e-5)
    alone = attributions(model, data, np.arange(8), 3)[1]
    assert abs(alone - other).max() > 0.01


@extra
@pytest.mark.slow
def test_the_planted_motif_comes_back(tmp_path: Path) -> None:
    write_motifs(tmp_path / "m.meme", False)
    database = read_motifs(tmp_path / "m.meme")
    assert len(database) == 7 and database[NAME].shape == (4, 10)
    data: Any = Planted(80)
    found = find_motifs(*attributions(encoder_with_motif(0.05), data, np.arange(80), 50), least=20)
    with pytest.warns(UserWarning):  # seven motifs are few
        table = match(found, database)
    first = table.sort_values("seqlets", ascending=False).iloc[0]
    assert first["match"] == NAME and first["effect"] == "raises"
    assert first["seqlets"] >= 40  # of 80 planted ones
    assert ACTIVATORS[NAME][1:9] in first["consensus"]


def test_without_patterns_the_table_is_empty() -> None:
    assert list(match([], {})) == COLUMNS and match([], {}).empty


@extra
def test_a_file_without_motifs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.meme").write_text("nothing\n")
    with pytest.raises(UserError, match="no motif; expected a file in MEME format"):
        read_motifs(tmp_path / "x.meme")


def test_planted_motifs_are_those_of_the_file(tmp_path: Path) -> None:
    write_motifs(tmp_path / "m.meme", False)
    text = (tmp_path / "m.meme").read_text()
    assert f"MOTIF {NAME}\n" in text
    assert "0.962500" in text  # 1 - 0.05 + 0.05 / 4
    codes = np.zeros(40, np.uint8)
    plant(np.random.default_rng(0), codes, ACTIVATORS[NAME], 20, 0, 0.0)
    assert pd.Series(codes).nunique() > 1
