"""Pairs, contact of pairs and scores on numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gexpipe.abc.activity import add_activity
from gexpipe.abc.scores import pair_up, scores_by_chromosome
from gexpipe.contact.element import ContactModel, correct_self_bin, cover_genes, observed_contact
from gexpipe.contact.powerlaw import reference_law
from gexpipe.contact.rows import ContactRows
from gexpipe.errors import UserError

ELEMENTS = pd.DataFrame(
    {
        "chrom": "chr1",
        "start": [9_750, 20_000, 31_000, 60_000],
        "end": [10_250, 20_501, 31_600, 60_500],
        "isPromoterElement": [True, False, True, False],
        "activity_base": [4.0, 2.0, 1.0, 3.0],
    }
)
GENES = pd.DataFrame({"gene_id": ["g1", "g2"], "chrom": "chr1", "tss": [10_000, 31_200]})


def contact_rows(values: np.ndarray, row_sum: float = 1.0) -> ContactRows:
    tss = GENES["tss"].to_numpy()
    return ContactRows(
        gene_id=GENES["gene_id"].to_numpy(dtype=str),
        chrom=GENES["chrom"].to_numpy(dtype=str),
        tss=tss,
        chrom_length=np.array([100_000, 100_000]),
        tss_bin=tss // 5000,
        values=values.astype(np.float32),
        row_sum=np.full(2, row_sum),
        resolution=5000,
        meta={"source": "matrix"},
    )


def test_pairs_are_those_strictly_within_the_window():
    pairs = pair_up(ELEMENTS, GENES, 21_300.0)
    assert list(zip(pairs.gene.tolist(), pairs.element.tolist(), strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert pairs.distance.tolist() == [0.0, 10_250.5, 21_200.0, 10_949.5, 100.0]
    assert pairs.self_promoter.tolist() == [True, False, False, False, True]
    assert len(pair_up(ELEMENTS, GENES, 21_200.0).gene) == 4


def test_the_self_bin_takes_its_stronger_neighbour_only_where_it_is_stored():
    values = np.array([[1, 5, 2], [1, 0, 2], [np.nan, 5, 0.5], [1, np.nan, 2]], dtype=np.float32)
    assert correct_self_bin(values)[:3, 1].tolist() == [2.0, 0.0, 0.5]
    assert np.isnan(correct_self_bin(values)[3, 1])


def test_observed_contact_picks_the_element_bin_and_scales_the_row():
    values = np.array([[1, 2, 9, 3, 4], [5, np.nan, 9, 7, 8]])
    rows = contact_rows(values, row_sum=2.0)
    gene = np.array([0, 0, 0, 1, 1, 1])
    middle = np.array([4_999.5, 10_000.0, 20_250.5, 25_000.0, 31_300.0, 90_000.0])
    found = observed_contact(rows, gene, middle)
    assert (found * 2).tolist() == [1.0, 3.0, 4.0, 0.0, 7.0, 0.0]


def test_poorly_covered_genes_get_the_power_law():
    model = ContactModel()
    contact, distance = np.array([0.001, 0.5, 0.5, 0.2]), np.array([0.0, 2e4, 0.0, 3e4])
    gene, own = np.array([0, 0, 1, 2]), np.array([True, False, True, False])
    found = cover_genes(contact, distance, gene, own, model)
    np.testing.assert_allclose(found[:2], model.law([0.0, 2e4]))
    assert found[2:].tolist() == [0.5, 0.2]


def test_scores_with_measured_contact():
    rows = contact_rows(np.array([[1, 2, 9, 3, 4], [5, 6, 9, 7, 8]]), row_sum=10.0)
    model = ContactModel()
    (table,) = scores_by_chromosome(ELEMENTS, GENES, rows, model, 21_300.0)
    found = table.to_pandas()
    law, reference = model.law, reference_law(0.87)
    hic = np.array([0.3, 0.4])
    distance = np.array([0.0, 10_250.5])
    contact = hic * reference(distance) / law(distance) + np.minimum(law(distance), law(5000))
    product = np.array([4.0, 2.0]) * contact
    np.testing.assert_allclose(found["hic_contact"][:2], hic, rtol=1e-6)
    np.testing.assert_allclose(found["contact"][:2], contact, rtol=1e-6)
    assert found["abc_score"].iloc[0] == 1.0
    assert found["abc_score"].iloc[1] == pytest.approx(product[1] / product.sum(), rel=1e-6)


def test_rows_of_other_genes_are_refused():
    rows = contact_rows(np.ones((2, 5)))
    with pytest.raises(UserError, match="another gene table"):
        list(scores_by_chromosome(ELEMENTS, GENES.iloc[::-1], rows, ContactModel(), 1e6))


def test_without_h3k27ac_activity_is_accessibility():
    classified = ELEMENTS.drop(columns="activity_base")
    rpm = np.array([1.0, 2.0, 3.0, 4.0])
    table = add_activity(classified, rpm, None, None)
    assert table["activity_base"].tolist() == rpm.tolist()
    assert "h3k27ac_rpm" not in table
