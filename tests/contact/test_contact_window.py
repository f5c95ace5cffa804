"""Window contact against the vectors that Seq2Exp's own code gave."""

from __future__ import annotations

import numpy as np
import pytest

from gexpipe.contact.band import Band
from gexpipe.contact.rows import ContactRows, rows_from_band
from gexpipe.contact.window import (
    expand_window,
    inside_chromosome,
    window_bins,
    window_contact,
)
from gexpipe.errors import UserError
from tests.goldens import arrays, case_parameters, cases

STEP = 5000


@pytest.fixture(scope="module", params=case_parameters(cases("per-base Hi-C contact feature")))
def golden(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    return arrays(request.param)


def genes_of(golden: dict[str, np.ndarray]) -> list[str]:
    return sorted(key.removesuffix("/tss") for key in golden if key.endswith("/tss"))


@pytest.fixture(scope="module")
def rows(golden: dict[str, np.ndarray]) -> ContactRows:
    length, genes = int(golden["chrom_length"]), genes_of(golden)
    band = Band(
        golden["contacts_bin1"],
        golden["contacts_bin2"],
        golden["contacts_value"].astype(np.float32),
        np.zeros(-(-length // STEP), dtype=bool),
    )
    tss = np.array([int(golden[f"{gene}/tss"]) for gene in genes])
    return ContactRows(
        gene_id=np.array(genes),
        chrom=np.array(["chr1"] * len(genes)),
        tss=tss,
        chrom_length=np.full(len(genes), length),
        tss_bin=tss // STEP,
        values=rows_from_band(band, tss // STEP, 20),
        row_sum=np.ones(len(genes)),
        resolution=STEP,
    )


def test_stored_form_expands_to_the_published_feature(rows, golden):
    length = 2 * int(golden["half_window"])
    contact = window_contact(rows, length)
    assert contact.values.shape == (len(rows.tss), window_bins(length, STEP))
    inside = inside_chromosome(rows.tss, rows.chrom_length, length)
    dense = expand_window(contact, inside, length, STEP)
    for gene, found, covered in zip(genes_of(golden), dense, contact.covered, strict=True):
        feature = golden[f"{gene}/feature"].astype(np.float64)
        assert covered != np.isnan(feature).any(), gene
        published = np.log10(1 + np.nan_to_num(feature))
        np.testing.assert_allclose(found, published, rtol=1e-6, atol=1e-7, err_msg=gene)


def test_rows_that_are_too_short_are_refused(rows):
    with pytest.raises(UserError, match=r"contact\.max_distance"):
        window_contact(rows, 10 * STEP * 20)


def test_a_window_that_starts_on_a_bin_keeps_its_last_bin_unused(rows):
    contact = window_contact(rows, 5_000)
    assert contact.values.shape == (len(rows.tss), 2)
    assert (contact.start < STEP).all()
