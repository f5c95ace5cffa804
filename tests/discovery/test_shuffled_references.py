"""DeepLIFT of the encoder: it adds up, finds a planted motif, and is the same in parts."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

from gexpipe.discovery import shuffled_references as shuffled
from gexpipe.discovery.shuffled_references import OnDna, deep_lift
from gexpipe.errors import UserError
from gexpipe.models import build
from gexpipe.simulate.genome import ACTIVATORS, encode
from tests.discovery.test_motifs import LENGTH, NAME, Planted, encoder_with_motif

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tangermeme") is None, reason="the motifs extra is not installed"
)


def random_encoder() -> Any:
    """The published architecture at small width, every layer drawn at random, as if trained."""
    torch.manual_seed(3)
    options = {"encoder_widths": [8, 6, 4, 4, 8], "mlp_width": 8}
    model: Any = build(
        "enhancer_encoder", options, {"length": 256, "signals": [], "elements": False}
    )
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.01, 0.1)
    return model.eval()


@pytest.mark.parametrize("both", [False, True])
def test_contributions_add_up_to_the_difference(both: bool) -> None:
    data: Any = Planted(6)
    model = random_encoder()
    found = deep_lift(model, data, np.arange(6), 10, both)
    assert found.bases.shape == found.contributions.shape == (6, LENGTH, 4)
    assert np.abs(found.difference).min() > 1e-4, "something to add up to"
    assert found.gap < 1e-3
    assert not model.training
    np.testing.assert_allclose(
        (found.bases * found.contributions).sum(axis=(1, 2)), found.total, rtol=1e-5, atol=1e-6
    )


def test_the_order_of_work_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data: Any = Planted(5)
    whole = deep_lift(random_encoder(), data, np.arange(5), 8)
    monkeypatch.setattr(shuffled, "PAIRS", 3)
    parts = deep_lift(random_encoder(), data, np.arange(5), 8)
    np.testing.assert_allclose(parts.contributions, whole.contributions, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(parts.difference, whole.difference, atol=1e-5)
    other = deep_lift(random_encoder(), data, np.arange(5), 8, seed=100)
    assert abs(other.contributions - whole.contributions).max() > 1e-2


def test_the_planted_motif_has_the_contributions() -> None:
    data: Any = Planted(8)
    found = deep_lift(encoder_with_motif(0), data, np.arange(8), 20)
    motif = encode(ACTIVATORS[NAME])
    total = (found.bases * found.contributions).sum(axis=2)
    held = np.zeros_like(total, dtype=bool)
    for row, codes in enumerate(data.codes):
        for at in range(LENGTH - 10):
            held[row, at + 1 : at + 9] |= (codes[at : at + 10] == motif).all()
    assert held.sum() >= 8 * 8
    assert total[held].mean() > 20 * np.abs(total[~held]).mean()
    assert found.gap < 1e-3


def test_an_element_with_an_unknown_base_is_left_out() -> None:
    data: Any = Planted(4)
    data.codes[2, 7] = 4
    assert deep_lift(random_encoder(), data, np.arange(4), 2).rows.tolist() == [0, 1, 3]
    data.codes[:] = 4
    with pytest.raises(UserError, match="every element has an unknown base"):
        deep_lift(random_encoder(), data, np.arange(4), 2)


def test_either_strand_counts_the_same() -> None:
    data: Any = Planted(3)
    dna = data.batch(np.arange(3)).dense().sequence().float().transpose(1, 2)
    model = random_encoder()
    one = OnDna(model, both=True).eval()(dna)
    torch.testing.assert_close(one, OnDna(model, both=True).eval()(dna.flip(1, 2)))
    assert not torch.allclose(one, OnDna(model).eval()(dna))
