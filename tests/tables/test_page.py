"""Markdown tables as pages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.tables.page import to_page
from gexpipe.tables.write import write_table


def test_a_table_is_a_table_and_text_is_escaped() -> None:
    page = to_page("# Seq2Exp & others\n\n| method | MSE |\n|---|---:|\n| <b>x</b> | 0.1 ± 0.2 |\n")
    assert page.startswith("<!DOCTYPE html>") and "<title>Seq2Exp &amp; others</title>" in page
    assert '<meta charset="utf-8">' in page and "0.1 ± 0.2" in page
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in page
    assert page.count("<tr>") == 2


def test_the_page_stands_beside_the_other_forms(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1]})
    write_table(table, tmp_path / "t.tsv", f"# T\n\n{table.to_markdown(index=False)}\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.html", "t.md", "t.tsv"]
    assert "<td" in (tmp_path / "t.html").read_text()
