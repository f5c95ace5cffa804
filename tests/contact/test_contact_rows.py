"""Contact rows from real and tiny matrices, and from a power law."""

from __future__ import annotations

import sys
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.contacts import app
from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.contact.readers import choose_normalization, match_chromosome, open_matrix
from gexpipe.contact.rows import powerlaw_rows, read_rows, rows_from_matrix
from gexpipe.errors import UserError

SIZES = {"chrA": 50_000, "chrB": 23_000}


def gene_table(chrom: list[str], tss: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"gene_id": [f"g{i}" for i in range(len(tss))], "chrom": chrom, "tss": tss})


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two chromosomes of 5 kb bins; a multiplicative `weight` and a divisive `VC` column."""
    bins = cooler.binnify(pd.Series(SIZES), 5000)
    rng = np.random.default_rng(1)
    first, second = np.triu_indices(len(bins))
    pixels = pd.DataFrame(
        {"bin1_id": first, "bin2_id": second, "count": rng.integers(0, 9, len(first))}
    )
    path = tmp_path / "tiny.cool"
    cooler.create_cooler(str(path), bins, pixels[pixels["count"] > 0])
    weight = rng.uniform(0.5, 2, len(bins))
    weight[3] = np.nan
    with h5py.File(path, "r+") as file:
        file["bins"].create_dataset("weight", data=weight)
        file["bins"].create_dataset("VC", data=1 / weight)
    return path


def dense(path: Path, balance: str | bool, chrom: str) -> np.ndarray:
    matrix = cooler.Cooler(str(path)).matrix(balance=balance).fetch(chrom)
    return np.asarray(matrix, dtype=float)


@pytest.mark.parametrize("normalization", ["weight", "ICE", "VC", "NONE"])
def test_rows_equal_the_dense_matrix(tiny, normalization):
    genes = gene_table(["chrB", "chrA", "chrA", "chrA"], [22_999, 0, 15_000, 27_300])
    reader = open_matrix(tiny, 5000)
    rows = rows_from_matrix(reader, genes, SIZES, 15_000, [normalization])
    balance = False if normalization == "NONE" else "weight"
    for row, chrom, tss in zip(rows.values, genes["chrom"], genes["tss"], strict=True):
        full = dense(tiny, balance, chrom)
        padded = np.pad(full, ((0, 0), (3, 3)), constant_values=np.nan)
        expected = padded[tss // 5000, tss // 5000 : tss // 5000 + 7]
        np.testing.assert_allclose(row, expected, rtol=1e-6)
    assert rows.meta["normalization"] == normalization
    assert rows.reach == 3


def test_balanced_rows_are_scaled_by_the_mean_row_sum_of_the_chromosome(tiny):
    genes = gene_table(["chrA"], [27_300])
    rows = rows_from_matrix(open_matrix(tiny, 5000), genes, SIZES, 5_000, ["weight"])
    sums = np.nansum(dense(tiny, "weight", "chrA"), axis=0)
    assert rows.row_sum[0] == pytest.approx(sums[sums > 0].mean(), rel=1e-6)


def test_real_mcool_rows_equal_cooler(shared):
    path = shared / "data/hic/K562_chr22_hg38.mcool"
    genes = gene_table(["chr22"] * 2, [25_000_000, 50_000_000])
    rows = rows_from_matrix(
        open_matrix(path, 25_000), genes, {"chr22": 50_818_468}, 1_000_000, ["VC", "ICE"]
    )
    full = np.asarray(cooler.Cooler(f"{path}::/resolutions/25000").matrix(balance=True)[:])
    padded = np.pad(full, ((0, 0), (40, 40)), constant_values=np.nan)
    for row, at in zip(rows.values, rows.tss_bin, strict=True):
        np.testing.assert_allclose(row, padded[at, at : at + 81], rtol=1e-6)


@pytest.mark.parametrize("normalization", ["VC", "KR", "NONE"])
def test_hictk_and_straw_read_the_same(shared, normalization):
    pytest.importorskip("hicstraw", reason="hic-straw is an extra: pip install 'gexpipe[straw]'")
    path = shared / "data/hic/hg19_all_2500kb.hic"
    bands = [
        open_matrix(path, 2_500_000, b).band("1", 10, normalization) for b in ("hictk", "straw")
    ]
    one, two = [np.lexsort((b.second, b.first)) for b in bands]
    np.testing.assert_array_equal(bands[0].first[one], bands[1].first[two])
    np.testing.assert_allclose(bands[0].value[one], bands[1].value[two], rtol=1e-6)
    np.testing.assert_array_equal(bands[0].masked, bands[1].masked)
    names = [open_matrix(path, 2_500_000, b).normalizations() for b in ("hictk", "straw")]
    assert names[0] == names[1]


def test_hic_with_bare_names_serves_chr_names(shared):
    reader = open_matrix(shared / "data/hic/hg19_all_2500kb.hic", 2_500_000)
    genes = gene_table(["chr21"], [30_000_000])
    rows = rows_from_matrix(reader, genes, {"chr21": reader.chromosomes["21"]}, 5_000_000, ["VC"])
    assert rows.values.shape == (1, 5)
    assert rows.values[0, 2] > rows.values[0, 3] > 0


def test_match_chromosome():
    assert match_chromosome({"1": 1}, "chr1") == "1"
    assert match_chromosome({"chr1": 1}, "1") == "chr1"
    assert match_chromosome({"MT": 1}, "chrM") == "MT"
    assert match_chromosome({"1": 1}, "chr2") is None


def test_what_is_missing_is_listed(shared, tiny, tmp_path):
    with pytest.raises(UserError, match=r"no resolution 10,000; it has 5000.*contact\.resolution"):
        open_matrix(tiny, 10_000)
    with pytest.raises(
        UserError, match=r"KR.*it has VC, weight, ICE, NONE.*contact\.normalization"
    ):
        choose_normalization(open_matrix(tiny, 5000), ["KR"])
    bare = open_matrix(shared / "data/hic/hg38_sparse_multires_no_norms.hic", 500_000)
    with pytest.raises(UserError, match="it has NONE"):
        choose_normalization(bare, ["VC", "SCALE"])
    text = tmp_path / "no.hic"
    text.write_text("nothing")
    with pytest.raises(UserError, match="not a readable"):
        open_matrix(text, 5000)


def test_a_backend_that_is_not_there(shared, monkeypatch):
    path = shared / "data/hic/hg19_all_2500kb.hic"
    with pytest.raises(UserError, match="'juicer', expected hictk or straw"):
        open_matrix(path, 2_500_000, "juicer")
    monkeypatch.setitem(sys.modules, "hicstraw", None)
    with pytest.raises(UserError, match=r"hic-straw is an extra: pip install 'gexpipe\[straw\]'"):
        open_matrix(path, 2_500_000, "straw")


def test_names_or_lengths_that_disagree_are_refused(tiny):
    reader = open_matrix(tiny, 5000)
    with pytest.raises(UserError, match="chromosome names do not match"):
        rows_from_matrix(reader, gene_table(["chrZ"], [1]), {"chrZ": 9}, 5000, ["NONE"])
    with pytest.raises(UserError, match="another assembly"):
        rows_from_matrix(reader, gene_table(["chrA"], [1]), {"chrA": 9}, 5000, ["NONE"])


def test_powerlaw_rows():
    genes = gene_table(["chrB"], [22_000])
    rows = powerlaw_rows(genes, SIZES, 5000, 10_000)
    law = PowerLaw()
    expected = [law(10_000), law(5_000), law(0), np.nan, np.nan]
    np.testing.assert_allclose(rows.values[0], expected, rtol=1e-6)
    assert law(0) == law(5000) == pytest.approx(0.06301440070086411, rel=1e-12)


def test_command_writes_rows_that_read_back(tiny, tmp_path):
    genes = tmp_path / "genes.tsv"
    genes.write_text(
        "gene_id\tsymbol\tchrom\ttss\tstrand\tstart\tend\tsource\n"
        "g0\tG0\tchrA\t27300\t+\t27300\t30000\ttest\n"
    )
    sizes = tmp_path / "sizes.tsv"
    sizes.write_text("".join(f"{n}\t{s}\n" for n, s in SIZES.items()))
    out = tmp_path / "rows.npz"
    common = ["rows", "--genes", str(genes), "--chrom-sizes", str(sizes), "--out", str(out)]
    more = ["--matrix", str(tiny), "--max-distance", "10000", "--normalization", "VC"]
    result = CliRunner().invoke(app, common + more)
    assert result.exit_code == 0, result.output
    rows = read_rows(out)
    assert rows.values.shape == (1, 5)
    assert rows.meta["normalization"] == "VC"
    first = out.read_bytes()
    CliRunner().invoke(app, common + more)
    assert out.read_bytes() == first
    result = CliRunner().invoke(app, common)
    assert isinstance(result.exception, UserError)
