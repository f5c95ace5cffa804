"""What is predicted for each cell type: the configured target, or the cell's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexpipe.errors import UserError
from gexpipe.sheets import Sheets

__all__ = ["check_target", "target_of"]


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
    found["column"] = found["column"].replace("{cell}", sheets.published_as[cell])
    return found


def check_target(target: Mapping[str, Any], sheets: Sheets, cell: str) -> None:
    """Raise `UserError` when the sheets have nothing to make a cell type's target from."""
    source = target_of(target, sheets, cell)["source"]
    if source == "none":
        return
    if source == "table":
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
