"""Window contact against the vectors that Seq2Exp's own code gave."""

from __future__ import annotations

from pathlib import Path

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

GENES = ("interior", "start", "end", "bad")
STEP = 5000


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, np.ndarray]:
    return dict(np.load(goldens / "hic_feature" / "io.npz"))


@pytest.fixture(scope="module")
def rows(golden: dict[str, np.ndarray]) -> ContactRows:
    length = int(golden["chrom_length"])
    band = Band(
        golden["contacts_bin1"],
        golden["contacts_bin2"],
        golden["contacts_value"].astype(np.float32),
        np.zeros(-(-length // STEP), dtype=bool),
    )
    tss = np.array([int(golden[f"{gene}/tss"]) for gene in GENES])
    return ContactRows(
        gene_id=np.array(GENES),
        chrom=np.array(["chr1"] * len(GENES)),
        tss=tss,
        chrom_length=np.full(len(GENES), length),
        tss_bin=tss // STEP,
        values=rows_from_band(band, tss // STEP, 20),
        row_sum=np.ones(len(GENES)),
        resolution=STEP,
    )


def test_stored_form_expands_to_the_published_feature(rows, golden):
    contact = window_contact(rows, 200_000)
    assert contact.values.shape == (4, 41) == (4, window_bins(200_000, STEP))
    assert contact.covered.tolist() == [True, True, True, False]
    inside = inside_chromosome(rows.tss, rows.chrom_length, 200_000)
    dense = expand_window(contact, inside, 200_000, STEP)
    for gene, found in zip(GENES, dense, strict=True):
        published = np.log10(1 + np.nan_to_num(golden[f"{gene}/feature"].astype(np.float64)))
        np.testing.assert_allclose(found, published, rtol=1e-6, atol=1e-7)


def test_rows_that_are_too_short_are_refused(rows):
    with pytest.raises(UserError, match=r"contact\.max_distance"):
        window_contact(rows, 300_000)


def test_a_window_that_starts_on_a_bin_keeps_its_last_bin_unused(rows):
    contact = window_contact(rows, 5_000)
    assert contact.values.shape == (4, 2)
    assert (contact.start < STEP).all()
