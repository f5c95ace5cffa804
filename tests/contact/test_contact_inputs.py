"""Matrices as other tools write them, at the command line: read rightly, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.abc import app as abc
from gexpipe.cli.contacts import app
from gexpipe.contact.readers import open_matrix
from gexpipe.errors import UserError
from gexpipe.reference.genes import write_table
from gexpipe.simulate.contacts import Pixels
from gexpipe.simulate.hic import write_hic

STEP = 5000
SIZES = {"chr1": 500_000, "chr2": 250_000}
GENES = pd.DataFrame(
    {
        "gene_id": ["G1", "G2"], "symbol": ["A", "B"], "chrom": ["chr1", "chr2"],
        "tss": [250_000, 125_000], "strand": "+", "start": [250_000, 125_000],
        "end": [260_000, 130_000], "source": "table",
    }
)  # fmt: skip
CLEAN = [100 / 3, 50, 100, 50, 100 / 3]  # around a TSS bin, once balanced


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_table(GENES, tmp_path / "genes.tsv")
    (tmp_path / "sizes").write_text("".join(f"{n}\t{s}\n" for n, s in SIZES.items()))
    return tmp_path


def matrix(path: Path, group: str = "/", column: str = "KR", power: int = 1, **changes) -> Path:
    """A clean power law times a bias per bin; ``column`` is bias ** ``power``, divisive for 1."""
    rng, rows, biases, offset = np.random.default_rng(1), [], [], 0
    for size in SIZES.values():
        n = size // STEP
        bias = np.exp(rng.normal(0, 0.5, n))
        rows += [
            (offset + i, offset + j, 100 / (1 + j - i) * bias[i] * bias[j])
            for i in range(n)
            for j in range(i, n)
        ]
        biases.append(bias)
        offset += n
    pixels = pd.DataFrame(rows, columns=["bin1_id", "bin2_id", "count"])
    weights = np.concatenate(biases) ** power
    weights[changes.get("masked", slice(0, 0))] = np.nan
    bins = cooler.binnify(pd.Series(SIZES), STEP).assign(**{column: weights})
    uri = str(path) if group == "/" else f"{path}::{group}"
    cooler.create_cooler(uri, bins, pixels, ordered=True, dtypes={"count": "float64"})
    return path


def rows_of(folder: Path, *options: object, expected: str = "") -> np.ndarray:
    """Rows of the two genes, or what the command says."""
    command = ["rows", "--genes", folder / "genes.tsv", "--chrom-sizes", folder / "sizes"]
    command += ["--max-distance", 100_000, "--out", folder / "rows.npz", *options]
    done = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
    assert done.exit_code == 0
    with np.load(folder / "rows.npz") as stored:
        middle = stored["values"].shape[1] // 2
        return stored["values"][:, middle - 2 : middle + 3]


@pytest.mark.parametrize("root", ["nothing", "cooler"])
def test_the_root_of_a_mcool_need_not_say_what_it_is(folder, root):
    path = matrix(folder / "x.mcool", f"/resolutions/{STEP}")
    with h5py.File(path, "r+") as file:
        for key in list(file.attrs):
            del file.attrs[key]
        if root == "cooler":
            file.attrs.update({"format": "HDF5::Cooler", "format-version": 3})
    np.testing.assert_allclose(rows_of(folder, "--matrix", path)[0], CLEAN, 1e-5)


def test_zoom_levels_of_old_mcools_are_known_by_their_bins(folder):
    path = matrix(folder / "x.mcool", "/3")
    np.testing.assert_allclose(rows_of(folder, "--matrix", path)[0], CLEAN, 1e-5)


@pytest.mark.parametrize("column", ["ICE", "VC", "KR", "weight"])
@pytest.mark.parametrize("power", [1, -1])
def test_weights_divide_or_multiply_as_the_counts_show(folder, column, power):
    path = matrix(folder / "x.cool", column=column, power=power)
    found = rows_of(folder, "--matrix", path, "--normalization", column)
    np.testing.assert_allclose(found[0], CLEAN, 1e-5)


def test_bins_of_fragments_are_refused(folder):
    bins = pd.DataFrame({"chrom": "chr1", "start": [0, 4000, 9000]})
    bins["end"] = [4000, 9000, 15_000]
    pixels = pd.DataFrame({"bin1_id": [0], "bin2_id": [1], "count": [3]})
    cooler.create_cooler(str(folder / "x.cool"), bins, pixels)
    with pytest.raises(UserError, match=r"x\.cool: its bins are not of one width"):
        rows_of(folder, "--matrix", folder / "x.cool")


def test_a_chromosome_without_a_vector_is_missing_and_said(folder, caplog):
    path = matrix(folder / "x.cool", masked=slice(100, 150))
    found = rows_of(folder, "--matrix", path)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[0], CLEAN, 1e-5)
    record = json.loads((folder / "rows.json").read_text())
    assert record["chromosomes_without_contact"] == ["chr2"]
    assert "no balancing KR on chr2" in caplog.text
    path = matrix(folder / "y.cool", masked=slice(None))
    with pytest.raises(UserError, match=r"y\.cool: no balancing KR on chr1, chr2"):
        rows_of(folder, "--matrix", path)


def hic_file(path: Path, balanced: tuple[str, ...]) -> Path:
    """A .hic whose balancing VC is there for some chromosomes only."""
    pixels = {}
    for name, size in SIZES.items():
        row, column = np.triu_indices(size // STEP)
        pixels[name] = Pixels(size // STEP, row, column, 1000 // (1 + column - row))
    vectors = {("VC", n, STEP): np.full(SIZES[n] // STEP, 2, np.float32) for n in balanced}
    write_hic(path, SIZES, pixels, [STEP], "x", vectors)
    return path


def test_a_chromosome_of_a_hic_file_without_a_vector_is_missing_and_said(folder, caplog):
    path = hic_file(folder / "x.hic", ("chr1",))
    found = rows_of(folder, "--matrix", path, "--normalization", "VC")
    np.testing.assert_allclose(found[0], [83.25, 125, 250, 125, 83.25])
    record = json.loads((folder / "rows.json").read_text())
    assert record["chromosomes_without_contact"] == ["chr2"]
    assert record["genes_with_contact"] == 1
    assert "no balancing VC on chr2: contact is missing there" in caplog.text
    with pytest.raises(UserError, match=r"y\.hic: none of the balancings VC is there"):
        rows_of(folder, "--matrix", hic_file(folder / "y.hic", ()), "--normalization", "VC")


def test_scores_without_contact_of_a_chromosome_are_those_of_the_power_law(folder):
    rows_of(folder, "--matrix", hic_file(folder / "x.hic", ("chr1",)), "--normalization", "VC")
    middle = np.array([100_250, 125_000, 150_250])
    elements = pd.DataFrame({"chrom": "chr2", "start": middle - 250, "end": middle + 250})
    elements.assign(isPromoterElement=[False, True, False], activity_base=[2.0, 1.0, 3.0])[
        ["chrom", "start", "end", "isPromoterElement", "activity_base"]
    ].to_parquet(folder / "e.parquet")
    scores = []
    for option in ((), ("--contacts", folder / "rows.npz")):
        command = ["scores", "--elements", folder / "e.parquet", "--genes", folder / "genes.tsv"]
        command += ["--out", folder / "s.parquet", "--gamma-reference", 1.024238616787792, *option]
        done = CliRunner().invoke(abc, [str(word) for word in command], catch_exceptions=False)
        assert done.exit_code == 0
        scores.append(pd.read_parquet(folder / "s.parquet"))
    assert np.isfinite(scores[1]["abc_score"]).all()
    law = scores[0]["contact"]
    np.testing.assert_allclose(scores[1]["hic_contact"], law, 1e-6)


def test_of_two_matrices_none_is_left_out_silently(folder):
    path = matrix(folder / "x.cool")
    with pytest.raises(UserError, match="one matrix is used, 2 are given"):
        rows_of(folder, "--matrix", path, "--matrix", path)


def test_rows_without_a_common_sum_are_scaled_over_the_chromosome(folder):
    path = matrix(folder / "x.cool", column="VC")
    rows_of(folder, "--matrix", path, "--normalization", "VC")
    with np.load(folder / "rows.npz") as stored:
        own = 100 / (1 + np.abs(np.arange(100) - 50))
        np.testing.assert_allclose(stored["row_sum"][0], own.sum(), 1e-5)


def test_row_sums_of_hic_files_are_those_of_the_whole_matrix(shared):
    reader = open_matrix(shared / "data/hic/hg19_all_2500kb.hic", 2_500_000)
    reader.stripe = 7
    full = reader._file.fetch("1", normalization="VC", count_type="float64").to_numpy()
    np.testing.assert_allclose(reader.row_sums("1", "VC"), np.nansum(full, axis=1), 1e-9)


def test_the_power_law_is_flat_below_5_kb_whatever_the_bins(folder):
    """ABC clips its law at 5 kb, also for a matrix of 10 kb bins."""
    elements = pd.DataFrame(
        {
            "chrom": "chr1", "start": [257_000, 258_000, 290_000],
            "end": [257_500, 258_500, 290_500],
            "isPromoterElement": False, "activity_base": [1.0, 1.0, 1.0],
        }
    )  # fmt: skip
    elements.to_parquet(folder / "elements.parquet")
    rows_of(folder, "--powerlaw", "--resolution", 10_000)
    command = ["scores", "--elements", folder / "elements.parquet", "--genes", folder / "genes.tsv"]
    command += ["--contacts", folder / "rows.npz", "--out", folder / "scores.parquet"]
    done = CliRunner().invoke(abc, [str(word) for word in command], catch_exceptions=False)
    assert done.exit_code == 0
    contact = pd.read_parquet(folder / "scores.parquet")["contact"].to_numpy()
    distance = np.array([7250.0, 8250.0, 40_250.0])
    law = np.exp(5.9594510043736655 - 1.024238616787792 * np.log(distance + 1))
    np.testing.assert_allclose(contact, law, 1e-6)
