from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from scipy import stats
from simulation_files import path_of

from gexpipe.files import open_text
from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.crispri import COLUMNS
from gexpipe.simulate.expression import DISTAL_RANGE
from gexpipe.simulate.world import World

PARTS = ["promoter_activity", "promoter_motif", "near", "mid", "distal", "mrna", "noise"]


@pytest.fixture(scope="module")
def truth(simulated: Path) -> dict[str, pd.DataFrame]:
    names = ("genes", "elements", "links")
    return {name: pd.read_parquet(simulated / "truth" / f"{name}.parquet") for name in names}


def test_cage_sums_are_the_expression(truth: dict[str, pd.DataFrame], sheet: pd.DataFrame) -> None:
    genes = truth["genes"]
    first = genes[genes["cell"] == "SIM1"]
    with open_text(path_of(sheet, "cage", "SIM1")) as handle:
        names = ["chrom", "start", "end", "name", "count", "strand"]
        ctss = pd.read_csv(handle, sep="\t", header=None, names=names)
    assert (ctss["end"] == ctss["start"] + 1).all()
    sums = [
        ctss["count"][
            (ctss["chrom"] == chrom) & (ctss["start"] >= tss - 192) & (ctss["start"] < tss + 192)
        ].sum()
        for chrom, tss in zip(first["chrom"], first["tss"], strict=True)
    ]
    assert sums == list(first["count"])
    second = genes[genes["cell"] == "SIM2"]
    with pyBigWig.open(str(path_of(sheet, "cage", "SIM2"))) as track:
        sums = [
            np.nansum(track.values(chrom, tss - 192, tss + 192))
            for chrom, tss in zip(second["chrom"], second["tss"], strict=True)
        ]
    assert sums == list(second["count"])


def test_components_add_up(truth: dict[str, pd.DataFrame], config: SimulationConfig) -> None:
    genes = truth["genes"]
    np.testing.assert_allclose(genes["base"] + genes[PARTS].sum(axis=1), genes["model"])
    usual = genes[genes["special"] != "n_gap"]
    expected = np.rint(10 ** np.clip(usual["model"], 0, None) - 1)
    np.testing.assert_array_equal(usual["count"], expected)
    np.testing.assert_allclose(genes["expression"], np.log10(1 + genes["count"]))
    for name, share in config.expression.shares().items():
        assert usual[name].var(ddof=0) == pytest.approx(share * config.expression.sd**2)


def test_links_explain_the_components(truth: dict[str, pd.DataFrame]) -> None:
    sums = truth["links"].groupby(["gene_id", "cell", "zone"])["effect"].sum().unstack(fill_value=0)
    genes = truth["genes"].set_index(["gene_id", "cell"])
    for zone, column in (("near", "near"), ("mid", "mid"), ("distal", "distal")):
        found = sums[zone].reindex(genes.index).fillna(0)
        np.testing.assert_allclose(found, genes[column], atol=1e-9)
    distance = truth["links"].loc[truth["links"]["zone"] == "distal", "distance"]
    assert distance.between(DISTAL_RANGE[0] + 1, DISTAL_RANGE[1]).all()


def test_decoys_are_open_and_do_nothing(truth: dict[str, pd.DataFrame]) -> None:
    elements, links = truth["elements"], truth["links"]
    decoys = elements[elements["kind"] == "decoy"]
    assert (decoys[["activity_SIM1", "activity_SIM2"]] == 0).all(axis=None)
    assert (decoys["open_SIM1"] > 0.3).mean() > 0.5
    assert 0 < (decoys["acetylated_SIM1"] > 0.1).mean() < 0.5
    assert set(decoys["motif"]) == {"insulator"}
    key = ["chrom", "start", "end"]
    assert links[key].merge(decoys[key]).empty


def test_near_elements_are_outside_the_promoter_feature(world: World) -> None:
    near = world.elements[world.elements["kind"] == "near"]
    distance = np.abs(near["centre"] - world.genes["tss"].to_numpy()[near["gene"]])
    assert distance.between(700, 1_000).all()


@pytest.mark.parametrize("special", ["signal_free", "n_gap", "n_partial", "low_contact"])
def test_odd_genes_in_training_and_test(world: World, special: str) -> None:
    genes = world.genes[world.genes["special"] == special]
    assert list(genes["chrom"]) == ["chr1", "chr22"]


def test_odd_genes_are_odd(world: World, sheet: pd.DataFrame, config: SimulationConfig) -> None:
    with pyBigWig.open(str(path_of(sheet, "h3k27ac_bigwig", "SIM2"))) as track:
        for gene in world.genes.itertuples():
            codes = world.genome[gene.chrom][gene.tss - 4_000 : gene.tss + 4_000]
            if gene.special == "n_gap":
                assert (codes == 4).all()
            if gene.special == "n_partial":
                assert 0 < (codes == 4).sum() < len(codes)
            if gene.special == "signal_free":
                half = config.genes.signal_free // 2 - 500
                values = track.values(gene.chrom, max(0, gene.tss - half), gene.tss + half)
                assert np.isnan(values).all()
            if gene.special == "chrom_end":
                end = config.chromosomes[gene.chrom]
                assert min(gene.tss, end - gene.tss) < 100_000
            if gene.special == "low_contact":
                size = config.contacts.resolutions[0]
                assert world.contacts["SIM1"][gene.chrom].bias[gene.tss // size] < 1e-3


def test_acting_elements_have_reads_in_proportion(world: World, sheet: pd.DataFrame) -> None:
    elements = world.elements
    elements = elements[elements["kind"].isin(["near", "mid", "distal"]) & elements["acts"]]
    with pyBigWig.open(str(path_of(sheet, "h3k27ac_bigwig", "SIM1"))) as track:
        seen = [np.nansum(track.values(e.chrom, e.start, e.end)) for e in elements.itertuples()]
    # Ranks, because an artefact may cover an element.
    assert stats.spearmanr(seen, elements["activity_SIM1"]).statistic > 0.8


def test_crispri_table(simulated: Path, truth: dict[str, pd.DataFrame]) -> None:
    table = pd.read_csv(simulated / "truth" / "crispri.tsv", sep="\t", keep_default_na=False)
    assert list(table.columns) == list(COLUMNS)
    assert table["distanceToTSS"].between(1_000, 100_000).all()
    regulated = table[table["Regulated"].astype(str).str.upper() == "TRUE"]
    assert (regulated["EffectSize"] < 0).all()
    assert len(regulated) < len(table) / 2
    links = truth["links"].rename(
        columns={"start": "chromStart", "gene_id": "measuredGeneEnsemblId"}
    )
    keys = ["chrom", "chromStart", "measuredGeneEnsemblId"]
    found = regulated.merge(links[[*keys, "cell"]].drop_duplicates(), left_on=[*keys, "CellType"],
                            right_on=[*keys, "cell"])  # fmt: skip
    assert len(found) > 0.9 * len(regulated)
