"""Which genes of a cell type a part of a fold has."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gexpipe.errors import UserError

__all__ = ["check_trainable", "rows_of_part"]


def rows_of_part(
    table: pd.DataFrame, fold: int, part: str, usable: np.ndarray | None = None
) -> np.ndarray:
    """Rows of one part of a fold that have a target.

    Of a cell type without expression, in which no gene has one, all rows of the part: it can be
    predicted. `check_trainable` keeps it from training.

    Parameters
    ----------
    table : DataFrame
        Example table: target, fold_1 ... fold_12.
    fold : int
        1 to 12.
    part : str
        train, valid or test.
    usable : ndarray, optional
        (rows,) bool: genes that have what the method reads.

    Returns
    -------
    ndarray
        (rows,) int64.

    Raises
    ------
    UserError
        No such fold, or no gene.
    """
    column = f"fold_{fold}"
    if column not in table:
        raise UserError(f"no {column} in the example table", "config: splits.fold")
    known = table["target"].notna()
    chosen = (table[column] == part).to_numpy() & (known.to_numpy() | (not known.any()))
    rows = np.flatnonzero(chosen if usable is None else chosen & usable)
    if not len(rows):
        what = "a target" if usable is None else "bins and a target"
        raise UserError(f"no gene with {what} in the {part} part", f"fold {fold}")
    return rows


def check_trainable(table: pd.DataFrame) -> None:
    """Raise `UserError` for the example table of a cell type without expression."""
    if "target" in table and not table["target"].notna().any():
        raise UserError(
            "no gene has a target: a cell type without expression can be predicted with a trained "
            "checkpoint (gexpipe predict), not trained on",
            "example table",
        )
