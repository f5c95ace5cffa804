"""Quality of each cell type's preparation as tables: one of a cell, one of all cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from gexpipe.log import get_logger
from gexpipe.tabular import read_tsv

__all__ = ["COLUMNS", "CONTACT_EXPECTED", "cell_quality", "joined_quality", "read_quality"]

logger = get_logger(__name__)

COLUMNS = ["measure", "value", "low", "high", "ok"]
# Share of genes whose TSS bin has contact; masked bins are a few percent of a deep map.
CONTACT_EXPECTED = (0.9, 1.0)


def cell_quality(
    activity: dict[str, Any], peaks: dict[str, Any] | None, contacts: dict[str, Any] | None
) -> pd.DataFrame:
    """Put what the stages recorded of one cell type into one table, with the expected ranges.

    Parameters
    ----------
    activity : dict
        ``quality.json`` of the activity stage (see `gexpipe.abc.quality.check`).
    peaks : dict, optional
        Record of peak calling; None where a run starts from counts.
    contacts : dict, optional
        Record of the contact rows; None, or that of a power law, says nothing.

    Returns
    -------
    DataFrame
        `COLUMNS`: measure, value, expected range (NaN: none is known), and whether it lies inside
        ("yes", "no", or empty where there is no range).
    """
    rows: list[tuple[str, float, tuple[float, float] | None]] = []
    if peaks is not None:
        rows.append(("peaks", peaks["peaks"], tuple(peaks["expected"])))
    rows += [(name, entry["value"], entry["expected"]) for name, entry in activity.items()]
    if contacts is not None and "genes_with_contact" in contacts:
        share = contacts["genes_with_contact"] / max(contacts["genes"], 1)
        rows.append(("contact_coverage", share, CONTACT_EXPECTED))
        if not CONTACT_EXPECTED[0] <= share:
            logger.warning(
                "contact_coverage = %.3g, expected at least %g", share, *CONTACT_EXPECTED[:1]
            )
    lines = []
    for name, value, bounds in rows:
        low, high = bounds or (None, None)
        ok = "" if low is None or high is None else "yes" if low <= value <= high else "no"
        lines.append((name, float(value), low, high, ok))
    return pd.DataFrame(lines, columns=COLUMNS)


def read_quality(path: str | Path) -> pd.DataFrame:
    """Read a table of `cell_quality`; a `UserError` names what is missing."""
    table = read_tsv(path, "quality table", COLUMNS, dtype={"ok": str, "measure": str})
    return table.assign(ok=table["ok"].fillna(""))


def joined_quality(cells: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a cell type, one column a measure, and the names of those outside their range.

    Parameters
    ----------
    cells : dict
        Cell type -> table of `cell_quality`.

    Returns
    -------
    DataFrame
        cell, outside (comma-separated, empty where all is as expected), then the measures in the
        order of their first appearance; NaN where a cell has none.
    """
    measures = list(dict.fromkeys(name for table in cells.values() for name in table["measure"]))
    rows = []
    for cell, table in cells.items():
        outside = ",".join(table.loc[table["ok"] == "no", "measure"])
        rows.append(
            {
                "cell": cell,
                "outside": outside,
                **dict(zip(table["measure"], table["value"], strict=True)),
            }
        )
    return pd.DataFrame(rows, columns=["cell", "outside", *measures])
