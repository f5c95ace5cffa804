"""Scores of bases and elements: on models that are understood, and against a truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from gexpipe.batch import N_CODE, Batch, Elements
from gexpipe.discovery import locus
from gexpipe.discovery.base_scores import base_scores, mask_of, saliency_of
from gexpipe.discovery.compare import compare, summary
from gexpipe.discovery.files import BaseScores, read_bases, read_links, write_bases, write_links
from gexpipe.discovery.labels import SHUFFLED
from gexpipe.discovery.pairs import mean_over, pairs_in_windows
from gexpipe.discovery.scores import score_elements, score_windows
from gexpipe.discovery.truth import (
    ACTING,
    DECOY,
    base_labels,
    base_rows,
    element_rows,
    overlapping,
    true_pairs,
)
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel, Output

L, TSS = 200, (1000, 5000, 9000)
GENES = pd.DataFrame({"gene_id": ["g0", "g1", "g2"], "chrom": "chr1", "tss": TSS})
# Two elements around the first gene, one around the second; the last crosses a window's end.
ELEMENTS = pd.DataFrame(
    {
        "chrom": ["chr1"] * 4,
        "start": [1020, 910, 5050, 9090],
        "end": [1060, 930, 5070, 9120],
    }
)


class Toy:
    """Three genes whose signal is the place in the window, with two slots of elements."""

    fingerprint = "toy"
    table = GENES

    @property
    def gene_ids(self) -> list[str]:
        return list(GENES["gene_id"])

    def split(self, fold: int, part: str) -> np.ndarray:
        return np.arange(3)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        n = len(rows)
        codes = torch.full((n, 3, 8), N_CODE, dtype=torch.uint8)
        codes[:, :2] = 0
        codes[0 if rows[0] == 0 else slice(0, 0), 2] = 2
        return Batch(
            gene=torch.as_tensor(rows),
            codes=torch.zeros(n, L, dtype=torch.uint8),
            signals=torch.ones(n, 1, L),
            features=torch.zeros(n, 1),
            target=torch.zeros(n),
            peaks=torch.zeros(n, L, dtype=torch.bool),
            blacklist=torch.zeros(n, L, dtype=torch.bool),
            elements=Elements(codes, torch.zeros(n, 3, 3)),
        )


class Linear(ExpressionModel):
    """2 x the signal of bases 120-160, and A at base 10."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, batch: Batch) -> Output:
        """Predict."""
        seen = self.weight * batch.signals[:, 0, 120:160].sum(1) + batch.sequence()[:, 10, 0]
        mask = torch.zeros(len(batch), L)
        mask[:, 120:160] = 1
        return Output(seen, {"mask": mask})


