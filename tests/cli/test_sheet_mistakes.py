"""Mistakes in sheets and configuration, as people make them: one line that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gexpipe.config import load_yaml, merge, number_hint
from gexpipe.errors import UserError
from gexpipe.reference.folds import check_fold
from gexpipe.study import read_study
from tests.project import ROOT, write_sheets

CONFIG = load_yaml(ROOT / "config/config.yaml")
TABLE = ["gene_table", "url", "xpresso_18377_genes", "csv", "https://host/genes.csv", ""]
# A sheet, what is done to its text, and what the line says.
SHEETS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "blanks": ("files", lambda t: t.replace("\t", "    "), "separated by tabs, not by blanks"),
    "commas": ("files", lambda t: t.replace("\t", ","), "the header is one column, 'cell,role"),
    "semicolons": ("samples", lambda t: t.replace("\t", ";"), "expected cell, assembly"),
    "a row of blanks": (
        "files",
        lambda t: t.replace("\t", "\0").replace("\0", "\t", 7).replace("\0", " "),
        "row 2: 1 column, the header has 8: are they separated as in the header?",
    ),
    "a column": ("files", lambda t: t.replace("accession", "acession"), "no column 'accession' in"),
    "a role": ("files", lambda t: t.replace("\tcage\t", "\tcaeg\t", 1), "did you mean 'cage'?"),
    "roles": ("files", lambda t: t.replace("\tcage\t", "\tCTSS\t", 1), "dnase_bam, atac_bam"),
    "assembly": ("samples", lambda t: t.replace("sim38", "hg19"), "is on hg19, reference.assembly"),
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Reads the shipped configuration with own sheets, and gives what is said."""
    monkeypatch.chdir(tmp_path)
    names = write_sheets(tmp_path, [TABLE])
    reference = {"reference": {"assembly": "sim38", **names["reference"]}}
    lists: dict[str, Any] = {"methods": ["linear"], "tables": {"build": ["table1"]}}
    config = merge(CONFIG, names, reference, lists)

    def said(change: dict[str, Any]) -> str:
        with pytest.raises(UserError) as caught:
            read_study(merge(config, change), ROOT)
        return str(caught.value)

    return said


@pytest.mark.parametrize("name", SHEETS)
def test_a_mistake_in_a_sheet_is_one_line(study: Callable[..., str], name: str) -> None:
    sheet, edit, words = SHEETS[name]
    path = Path(f"{sheet}.tsv")
    path.write_text(edit(path.read_text()))
    line = study({"target": {"source": "cage"}})
    assert line.startswith(f"{sheet}.tsv") and words in line, line


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1e-3", "1.0e-3"), ("1.5e-3", "1.5e-3"), ("2E5", "200000"), ("500", "500"), ("0,1", "0.1")],
)
def test_a_number_that_is_text_to_yaml_is_said_as_it_is_written(written: str, meant: str) -> None:
    assert number_hint(written) == f": YAML reads it as text, write {meant}"


@pytest.mark.parametrize("value", ["fast", "nan", "inf", True, [1], ""])
def test_other_values_get_no_hint(value: object) -> None:
    assert number_hint(value) == ""


def test_a_cell_type_that_the_table_has_no_column_of_names_two_ways_out(
    study: Callable[..., str],
) -> None:
    """Before the table is fetched; and by its header once it is here."""
    ways = ("{source: cage} or {source: rnaseq}", "or {source: none}")
    for here in (False, True):
        if here:
            place = Path("resources/files/xpresso_18377_genes.csv")
            place.parent.mkdir(parents=True)
            place.write_text("ENSID,K562_CAGE_128*3_sum\nENSG1,1\n")
        line = study({})
        assert "no column 'SIM1_CAGE_128*3_sum'" in line and all(way in line for way in ways)


def test_a_gene_to_draw_that_is_none_is_said(study: Callable[..., str]) -> None:
    genes = Path("results/genes/genes.tsv")
    genes.parent.mkdir(parents=True)
    genes.write_text("gene_id\tsymbol\nENSG1\tKLF1\n")
    line = study({"target": {"source": "cage"}, "discovery": {"loci": ["KFL1"]}})
    assert "no gene 'KFL1' in results/genes/genes.tsv; did you mean 'KLF1'?" in line


def test_a_fold_without_a_part_names_its_chromosomes() -> None:
    check_fold(11, ["chr1", "chr21", "chrX"])
    with pytest.raises(UserError, match=r"no test chromosome \(chr22, chrX\)"):
        check_fold(11, ["chr1", "chr3"])
    with pytest.raises(UserError, match="no chromosome to train on"):
        check_fold(11, ["chr3", "chr22"])
