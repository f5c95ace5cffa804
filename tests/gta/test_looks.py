"""What a trained GTA looks at, beside plain loops over genes and heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.batch import Batch
from gexpipe.discovery.bin_attention import Looks, look
from gexpipe.discovery.bin_figures import draw_attention, draw_heads, draw_selected, write_numbers
from gexpipe.errors import UserError
from tests.gta.test_model import batch_of, make

GENES, LABELS = 5, [f"f{k}" for k in range(32)] + ["E5"]


class Few:
    """Five genes in memory."""

    def __init__(self) -> None:
        whole = batch_of(3)
        prompt = torch.cat([whole.prompt, whole.prompt])[:GENES]  # type: ignore[list-item]
        signals = torch.randn(GENES, 33, 9, generator=torch.Generator().manual_seed(4))
        self.whole = replace(
            whole, gene=torch.arange(GENES), signals=signals, prompt=prompt,
            target=torch.linspace(-1, 3, GENES), features=torch.zeros(GENES, 0),
        )  # fmt: skip
        ids = [f"G{k}" for k in range(GENES)]
        self.table = pd.DataFrame({"gene_id": ids, "symbol": ["", *ids[1:]]})

    def batch(self, rows: np.ndarray, draw: object = None) -> Batch:
        names = ("gene", "signals", "target", "prompt", "features")
        return replace(self.whole, **{name: getattr(self.whole, name)[rows] for name in names})


@pytest.fixture
def looks(stand_ins: Path) -> Looks:
    return look(make(stand_ins), Few(), np.arange(GENES), LABELS, 2)  # type: ignore[arg-type]


def test_looks_as_loops_find_them(stand_ins: Path, looks: Looks) -> None:
    data, model = Few(), make(stand_ins).eval()
    with torch.inference_mode():
        output = model(data.whole)
    features = data.whole.signals.numpy().transpose(0, 2, 1)
    mean, spread = (f(features.reshape(-1, 33), axis=0) for f in (np.mean, np.std))
    attention = output.extras["attention"].numpy()
    for head in range(8):
        rows = []
        for gene in range(GENES):
            place = np.unravel_index(attention[gene, head].argmax(), (9, 100))
            rows.append((features[gene, place[0]] - mean) / spread)
        np.testing.assert_allclose(looks.heads.iloc[head], np.mean(rows, axis=0), atol=1e-5)
    chosen = output.extras["chosen"].numpy()
    for place in range(9):
        assert looks.selected[place] == pytest.approx((chosen == place).any(axis=1).mean())
    residual = (output.prediction - data.whole.target).numpy()
    best, worst = np.abs(residual).argmin(), np.abs(residual).argmax()
    assert looks.worst.residual == pytest.approx(residual[worst], abs=1e-5)
    assert looks.best.name == f"G{best}"
    np.testing.assert_allclose(looks.best.attention, attention[best], atol=1e-5)


def test_figures_and_their_numbers(looks: Looks, tmp_path: Path) -> None:
    draw_attention(looks, 4096, "GTA", tmp_path / "attention.png")
    draw_heads(looks, "GTA", tmp_path / "heads.png")
    draw_selected(looks, 4096, "GTA", tmp_path / "selected.png")
    write_numbers(looks, 4096, tmp_path / "numbers.tsv")
    for path in tmp_path.glob("*.png"):
        assert path.read_bytes()[:4] == b"\x89PNG"
    table = pd.read_csv(tmp_path / "numbers.tsv", sep="\t")
    assert table["what"].value_counts().to_dict() == {"z_score": 8 * 33, "selected": 9}
    bins = table[table["what"] == "selected"]
    assert bins["offset_kb"].iloc[[0, 4]].tolist() == [-4 * 4.096, 0]
    assert bins["value"].sum() == pytest.approx(3, rel=1e-5), "three are selected in every gene"


def test_other_methods_have_no_prototypes() -> None:
    with pytest.raises(UserError, match="no text prototypes"):
        look(SimpleNamespace(), Few(), np.arange(2), LABELS, 2)  # type: ignore[arg-type]
