"""What is predicted for each cell type: the configured target, or the cell's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.rows import split_rows
from gexpipe.sheets import Sheets

__all__ = ["check_target", "target_of"]

# The gene table of the shipped reference sheet, and the cell types whose CAGE sums it holds.
_SHIPPED, _CAGE, _SUMMED = "xpresso_18377_genes", "_CAGE_128*3_sum", ("K562", "GM12878")


def target_of(target: Mapping[str, Any], sheets: Sheets, cell: str) -> dict[str, Any]:
    """Settings of a target for one cell type.

    Parameters
    ----------
    target : mapping
        ``target`` of the configuration, or one of ``targets``; its ``cells`` has what differs.
    sheets : Sheets
        Gives the name that ``{cell}`` in ``column`` stands for: the cell type whose published
        values the cell stands beside, else its own.
    cell : str
        Name in the sample sheet.

    Returns
    -------
    dict
        source (``none`` for a cell type without expression), column, window, strand, transform.
    """
    own = target.get("cells", {}).get(cell, {})
    found = {key: value for key, value in {**target, **own}.items() if key != "cells"}
    found["column"] = found["column"].replace("{cell}", sheets.stands_for[cell])
    return found


def check_target(target: Mapping[str, Any], sheets: Sheets, cell: str) -> None:
    """Raise `UserError` when the sheets have nothing to make a cell type's target from."""
    source = target_of(target, sheets, cell)["source"]
    if source == "none":
        return
    if source == "table":
        _check_column(target, sheets, cell)
        there = sheets.find_reference("gene_table") is not None
        wanted, sheet = "a row with role 'gene_table'", sheets.names["reference"]
    else:
        there = bool(sheets.cell_files(cell, source, optional=True))
        wanted, sheet = f"a row with role {source!r}", sheets.names["files"]
    if not there:
        raise UserError(
            f"the target of {cell!r} is {source}: {wanted} is needed in {sheet}, or another "
            "source for this cell",
            f"config: target.cells.{cell}",
        )


def _check_column(target: Mapping[str, Any], sheets: Sheets, cell: str) -> None:
    """Raise a `UserError` when the gene table is known to lack a cell type's column."""
    column, row = target_of(target, sheets, cell)["column"], sheets.find_reference("gene_table")
    if row is None:
        return
    path = next((p for p in (row.path, row.url) if p and Path(p).is_file()), None)
    if path is not None:
        _, header = next(split_rows(path), (1, []))
        lacking = column not in [name.strip() for name in header]
    else:
        # Not fetched yet; of the shipped table it is known whose CAGE sums it has.
        summed = column.removesuffix(_CAGE)
        lacking = row.accession == _SHIPPED and summed != column and summed not in _SUMMED
    if lacking:
        raise UserError(
            f"the gene table {row.accession} has no column {column!r}. Two ways out: give {cell} "
            f"a target of its own ({{source: cage}} or {{source: rnaseq}}, with a row of that role "
            f"in {sheets.names['files']}), or {{source: none}} to predict it without training",
            f"config: target.cells.{cell}",
        )
