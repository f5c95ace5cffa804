"""The target of a cell type: the configured one, its own, or a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexpipe.config import load_yaml, merge
from gexpipe.errors import UserError
from gexpipe.reference.cell_target import check_target, target_of
from gexpipe.sheets import load_sheets

ROOT = Path(__file__).resolve().parents[2]
CONFIG = load_yaml(ROOT / "config/config.yaml")
SHEETS = load_sheets(CONFIG, ROOT, ROOT / "workflow/schemas")


@pytest.mark.parametrize(
    ("cell", "source", "column", "transform"),
    [
        ("K562", "table", "K562_CAGE_128*3_sum", "log10p1"),
        ("K562_paper", "table", "K562_CAGE_128*3_sum", "log10p1"),
        ("H1", "cage", "H1_CAGE_128*3_sum", "log10p1"),
        ("HepG2", "table", "Actual_HepG2", "none"),
    ],
)
def test_every_shipped_cell_has_its_own_target(
    cell: str, source: str, column: str, transform: str
) -> None:
    found = target_of(CONFIG["target"], SHEETS, cell)
    assert (found["source"], found["column"], found["transform"]) == (source, column, transform)
    assert "cells" not in found
    check_target(CONFIG["target"], SHEETS, cell)


def test_a_cell_without_a_target_is_refused() -> None:
    target = merge(CONFIG["target"], {"cells": {"HUVEC": {"source": "rnaseq"}}})
    with pytest.raises(UserError, match=r"target.cells.HUVEC: the target of 'HUVEC' is rnaseq: a"):
        check_target(target, SHEETS, "HUVEC")
    check_target(target, SHEETS, "NHEK")


@pytest.mark.parametrize("cell", sorted(SHEETS.assembly))
def test_every_shipped_cell_is_complete(cell: str) -> None:
    for role in ("dnase_bam", "h3k27ac_bam", "dnase_bigwig", "h3k27ac_bigwig", "hic"):
        assert SHEETS.cell_files(cell, role)


def test_the_default_and_the_papers_files_of_k562_stand_beside_each_other() -> None:
    def dnase(cell: str) -> list[str]:
        return [row.accession for row in SHEETS.cell_files(cell, "dnase_bam")]

    assert dnase("K562") == ["ENCFF257HEE"]
    assert dnase("K562_paper") == ["ENCFF425WDA", "ENCFF205FNC"]
    files = {row.accession for row in SHEETS.rows_of(["K562_paper"])}
    assert {"ENCFF205FNC", "4DNFITUOMFUQ", "hg38"} <= files and "ENCFF257HEE" not in files


def test_addresses_of_repositories_are_pinned_to_commits() -> None:
    for row in SHEETS.by_path.values():
        if "github" in row.url:
            assert any(len(part) == 40 for part in row.url.split("/")), row.url
