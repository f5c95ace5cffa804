"""The FAN-C adapter: the conversion always, the balancing where FAN-C is installed."""

from __future__ import annotations

import importlib.util

import cooler
import numpy as np
import pytest

from gexpipe.contact.fanc import balance_with_fanc, raw_cool
from gexpipe.contact.readers import open_matrix
from gexpipe.errors import UserError

FANC = importlib.util.find_spec("fanc") is not None


@pytest.fixture
def matrix(shared):
    return shared / "data/hic/K562_chr22_hg38.mcool"


def raw(path, resolution=100_000):
    uri = f"{path}::/resolutions/{resolution}" if path.suffix == ".mcool" else str(path)
    return cooler.Cooler(uri).matrix(balance=False).fetch("chr22").astype(float)


def test_raw_counts_survive_the_conversion(matrix, tmp_path):
    out = tmp_path / "raw.cool"
    raw_cool(open_matrix(matrix, 100_000), out)
    np.testing.assert_array_equal(raw(out), raw(matrix))


def test_a_hic_file_without_vectors_can_be_converted(shared, tmp_path):
    source = shared / "data/hic/hg38_sparse_multires_no_norms.hic"
    import hictkpy

    resolution = int(max(hictkpy.MultiResFile(source).resolutions()))
    reader = open_matrix(source, resolution)
    out = tmp_path / "raw.cool"
    raw_cool(reader, out)
    expected = sum(
        float(reader.band(name, 1 << 20, "NONE").value.sum()) for name in reader.chromosomes
    )
    assert cooler.Cooler(str(out)).pixels()[:]["count"].sum() == pytest.approx(expected)


@pytest.mark.skipif(FANC, reason="FAN-C is installed")
def test_without_fanc_the_extra_is_named(matrix, tmp_path):
    with pytest.raises(UserError, match="FAN-C is an extra: pip install 'gexpipe"):
        balance_with_fanc(matrix, 100_000, tmp_path / "out.cool")


@pytest.mark.skipif(not FANC, reason="FAN-C is an extra: pip install 'gexpipe[fanc]'")
def test_balanced_rows_sum_to_one(matrix, tmp_path):
    out = tmp_path / "balanced.cool"
    balance_with_fanc(matrix, 100_000, out)
    reader = open_matrix(out, 100_000)
    assert "KR" in reader.normalizations()
    band = reader.band("chr22", 600, "KR")
    total = np.bincount(band.first, band.value, len(band.masked))
    off = band.first != band.second
    total += np.bincount(band.second[off], band.value[off], len(band.masked))
    np.testing.assert_allclose(total[~band.masked], 1, rtol=1e-3)
    assert 0.5 < (~band.masked).mean() < 1
