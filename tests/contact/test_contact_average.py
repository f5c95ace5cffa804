"""Contact rows from a table of average Hi-C."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe import intervals
from gexpipe.cli.contacts import app
from gexpipe.contact.average import rows_from_average
from gexpipe.contact.element import observed_contact
from gexpipe.contact.rows import read_rows
from gexpipe.errors import UserError
from gexpipe.reference.genes import write_table

SIZES = {"chr1": 50_000, "chr2": 12_000}
GENES = pd.DataFrame(
    {
        "gene_id": ["A", "B", "C", "D"], "symbol": "", "chrom": ["chr1", "chr1", "chr1", "chr2"],
        "tss": [26_000, 3, 25_001, 11_999], "strand": "+", "start": 0, "end": 1, "source": "table",
    }
)  # fmt: skip


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(1)
    matrices, lines = {}, ["#chr\tx1\tx2\tcontact\n"]
    for chrom, size in SIZES.items():
        bins = -(-size // 5000)
        half = np.triu(rng.random((bins, bins)) * (rng.random((bins, bins)) < 0.7))
        matrices[chrom] = half + np.triu(half, 1).T
        for i, j in zip(*np.nonzero(half), strict=True):
            a, b = (i, j) if (i + j) % 2 else (j, i)
            lines.append(f"{chrom}\t{a * 5000}\t{b * 5000}\t{half[i, j]:.17g}\n")
    path = tmp_path / "average.bed.gz"
    text = "".join(lines)
    path.write_bytes(gzip.compress(text.encode()))
    return path, matrices


@pytest.mark.parametrize("size", [1 << 21, 100])
def test_rows_equal_the_matrix(table, monkeypatch, size):
    monkeypatch.setattr(intervals, "BLOCK", size)
    path, matrices = table
    rows = rows_from_average(path, GENES, SIZES, 5000, 15_000)
    for row, chrom, tss in zip(rows.values, GENES["chrom"], GENES["tss"], strict=True):
        padded = np.pad(matrices[chrom], ((0, 0), (3, 3)), constant_values=np.nan)
        np.testing.assert_allclose(row, padded[tss // 5000, tss // 5000 : tss // 5000 + 7], 1e-6)
    assert (rows.row_sum == 1).all()
    assert rows.meta["source"] == "average"
    # The stored diagonal is used as it is.
    own = observed_contact(rows, np.array([0]), np.array([26_000.0]))
    np.testing.assert_allclose(own, matrices["chr1"][5, 5], 1e-6)


def test_command_and_refusals(table, tmp_path):
    path, _ = table
    write_table(GENES, tmp_path / "genes.tsv")
    (tmp_path / "sizes").write_text("".join(f"{n}\t{s}\n" for n, s in SIZES.items()))
    command = ["rows", "--genes", str(tmp_path / "genes.tsv"), "--out", str(tmp_path / "rows.npz")]
    command += ["--chrom-sizes", str(tmp_path / "sizes"), "--average", str(path)]
    command += ["--max-distance", "15000"]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert read_rows(tmp_path / "rows.npz").values.shape == (4, 7)
    with pytest.raises(UserError, match="give one of --matrix FILE, --average FILE"):
        CliRunner().invoke(app, [*command, "--powerlaw"], catch_exceptions=False)
    renamed = GENES.assign(chrom="1")
    with pytest.raises(UserError, match="it has chr1, chr2; the genes lie on 1"):
        rows_from_average(path, renamed, {"1": 50_000}, 5000, 15_000)
    bad = tmp_path / "bad.tsv"
    bad.write_text("chr1\t0\tx\t1\n")
    with pytest.raises(UserError, match=r"bad\.tsv, row 1: end is 'x', expected a whole number"):
        rows_from_average(bad, GENES, SIZES, 5000, 15_000)
