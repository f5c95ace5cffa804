"""Roles that need each other or exclude each other are refused when the sheets are read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.sheets import Sheets, load_sheets
from tests.project import ROOT

COLUMNS = ["cell", "role", "replicate", "source", "accession", "format", "url"]


def sheets(folder: Path, *rows: tuple[str, ...]) -> Sheets:
    table = [["C1", role, number, "path", name, form, name] for role, number, name, form in rows]
    tables = {
        "samples": pd.DataFrame([["C1", "hg38"]], columns=["cell", "assembly"]),
        "files": pd.DataFrame(table, columns=COLUMNS),
        "reference": pd.DataFrame([["fasta", "path", "g", "fasta", "g"]],
                                  columns=["role", "source", "accession", "format", "url"]),
    }  # fmt: skip
    for name, values in tables.items():
        values.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    config = {name: str(folder / f"{name}.tsv") for name in ("samples", "files")}
    reference = {"files": str(folder / "reference.tsv"), "assembly": "hg38"}
    schemas = ROOT / "workflow/schemas"
    return load_sheets({**config, "reference": reference}, folder, schemas)


FRAGMENTS = ("atac_fragments", "1", "lib1", "fragments")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("abc_elements", "", "e", "tsv")], "C1: abc_elements needs a row abc_genes"),
        ([("barcodes", "", "b", "tsv")], "C1: barcodes needs a row atac_fragments"),
        (
            [FRAGMENTS, ("atac_bam", "", "a", "bam")],
            "C1: rows atac_fragments and atac_bam, one of them is expected",
        ),
        ([("atac_fragments", "", "f", "bed")], "role atac_fragments and format fragments go"),
        ([("atac_bam", "", "f", "fragments")], "role atac_fragments and format fragments go"),
        ([("peaks", "", "a", "bed"), ("peaks", "", "b", "bed")], "C1 has two peaks rows"),
        ([("predictor:ABC", "", "a", "tsv")], "predictor:ABC: ABC is a score of ours"),
        ([("predictor:x", "", "a", "csv")], "a predictor row is tsv or bedpe"),
        ([("peaks", "", "a", "bedpe")], "only it may be bedpe"),
        (
            [("predictor:x", "", "a", "tsv"), ("predictor:x:Score", "", "b", "tsv")],
            "C1 has two predictor rows 'x'",
        ),
    ],
)
def test_rows_that_do_not_fit_are_one_line(
    tmp_path: Path, rows: list[tuple[str, ...]], words: str
) -> None:
    with pytest.raises(UserError) as error:
        sheets(tmp_path, *rows)
    assert words in str(error.value)


def test_fragments_find_their_barcodes(tmp_path: Path) -> None:
    second = ("atac_fragments", "2", "lib2", "fragments")
    first_table, second_table = ("barcodes", "1", "b1", "tsv"), ("barcodes", "2", "b2", "tsv")
    read = sheets(tmp_path, FRAGMENTS, second, second_table, first_table)
    rows = read.cell_files("C1", "atac_fragments")
    assert [read.barcodes_of(row).accession for row in rows] == ["b1", "b2"]  # type: ignore[union-attr]
    assert rows[0].ready == "resources/pseudobulk/C1.lib1.tagAlign.gz"
    alone = sheets(tmp_path, FRAGMENTS, ("barcodes", "", "b", "csv"))
    assert alone.barcodes_of(alone.cell_files("C1", "atac_fragments")[0]).accession == "b"  # type: ignore[union-attr]
    assert sheets(tmp_path, FRAGMENTS).barcodes_of(rows[0]) is None
    lacking = sheets(tmp_path, FRAGMENTS, second, first_table)
    with pytest.raises(UserError, match="0 barcodes rows of replicate 2, one is expected"):
        lacking.barcodes_of(rows[1])
