"""Activity, contact and scores against the published K562 chr22 run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from gexpipe.abc.activity import add_activity, classify, gene_activity, promoter_regions
from gexpipe.abc.counts import ReadCounts, reads_per_million
from gexpipe.abc.from_counts import read_counts
from gexpipe.abc.quantile import read_reference
from gexpipe.abc.scores import scores_by_chromosome
from gexpipe.contact.element import ContactModel, adjusted_contact, observed_contact
from gexpipe.contact.readers import open_matrix
from gexpipe.contact.rows import rows_from_matrix
from gexpipe.intervals import read_intervals
from gexpipe.reference.genome import read_sizes


@pytest.fixture(scope="module")
def elements(run22, shared, genes22):
    folder, reference = run22 / "neighborhoods", shared / "data/reference_hg38"
    table = read_intervals(folder / "EnhancerList.bed.gz", ["chrom", "start", "end", "published"])
    table = table.reset_index(drop=True)
    sizes = read_sizes(reference / "GRCh38_EBV.no_alt.chrom.sizes.tsv")
    classified = classify(table, genes22, promoter_regions(genes22, 500, sizes))
    assert (classified["name"] == table["published"]).all()
    counts = [
        read_counts(folder / f"Enhancers.{assay}.CountReads.bedgraph.gz", sizes)["count"].to_numpy()
        for assay in ("accessibility", "H3K27ac")
    ]
    return add_activity(
        classified, *counts, read_reference(reference / "EnhancersQNormRef.K562.txt")
    )


def test_activity_equals_the_published_rows(elements, published, run22):
    unit = pd.read_csv(run22 / "predictions/predictor_unit_test_input.tsv.gz", sep="\t")
    for rows, size in ((published, 1353), (unit, 5000)):
        both = rows.merge(elements, on=["start", "end"], suffixes=("", "_ours"))
        assert len(both) == size
        np.testing.assert_allclose(both["activity_base_ours"], both["activity_base"], atol=1e-6)
        np.testing.assert_allclose(both["dnase_normalized"], both["normalized_dhs"], atol=1e-6)


def test_powerlaw_scores_equal_the_published_ones(elements, genes22, published):
    tables = scores_by_chromosome(elements, genes22, None, ContactModel(), 5_000_000)
    ours = pd.concat([table.to_pandas() for table in tables])
    ours["gene_id"] = ours["gene_id"].astype(str)
    keys = {"left_on": ["TargetGene", "start", "end"], "right_on": ["gene_id", "start", "end"]}
    both = published.merge(ours, suffixes=("", "_ours"), **keys)
    assert len(both) == len(published)
    np.testing.assert_allclose(both["abc_score"], both["powerlaw.Score"], atol=1e-6)
    np.testing.assert_array_equal(both["distance_ours"], both["distance"])
    np.testing.assert_array_equal(both["is_self_promoter"], both["isSelfPromoter"])


def test_numerator_follows_from_the_published_contact(elements, published):
    both = published.merge(elements, on=["start", "end"], suffixes=("", "_ours"))
    hic, distance = both["hic_contact"].to_numpy(), both["distance"].to_numpy()
    numerator = both["activity_base_ours"] * adjusted_contact(hic, distance, ContactModel())
    np.testing.assert_allclose(numerator, both["ABC.Score.Numerator"], rtol=1e-4)


def test_power_law_equals_the_predictor_input(run22):
    unit = pd.read_csv(run22 / "predictions/predictor_unit_test_input.tsv.gz", sep="\t")
    contact = ContactModel().law(unit["distance"])
    np.testing.assert_allclose(contact, unit["powerlaw_contact"], rtol=1e-12)


def test_promoter_activity_quantile(run22):
    genes = pd.read_csv(run22 / "neighborhoods/GeneList.txt.gz", sep="\t")
    ours = gene_activity(
        genes.assign(gene_id=genes["name"]),
        genes["DHS.RPM.TSS1Kb"].to_numpy(),
        genes["H3K27ac.RPM.TSS1Kb"].to_numpy(),
    )
    np.testing.assert_allclose(
        ours["promoter_activity_quantile"], genes["PromoterActivityQuantile"], atol=1e-6
    )
    product = genes["DHS.RPM.TSS1Kb"] * genes["H3K27ac.RPM.TSS1Kb"]
    np.testing.assert_allclose(ours["promoter_activity"], np.sqrt(product))


@pytest.mark.parametrize(("kind", "ours"), [("DHS", "dnase"), ("H3K27ac", "h3k27ac")])
@pytest.mark.parametrize("where", ["", ".TSS1Kb"])
def test_rpm_rpkm_and_quantiles_equal_the_published_gene_list(run22, genes22, kind, ours, where):
    published = pd.read_csv(run22 / "neighborhoods/GeneList.txt.gz", sep="\t")
    (count,) = (c for c in published if c.startswith(f"{kind}.ENC") and c.endswith(f"Count{where}"))
    counted = published[count].to_numpy(np.float64)
    rpm = published[f"{kind}.RPM{where}"].to_numpy()
    total = round(1e6 * counted.sum() / rpm.sum())  # of mapped reads, which the run does not list
    rpm_ours = reads_per_million([ReadCounts([counted], total)], 0)[1]
    np.testing.assert_allclose(rpm_ours, rpm, atol=1e-6)
    regions = published.rename(columns={"chr": "chrom"})[["chrom", "start", "end"]]
    if where:
        middle = genes22["tss"].to_numpy()
        regions = regions.assign(start=middle - 500, end=middle + 500)
    table = add_activity(regions.assign(isPromoterElement=True), rpm_ours, rpm_ours, None)
    rpkm, quantile = (published[f"{kind}.{name}{where}"] for name in ("RPKM", "RPM.quantile"))
    np.testing.assert_allclose(table[f"{ours}_rpkm"], rpkm, atol=1e-6)
    np.testing.assert_allclose(table[f"{ours}_quantile"], quantile, atol=1e-6)
    genes = gene_activity(genes22, rpm_ours, rpm_ours)
    np.testing.assert_allclose(genes[f"{ours}_quantile"], quantile, atol=1e-6)


def in_bins(table: pd.DataFrame) -> pd.DataFrame:
    """Pairs with the bins that `observed_contact` looks up: element's middle and TSS, 5 kb."""
    middle = (table["start"] + table["end"]) / 2
    element, tss = (middle // 5000).astype(int), (table["TargetGeneTSS"] // 5000).astype(int)
    return table.assign(middle=middle, element_bin=element, tss_bin=tss)


def test_published_contact_is_one_number_a_pair_of_bins(published):
    pairs = in_bins(published).groupby(["element_bin", "tss_bin"])["hic_contact"]
    assert (pairs.size() > 1).sum() == 341
    assert (pairs.nunique() == 1).all()
    # The self bin has the contact of its stronger neighbour, wherever all three were published.
    value, compared = pairs.first(), 0
    for element, tss in value.index[value.index.map(lambda key: key[0] == key[1])]:
        sides = [value.get((tss + step, tss)) for step in (-1, 1)]
        if None not in sides:
            assert value[(element, tss)] == max(sides)
            compared += 1
    assert compared == 62


@pytest.fixture(scope="module")
def rows22(shared, genes22):
    """Contact rows of a real K562 map: other reads and balancing than the published run's."""
    reader = open_matrix(shared / "data/hic/K562_chr22_hg38.mcool", 5000)
    return rows_from_matrix(reader, genes22, {"chr22": 50_818_468}, 5_000_000, ["weight"])


@pytest.mark.parametrize(("name", "least"), [("unit", 0.95), ("full", 0.83)])
def test_measured_contact_is_on_the_published_scale(rows22, genes22, published, run22, name, least):
    """Measured: 0.957 over the predictor input, 0.835 over the rows above the threshold."""
    unit = run22 / "predictions/predictor_unit_test_input.tsv.gz"
    table = in_bins(published if name == "full" else pd.read_csv(unit, sep="\t"))
    gene = table["TargetGene"].map(dict(zip(genes22["gene_id"], genes22.index, strict=True)))
    ours = observed_contact(rows22, gene.to_numpy(), table["middle"].to_numpy())
    both = (ours > 0) & (table["hic_contact"] > 0)
    assert both.mean() > 0.97
    ratio = ours[both] / table["hic_contact"][both]
    assert 0.85 < np.median(ratio) < 1.0
    assert spearmanr(ours[both], table["hic_contact"][both])[0] > least


def test_scores_from_a_real_matrix_beside_the_published_ones(elements, genes22, rows22, published):
    tables = scores_by_chromosome(elements, genes22, rows22, ContactModel(), 5_000_000)
    ours = pd.concat([table.to_pandas() for table in tables]).astype({"gene_id": str})
    keys = {"left_on": ["TargetGene", "start", "end"], "right_on": ["gene_id", "start", "end"]}
    both = published.merge(ours, suffixes=("", "_ours"), **keys)
    assert len(both) == len(published)
    both = both[~both["isSelfPromoter"]]
    measured = spearmanr(both["abc_score"], both["ABC.Score"])[0]
    by_distance = spearmanr(both["powerlaw.Score"], both["ABC.Score"])[0]
    assert measured > 0.93 and measured > by_distance + 0.1  # measured: 0.941 and 0.806
    assert 0.97 < np.median(both["abc_score"] / both["ABC.Score"]) < 1.03
