"""Activity, contact and scores against the published K562 chr22 run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gexpipe.abc.activity import add_activity, classify, gene_activity, promoter_regions
from gexpipe.abc.from_counts import read_counts
from gexpipe.abc.intervals import read_bed
from gexpipe.abc.quantile import read_reference
from gexpipe.abc.scores import scores_by_chromosome
from gexpipe.contact.element import ContactModel, adjusted_contact
from gexpipe.reference.genome import read_sizes


@pytest.fixture(scope="module")
def published(run22):
    return pd.read_csv(run22 / "predictions/EnhancerPredictionsFull.tsv.gz", sep="\t")


@pytest.fixture(scope="module")
def elements(run22, shared, genes22):
    folder, reference = run22 / "neighborhoods", shared / "data/reference_hg38"
    table = read_bed(folder / "EnhancerList.bed.gz", ["chrom", "start", "end", "published"])
    sizes = read_sizes(reference / "GRCh38_EBV.no_alt.chrom.sizes.tsv")
    classified = classify(table, genes22, promoter_regions(genes22, 500, sizes))
    assert (classified["name"] == table["published"]).all()
    counts = [
        read_counts(folder / f"Enhancers.{assay}.CountReads.bedgraph.gz")["count"].to_numpy()
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
