"""The pixels near the diagonal of a .cool file, against another library's reader."""

from __future__ import annotations

from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest

from gexpipe.contact import cool
from gexpipe.contact.hictk import hictk
from gexpipe.contact.readers import open_matrix
from gexpipe.errors import UserError

SIZES = {"chrA": 1_000_000, "chrB": 7_000, "chrC": 400_000}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chromosomes with contacts between them, empty rows, chunks of 64 pixels."""
    bins = cooler.binnify(pd.Series(SIZES), 5000)
    rng = np.random.default_rng(2)
    pairs = np.sort(rng.integers(0, len(bins), (9000, 2)), axis=1)
    pairs = np.unique(pairs[~np.isin(pairs[:, 0], [0, 7, 8, 9, 150, 201])], axis=0)
    pixels = pd.DataFrame(pairs, columns=["bin1_id", "bin2_id"])
    pixels["count"] = rng.integers(1, 50, len(pixels))
    path = tmp_path_factory.mktemp("cool") / "random.cool"
    cooler.create_cooler(str(path), bins, pixels)
    with h5py.File(path, "r+") as file:
        for name, dataset in [*file["pixels"].items()]:
            values = dataset[:]
            del file["pixels"][name]
            file["pixels"].create_dataset(name, data=values, chunks=(64,), compression="gzip")
    return path


@pytest.mark.parametrize("most", [1 << 15, 50])
@pytest.mark.parametrize("width", [0, 3, 40, 10_000])
@pytest.mark.parametrize("chrom", SIZES)
def test_the_band_is_that_of_hictk(matrix, monkeypatch, chrom, width, most):
    monkeypatch.setattr(cool.band_slices, "__defaults__", (most,))
    reader = open_matrix(matrix, 5000)
    band = reader.band(chrom, width, "NONE")
    fetch = hictk().File(matrix, 5000).fetch
    expected = fetch(chrom, count_type="float32", diagonal_band_width=width + 1).to_coo()
    np.testing.assert_array_equal(band.first, expected.row)
    np.testing.assert_array_equal(band.second, expected.col)
    np.testing.assert_array_equal(band.value, expected.data)
    full = fetch(chrom).to_numpy()
    np.testing.assert_allclose(reader.row_sums(chrom, "NONE"), full.sum(axis=1))


def test_far_pixels_are_left_out_of_the_read():
    offset = np.array([0, 1000, 1000, 1003, 5000, 9000])
    assert list(cool.band_slices(offset, 4, gap=10)) == [(0, 5), (1000, 1008), (5000, 5005)]
    assert list(cool.band_slices(offset, 4, gap=1000, most=600)) == [
        (0, 600),
        (600, 1008),
        (5000, 5005),
    ]
    assert list(cool.band_slices(np.zeros(4, np.int64), 4, gap=10)) == []


def test_square_storage_is_refused(tmp_path):
    path = tmp_path / "square.cool"
    bins = cooler.binnify(pd.Series({"chrA": 20_000}), 5000)
    pixels = pd.DataFrame({"bin1_id": [0, 1], "bin2_id": [1, 0], "count": [2, 2]})
    cooler.create_cooler(str(path), bins, pixels, symmetric_upper=False)
    with pytest.raises(UserError, match="expected 'symmetric-upper'"):
        open_matrix(path, 5000)