class Slots(ExpressionModel):
    """The number of A in all slots; attends to slots by their number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, batch: Batch) -> Output:
        """Predict."""
        assert batch.elements is not None
        codes = batch.elements.codes
        attention = torch.zeros(1, len(batch), 3, 3)
        attention[:, :, 0] = torch.tensor([0.0, 0.25, 0.75])
        return Output((codes == 0).sum((1, 2)).float(), {"attention": attention})


def test_elements_of_windows() -> None:
    pairs = pairs_in_windows(GENES, ELEMENTS, L)
    assert pairs[["gene_id", "start", "distance"]].to_numpy().tolist() == [
        ["g0", 910, 80], ["g0", 1020, 40], ["g1", 5050, 60],
    ]  # fmt: skip
    scores = np.arange(3 * L, dtype=np.float32).reshape(3, L)
    means = mean_over(scores, GENES["tss"].to_numpy(), pairs)
    assert means.tolist() == [np.arange(10, 30).mean(), np.arange(120, 160).mean(), L + 159.5]


def test_saliency_is_the_part_of_a_linear_prediction() -> None:
    rows = np.arange(3)
    once = base_scores(Linear(), Toy(), rows, 2, saliency_of)
    assert once.shape == (3, L)
    expected = np.zeros(L)
    expected[120:160], expected[10] = 2, 1
    np.testing.assert_allclose(once[1], expected)
    many = base_scores(Linear(), Toy(), rows, 2, lambda m, b: saliency_of(m, b, steps=4))
    np.testing.assert_allclose(many, once, rtol=1e-6)


def test_integrated_gradients_sum_to_the_difference_of_a_curved_prediction() -> None:
    class Square(Linear):
        def forward(self, batch: Batch) -> Output:
            return Output(batch.signals.sum((1, 2)) ** 2, {})

    one = base_scores(Square(), Toy(), np.arange(1), 1, saliency_of).sum()
    many = base_scores(Square(), Toy(), np.arange(1), 1, lambda m, b: saliency_of(m, b, 8)).sum()
    assert one == pytest.approx(2 * L**2)
    assert many == pytest.approx(L**2)


def test_masks_and_perturbation_of_elements() -> None:
    model, rows = Linear(), np.arange(3)
    links, bases = score_windows(model, Toy(), rows, ELEMENTS, "mask", L, 2)
    assert bases is not None
    assert links["score"].tolist() == [0, 1, 0.5]  # g1's element overlaps the mask by half
    lost, nothing = score_windows(model, Toy(), rows, ELEMENTS, "perturbation", L, 2)
    assert nothing is None
    assert lost["score"].tolist() == [1, 80, 20]  # the first one holds the A
    with pytest.raises(UserError, match="this method has no mask"):
        mask_of(Slots(), Toy().batch(rows))


def test_attention_and_perturbation_of_slots() -> None:
    table = pd.DataFrame(
        {
            "gene_id": ["g0", "g0", "g1"], "rank": [0, 1, 0], "chrom": "chr1",
            "start": [10, 50, 90], "end": [20, 60, 95], "distance_kb": [-1.5, 2.0, 3.0],
        }
    )  # fmt: skip
    links = score_elements(Slots(), Toy(), np.arange(3), table, "attention", 2)
    assert links["score"].tolist() == pytest.approx([0.25, 0.75, 0.25], abs=2e-5)
    assert links["distance"].tolist() == [1500, 2000, 3000]
    lost = score_elements(Slots(), Toy(), np.arange(3), table, "perturbation", 2)
    assert lost["score"].tolist() == [8, 0, 8]
    with pytest.raises(UserError, match="'mask' is for methods on windows"):
        score_elements(Slots(), Toy(), np.arange(3), table, "mask", 2)


def test_files_of_scores(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 3 * L, dtype=np.float32).reshape(3, L)
    write_bases(tmp_path / "a.zarr.zip", BaseScores(GENES, values), {"method": "toy"})
    again = read_bases(tmp_path / "a.zarr.zip")
    np.testing.assert_array_equal(again.scores, values)
    write_bases(tmp_path / "m.zarr.zip", BaseScores(GENES, values), {"kind": "mask"})
    np.testing.assert_allclose(read_bases(tmp_path / "m.zarr.zip").scores, values, atol=2.5e-4)
    pd.testing.assert_frame_equal(again.genes, GENES)
    links = pairs_in_windows(GENES, ELEMENTS, L).assign(score=[1.0, 2.0, 3.0])
    write_links(tmp_path / "a.parquet", links)
    assert read_links(tmp_path / "a.parquet")["score"].tolist() == [1, 2, 3]
    (tmp_path / "b.zarr.zip").write_text("no zip")
    with pytest.raises(UserError, match=r"b\.zarr\.zip: no base scores"):
        read_bases(tmp_path / "b.zarr.zip")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    starts = np.arange(60) * 1000 + 200
    elements = pd.DataFrame({"chrom": "chr1", "start": starts, "end": starts + 300})
    elements["kind"] = np.where(np.arange(60) % 3 == 0, "enhancer", "decoy")
    acting = elements[elements["kind"] == "enhancer"]
    links = acting.drop(columns="kind").assign(
        gene_id="g", cell="A", effect=draw.random(len(acting)) + 0.1
    )
    folder = tmp_path / "truth"
    folder.mkdir()
    elements.to_parquet(folder / "elements.parquet")
    links.to_parquet(folder / "links.parquet")
    genes = pd.DataFrame({"gene_id": ["g"], "chrom": "chr1", "tss": [30_000], "fold_11": "test"})
    genes.to_parquet(tmp_path / "examples.parquet")
    return folder


def test_perfect_and_blind_scores(truth: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["g"], "chrom": "chr1", "tss": [30_000]})
    pairs = true_pairs(truth, genes, "A", 60_000)
    perfect = {row["distance"]: row for row in element_rows(pairs, pairs["effect"].to_numpy())}
    assert perfect["all"]["auprc"] == pytest.approx(1)
    assert perfect["all"]["decoys"] == 1
    assert perfect["all"]["enrichment"] == pytest.approx(1 / perfect["all"]["prevalence"])
    assert perfect["all"]["effect"] == pytest.approx(1)
    assert perfect["all"]["decoys_best"] == 0
    assert set(perfect) == {"all", "0.6-5 kb", "5-20 kb", "20-100 kb"}
    blind = element_rows(pairs, -pairs["effect"].to_numpy())[0]
    assert blind["decoys"] == 0
    assert blind["decoys_best"] == 1


def test_bases_are_measured_as_elements_are(truth: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["g"], "chrom": "chr1", "tss": [30_000]})
    pairs = true_pairs(truth, genes, "A", 60_000)
    labels = base_labels(pairs, np.array([30_000]), 60_000)
    assert (labels == ACTING).sum() == 300 * 20
    assert (labels == DECOY).sum() == 300 * 40
    score = np.zeros((1, 60_000), np.float32)
    score[labels == ACTING], score[labels == DECOY] = 1, 0.5
    found = {row["distance"]: row for row in base_rows(score, labels)}
    assert set(found) == {"all", "0.6-5 kb", "5-20 kb", "20-100 kb"}
    # Element 30 lies 200-500 bp from the TSS, which no class holds.
    assert found["all"]["positives"] == 300 * 19
    assert (found["all"]["pairs"], found["20-100 kb"]["pairs"]) == (60_000 - 1199, 20_001)
    for row in found.values():
        assert row["auprc"] == pytest.approx(1)
        assert (row["decoys"], row["decoys_best"]) == (1, 0)
    open_only = base_rows((labels == DECOY).astype(np.float32), labels)[0]
    assert (open_only["decoys"], open_only["decoys_best"]) == (0, 1)


def test_overlap_takes_the_best_element_of_the_same_gene() -> None:
    pairs = pd.DataFrame(
        {"gene_id": ["g0", "g0", "g1"], "start": [10, 50, 10], "end": [20, 60, 20]}
    )
    scored = pd.DataFrame(
        {
            "gene_id": ["g0", "g0", "g0"],
            "start": [5, 15, 60],
            "end": [12, 30, 70],
            "score": [1, 3, 9],
        }
    )
    assert overlapping(pairs, scored).tolist() == [3, 0, 0]


def test_comparison_and_its_summary(truth: Path, tmp_path: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["g"], "chrom": ["chr1"], "tss": [30_000]})
    pairs = true_pairs(truth, genes, "A", 60_000)
    pairs.assign(score=pairs["effect"]).to_parquet(tmp_path / "good.parquet")
    pairs.assign(score=pairs["effect"] * 0).to_parquet(tmp_path / "flat.parquet")
    bases = np.zeros((1, 60_000), np.float32)
    bases[base_labels(pairs, np.array([30_000]), 60_000) == ACTING] = 1
    write_bases(tmp_path / "mask.zarr.zip", BaseScores(genes, bases), {})
    table = compare(
        truth, "A", tmp_path / "examples.parquet", 11, "test", 60_000,
        [f"good={tmp_path}/good.parquet", f"good{SHUFFLED}={tmp_path}/flat.parquet",
         f"near={tmp_path}/good.parquet:-distance"],
        [f"mask={tmp_path}/mask.zarr.zip"],
    )  # fmt: skip
    mask = table[table["score"] == "mask"].set_index("distance")
    assert mask["level"].eq("base").all()
    assert mask.loc["all", "auprc"] == 1
    found = summary([table, table]).set_index(["score", "level", "distance"])
    row = found.loc[("good", "element", "all")]
    assert (row["runs"], row["auprc_sd"]) == (2, 0)
    assert row["auprc"] == pytest.approx(1)
    assert row["auprc_shuffled"] == pytest.approx(row["prevalence"])
    assert np.isnan(found.loc[("near", "element", "all"), "auprc_shuffled"])
    with pytest.raises(UserError, match="no link of cell type B"):
        true_pairs(truth, genes, "B", 60_000)
    with pytest.raises(UserError, match="no column 'nothing'"):
        compare(truth, "A", tmp_path / "examples.parquet", 11, "test", 60_000,
                [f"x={tmp_path}/good.parquet:nothing"], [])  # fmt: skip


def test_reach_counts_elements_that_no_window_holds(truth: Path, tmp_path: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["g"], "chrom": ["chr1"], "tss": [30_000]})
    seen, every = (true_pairs(truth, genes, "A", length) for length in (20_000, 60_000))
    assert len(seen) < len(every)
    seen.assign(score=seen["effect"]).to_parquet(tmp_path / "seen.parquet")
    arguments = (truth, "A", tmp_path / "examples.parquet", 11, "test", 20_000)
    links = [f"seen={tmp_path}/seen.parquet"]
    table = compare(*arguments, links, [], 60_000)
    rows = table[table["distance"] == "all"].set_index("level")
    outer = every["distance"] >= 600
    assert rows.loc["reach", "pairs"] == outer.sum()
    assert rows.loc["reach", "positives"] == (outer & (every["effect"] > 0)).sum()
    assert rows.loc["reach", "auprc"] < rows.loc["element", "auprc"] == 1
    assert set(compare(*arguments, links, [], 20_000)["level"]) == {"element"}


def test_tensors_stay_on_the_tape() -> None:
    model = Linear()
    found: Tensor = saliency_of(model, Toy().batch(np.arange(2)).dense())
    assert model.weight.grad is None
    assert not found.requires_grad


def test_a_promoter_far_above_the_others_is_cut_off_and_its_value_stands_beside_it() -> None:
    table = pd.DataFrame({"start": [0, 900, 2000], "end": [10, 910, 2010]})
    far, even = table.assign(score=[0.1, 0.9, 0.2]), table.assign(score=[0.1, 0.5, 0.2])
    panels = [(name, locus._bars(own, 1000, "C1")) for name, own in (("far", far), ("even", even))]
    cut, whole = locus._drawn(panels, "a gene", 2000).axes
    assert cut.get_ylim()[1] == pytest.approx(0.3)  # 1.5 times the next one
    assert [text.get_text() for text in cut.texts] == [" 0.9"]
    assert whole.get_ylim()[1] >= 0.5 and not whole.texts
