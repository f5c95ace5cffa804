"""Table 8 of Prism: hand-made contact against a loop over bases, and from a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.windows import app
from gexpipe.errors import UserError
from gexpipe.tables.long_range import long_range, partners
from gexpipe.windows.inspect import read_gene, window_contact
from tests.project import ROOT


@pytest.mark.parametrize("beyond", [-1, 0, 7, 30, 10**6])
def test_partners_equal_a_loop_over_positions(beyond: int) -> None:
    rng = np.random.default_rng(1)
    length, step = 100, 10
    contact = (rng.random((6, 11)) * (rng.random((6, 11)) < 0.5)).astype(np.float32)
    start = rng.integers(0, step, 6)
    each, places = partners(contact, start, step, length, beyond)
    i = np.arange(length)
    expected = np.stack([row[(i + s) // step] > 0 for row, s in zip(contact, start, strict=True)])
    expected &= np.abs(i - length // 2) > beyond
    np.testing.assert_array_equal(each, expected.sum(axis=1))
    np.testing.assert_array_equal(places, expected.sum(axis=0))


def test_published_number_of_partners() -> None:
    each, places = partners(np.ones((2, 41), np.float32), np.array([0, 4999]), 5000, 200_000, 50)
    assert each.tolist() == [199_899] * 2
    assert places.sum() == 2 * 199_899


def test_statistics_of_a_store(world: Path) -> None:
    found = long_range(world / "cell.zarr", 50, pd.DataFrame({"gene_id": ["G0", "G2"]}))
    genes = [read_gene(world / "cell.zarr", f"G{k}") for k in range(6)]
    at = np.abs(np.arange(16_000) - 8000)
    touched = np.stack([window_contact(gene, 16_000) > 0 for gene in genes])
    far = touched & (at > 50)
    assert found["genes_with_contact"] == pytest.approx(touched.any(axis=1).mean())
    assert found["genes_with_abc"] == pytest.approx(2 / 6)
    assert found["median_partners"] == np.median(far.sum(axis=1))
    median = np.median(np.concatenate([at[row] for row in far]))
    assert found["median_distance"] == pytest.approx(median, abs=1)
    with pytest.raises(UserError, match="a store of sequence, expected one of signals"):
        long_range(world / "sequence.zarr", 50)


def test_command_puts_printed_values_beside(world: Path, tmp_path: Path) -> None:
    pd.DataFrame({"gene_id": ["G0"]}).to_parquet(tmp_path / "e.parquet")
    done = CliRunner().invoke(
        app,
        [
            "long-range", "--store", f"SIM1={world / 'cell.zarr'}", "--cell", "SIM1=K562",
            "--elements", f"SIM1={tmp_path / 'e.parquet'}", "--out", str(tmp_path / "t.tsv"),
            "--published", str(ROOT / "config/published.tsv"),
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0
    table = pd.read_csv(tmp_path / "t.tsv", sep="\t")
    printed = table.loc[table["setting"] == "beyond=50", "published"]
    assert printed.tolist() == [0.989, 0.989, 1, 199_899, 49_707]
    assert table.loc[table["setting"] == "beyond=50000", "published"].isna().all()
    assert (tmp_path / "t.md").is_file()
