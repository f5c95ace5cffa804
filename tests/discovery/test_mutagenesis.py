"""A planted motif is found by tiling, masking and mutating; the command writes what it found."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.crispri.known_elements import gene_enhancers
from gexpipe.discovery.enhancer_figure import draw_enhancers, shown_hits
from gexpipe.discovery.motifs import read_motifs
from gexpipe.discovery.mutagenesis import HITS, motif_hits, read_enhancer
from gexpipe.discovery.shuffled_references import OnDna
from gexpipe.errors import UserError
from gexpipe.simulate.genome import ACTIVATORS, encode, write_motifs
from tests.discovery.test_motifs import LENGTH, NAME, encoder_with_motif

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tangermeme") is None, reason="the motifs extra is not installed"
)
AT = 5_210  # of the motif
ELEMENT = {"chrom": "chr1", "start": 4_900, "end": 5_700}
MOTIF = encode(ACTIVATORS[NAME])


@pytest.fixture
def track() -> np.ndarray:
    codes = np.random.default_rng(4).integers(0, 4, 12_000, dtype=np.uint8)
    codes[AT : AT + len(MOTIF)] = MOTIF
    return codes


def test_tiles_masks_and_mutations_point_at_the_motif(track: np.ndarray, tmp_path: Path) -> None:
    model = encoder_with_motif(0)
    found = read_enhancer(model, ELEMENT, track, LENGTH)
    starts = found.tiles["start"].to_numpy()
    assert starts[0] == 5_300 - 768 and starts[-1] == 5_300 + 640 and len(starts) == 12
    assert found.start <= AT and AT + len(MOTIF) <= found.start + LENGTH
    held = (starts <= AT) & (starts + LENGTH >= AT + len(MOTIF))
    activity = found.tiles["activity"].to_numpy()
    assert activity[held].min() > activity[~held].max()
    worst = found.masked.loc[found.masked["change"].idxmin()]
    assert worst["start"] < AT + len(MOTIF) and worst["end"] > AT
    inside = slice(AT + 1 - found.start, AT + 9 - found.start)  # the eight bases of the kernel
    value = found.importance
    assert value[inside].min() > 0 and value[inside].sum() > 0.75 * np.abs(value).sum()
    bases = found.bases()
    assert bases.loc[inside.start, "position"] == AT + 1
    assert "".join(bases["base"][inside]) == ACTIVATORS[NAME][1:9]
    assert set(found.windows()["kind"]) == {"tile", "masked"}
    write_motifs(tmp_path / "m.meme", False)
    hits = motif_hits(found, read_motifs(tmp_path / "m.meme"))
    assert list(hits) == HITS
    assert hits.loc[0, ["motif", "start", "end", "strand"]].tolist() == [NAME, AT, AT + 10, "+"]
    assert motif_hits(found, {}).empty
    draw_enhancers([found, found], hits, "T", tmp_path / "f.png")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_every_mutation_is_what_the_model_says_of_it(track: np.ndarray) -> None:
    model = encoder_with_motif(0.3)
    found = read_enhancer(model, ELEMENT, track, LENGTH, both=True, size=7)
    wrapped: Any = OnDna(model, both=True).eval()
    eye = torch.eye(4)
    own = eye[torch.from_numpy(found.codes.astype(int))].T[None]
    before = wrapped(own).item()
    for place, base in ((0, 2), (100, 0), (255, 3), (200, 1)):
        other = own.clone()
        other[0, :, place] = eye[base]
        change = found.changes[place, base]
        assert change == pytest.approx(wrapped(other).item() - before, abs=1e-4)
    assert (found.changes[np.arange(LENGTH), found.codes] == 0).all()


def test_tiles_with_unknown_bases_are_not_mutated(track: np.ndarray) -> None:
    track[AT - 60] = 4
    found = read_enhancer(encoder_with_motif(0), ELEMENT, track, LENGTH)
    assert found.start == 5_172 and (found.codes < 4).all(), "other tiles with the motif have an N"
    with pytest.raises(UserError, match="chr1:4900-5700: every tile has an unknown base"):
        read_enhancer(encoder_with_motif(0), ELEMENT, np.full(12_000, 4, np.uint8), LENGTH)


def test_of_overlapping_motifs_the_better_is_shown() -> None:
    rows = [(0, 10, 0.1), (5, 15, 0.3), (20, 30, 0.2), (40, 50, -1.0)]
    hits = pd.DataFrame(rows, columns=["start", "end", "importance"]).assign(motif="m")
    assert shown_hits(hits)["start"].tolist() == [5, 20]
    assert shown_hits(hits, 1)["start"].tolist() == [5]


def test_the_elements_are_those_that_act_else_the_best_of_abc(tmp_path: Path) -> None:
    rows = [("g", 12_000, 0.5), ("g", 40_000, 0.9), ("g", 10_200, 1.0), ("g", 90_000, 0.8),
            ("g", 30_000, 0.1), ("other", 20_000, 1.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["gene_id", "start", "abc_score"])
    table = table.assign(chrom="chr1", end=table["start"] + 500)
    table.to_parquet(tmp_path / "abc.parquet")
    gene = pd.Series({"gene_id": "g", "chrom": "chr1", "tss": 10_000})
    none = pd.DataFrame(columns=["chrom", "start", "end"])
    best = gene_enhancers(tmp_path / "abc.parquet", gene, none, 50_000, 2)
    assert best["start"].tolist() == [12_000, 40_000], "beyond 1 kb, within 50 kb, by distance"
    acting = table[["chrom", "start", "end"]].iloc[[1, 4]]
    found = gene_enhancers(tmp_path / "no.parquet", gene, acting, 50_000, 5)
    assert found["start"].tolist() == [30_000, 40_000]
    with pytest.raises(UserError, match="no element within 100 bp of g"):
        gene_enhancers(tmp_path / "abc.parquet", gene, none, 100, 2)
