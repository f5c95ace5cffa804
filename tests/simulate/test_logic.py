"""Elements that stand in for each other, compete, act by contact, or on nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulation_files import MAPPING

from gexpipe.files import read_json
from gexpipe.simulate.config import from_mapping
from gexpipe.simulate.genome_folder import simulate
from gexpipe.simulate.logic import loss, share

CHANGES = {
    "elements": {
        "near": 0.8, "near_decoy": 0.1, "mid": 0.6, "distal_per_mb": 0, "by_contact": True,
        "mid_at": [[1300, 1500], [1700, 1900]], "logic": ["max", "sum", "rivals"],
    },
    "expression": {"mid": 0.26, "distal": 0},
    "contacts": {"resolutions": [200, 1000], "depth": 20, "domains": [1500, 6000]},
    "tracks": {"Copy": "cause", "Echo": "effect"},
}  # fmt: skip


@pytest.fixture(scope="module")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    genes = {**MAPPING["genes"], "promoter_only": 0.3}
    config = from_mapping({**MAPPING, **CHANGES, "genes": genes}, "test")
    out = tmp_path_factory.mktemp("stressed") / "out"
    simulate(config, out)
    return out


@pytest.mark.parametrize("logic", ["sum", "max", "rivals"])
def test_what_is_lost_is_what_both_have_less_what_the_other_has_alone(logic: str) -> None:
    x, y = np.random.default_rng(1).random((2, 50))
    both = share(x, y, logic) + share(y, x, logic)
    nothing = np.zeros_like(x)
    np.testing.assert_allclose(loss(x, y, logic), both - share(y, nothing, logic))


def test_redundant_and_competing_elements_have_such_effects(stressed: Path) -> None:
    links = pd.read_parquet(stressed / "truth/links.parquet")
    model = read_json(stressed / "truth/model.json")
    near = links[links["zone"] == "near"]
    pairs = near.groupby(["gene_id", "cell"]).filter(lambda part: len(part) == 2)
    strength = model["scale"]["near"] * pairs["activity"] * pairs["contact"]
    grouped = [pairs["gene_id"], pairs["cell"]]
    most, least = (strength.groupby(grouped).transform(name) for name in ("max", "min"))
    expected = np.where(strength == most, most - least, 0.0)
    np.testing.assert_allclose(pairs["effect"], expected, atol=1e-12)
    outer = links[links["distance"].between(*model["slots"][2])]
    assert (outer["effect"] < 0).any()
    assert (links.loc[links["distance"].between(*model["slots"][1]), "effect"] > 0).all()
    assert not (links["zone"] == "distal").any()


def test_nothing_acts_on_promoter_only_genes(stressed: Path) -> None:
    genes = pd.read_parquet(stressed / "truth/genes.parquet")
    alone = genes[genes["special"] == "promoter_only"]
    assert len(alone) >= 4
    assert (alone[["near", "mid"]] == 0).all(axis=None)
    links = pd.read_parquet(stressed / "truth/links.parquet")
    assert set(links.loc[links["gene_id"].isin(alone["gene_id"]), "zone"]) <= {"promoter"}
    assert "MOTIF housekeeping" in (stressed / "truth/motifs.meme").read_text()


def test_contact_curves_are_those_of_the_links(stressed: Path) -> None:
    links = pd.read_parquet(stressed / "truth/links.parquet")
    genes = pd.read_parquet(stressed / "truth/genes.parquet").drop_duplicates("gene_id")
    links = links.merge(genes[["gene_id", "tss"]], on="gene_id")
    middle = (links["start"] + links["end"]) // 2
    links["offset"] = middle // 200 - links["tss"] // 200
    curves = pd.read_parquet(stressed / "truth/contacts.parquet")
    both = links.merge(curves, on=["gene_id", "cell", "offset"], suffixes=("", "_curve"))
    assert len(both) == len(links)
    np.testing.assert_allclose(both["contact"], both["contact_curve"])
    assert both.groupby("offset")["contact"].nunique().max() > 1  # domains cut some off


def test_further_tracks_are_in_the_sheet_and_follow_their_cause(stressed: Path) -> None:
    import pyBigWig

    sheet = pd.read_csv(stressed / "config/files.tsv", sep="\t", dtype=str, keep_default_na=False)
    genes = pd.read_parquet(stressed / "truth/genes.parquet")
    genes = genes[(genes["cell"] == "SIM1") & (genes["special"] == "")]
    folder = stressed / "mirror/encode/files"
    row = sheet[(sheet["cell"] == "SIM1") & (sheet["role"] == "signal:Echo")].iloc[0]
    with pyBigWig.open(
        str(folder / row["accession"] / "@@download" / f"{row['accession']}.bigWig")
    ) as track:
        seen = [
            np.nansum(track.values(chrom, tss - 200, tss + 200, numpy=True))
            for chrom, tss in zip(genes["chrom"], genes["tss"], strict=True)
        ]
    assert np.corrcoef(seen, genes["expression"])[0, 1] > 0.8
    assert "signal:Copy" in set(sheet["role"])
