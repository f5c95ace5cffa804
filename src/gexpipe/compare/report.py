"""What was found, as tables and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gexpipe.compare.difference import Difference
from gexpipe.compare.sides import FILES, Side
from gexpipe.tables.write import write_table

__all__ = ["gene_table", "write_report"]

# Genes that the page shows; the table beside it has all.
SHOWN = 25


def gene_table(found: Sequence[Difference], symbols: pd.Series) -> pd.DataFrame:
    """A row for every gene that differs: how many inputs do, and each absolute difference."""
    columns = {d.what: d.by_gene for d in found if len(d.by_gene)}
    table = pd.DataFrame(columns)
    table.insert(0, "inputs", table.notna().sum(axis=1))
    table.insert(0, "symbol", symbols.reindex(table.index).fillna(""))
    table.index.name = "gene_id"
    return table.sort_values("inputs", ascending=False, kind="stable").reset_index()


def write_report(
    a: Side,
    b: Side,
    found: Sequence[Difference],
    out: Path,
    shares: pd.DataFrame | None = None,
) -> None:
    """Write OUT (a TSV of inputs; .md and .html beside it) and OUT.genes.tsv, gene by gene."""
    ordered = sorted(found, key=lambda d: -d.size)
    table = pd.DataFrame(
        [
            {"input": d.what, "difference": d.words, "genes": d.genes or "", "of": d.of or ""}
            for d in ordered
        ],
        columns=["input", "difference", "genes", "of"],
    )
    symbols = a.examples["symbol"] if "symbol" in a.examples else pd.Series(dtype=str)
    genes = gene_table(ordered, symbols)
    write_table(table, out, _page(a, b, table, genes, shares))
    genes.to_csv(out.with_suffix(".genes.tsv"), sep="\t", index=False)


def _page(
    a: Side, b: Side, table: pd.DataFrame, genes: pd.DataFrame, shares: pd.DataFrame | None
) -> str:
    lines = ["# What differs between two preparations", ""]
    for side in (a, b):
        lacking = [name for name in FILES if not side.has(name)]
        without = f", without {', '.join(lacking)}" if lacking else ""
        lines.append(f"- {side.label}: {side.cell} of {side.results}{without}")
    lines += ["", "What only one of them has is not compared.", ""]
    if table.empty:
        return "\n".join([*lines, "Nothing differs."]) + "\n"
    lines += ["## Inputs, the most different first", "", table.to_markdown(index=False), ""]
    if shares is not None:
        lines += [
            "## What the model makes of it", "",
            "A's inputs, with one at a time from B. `share`: how much of the way from A's to B's",
            "predictions that input alone goes (1: all of it; inputs may overlap, and one below 0",
            "leads away). `moved`: mean change of the prediction.", "",
            shares.to_markdown(index=False, floatfmt=".4f"), "",
        ]  # fmt: skip
    if len(genes):
        shown = genes.head(SHOWN)[["gene_id", "symbol", "inputs"]]
        lines += [f"## Genes that differ in most inputs (of {len(genes):,})", ""]
        lines += [shown.to_markdown(index=False), ""]
    return "\n".join(lines) + "\n"
