"""Genes chosen by a file: names, or regions that hold their TSS."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.gene_sets import genes_of

GENES = pd.DataFrame(
    {
        "gene_id": ["E1", "E2", "E3", "E4"], "symbol": ["ONE", "TWO", "THREE", ""],
        "chrom": ["chr1", "chr1", "chr2", "chr3"], "tss": [100, 200, 150, 0],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("E1\n\nTHREE\n", {"E1", "E3"}),
        ("chr1\t100\t200\nchr2\t0\t150\n", {"E1"}),  # the end is outside
        ("# regions\nchr1\t0\t300\ttrain\nchr1\t200\t201\ttest\nchr3\t0\t9\ttest\n", {"E2", "E4"}),
        ("chr1\t0\t300\tpeak_1\n", {"E1", "E2"}),  # a name is no part of a split
        (
            "ENSID,chrom,fold_1,fold_enformer,Gene name\nE1,1,test,train,ONE\n"
            "E3,2,train,test,THREE\nE4.2,3,train,test,\n",
            {"E3", "E4"},
        ),
    ],
)
def test_names_and_regions(tmp_path: Path, text: str, chosen: set[str]) -> None:
    with gzip.open(tmp_path / "g.bed", "wt") as file:
        file.write(text)
    assert genes_of(tmp_path / "g.bed", GENES) == chosen


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("E9\n", "none of the 4 genes is named or lies in a region"),
        ("chr9\t0\t1\n", "none of the 4 genes"),
        ("chr1\t0\t300\nE1\n", "row 2: 1 columns, expected 3: chrom, start, end"),
        ("chr1\tx\t300\n", "row 1: start is 'x'"),
        ("ENSID,fold_1\nE1,test\n", "no column 'fold_enformer' in the header: ENSID, fold_1"),
        ("ENSID,fold_enformer\nE1\n", "row 2: not as many fields as the header"),
    ],
)
def test_what_is_neither_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "g.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        genes_of(tmp_path / "g.txt", GENES)
