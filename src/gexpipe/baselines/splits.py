"""Which genes train, validate and test, and the prediction table of a fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError

__all__ = ["prediction_table", "rows_of"]

SPLITS = ("train", "valid", "test")


def rows_of(examples: pd.DataFrame, fold: int) -> dict[str, NDArray[np.int64]]:
    """Rows of each split that have a target.

    Raises
    ------
    UserError
        When the fold is unknown, or one of its splits has no gene.
    """
    column = f"fold_{fold}"
    if column not in examples:
        raise UserError(f"fold {fold} is not in the example table", "--fold")
    known = examples["target"].notna()
    rows = {name: np.flatnonzero(known & (examples[column] == name)) for name in SPLITS}
    for name, chosen in rows.items():
        if len(chosen) == 0:
            raise UserError(f"fold {fold} has no {name} gene with a target", "--fold")
    return rows


def prediction_table(
    examples: pd.DataFrame, fold: int, rows: dict[str, NDArray[np.int64]], predicted: np.ndarray
) -> pd.DataFrame:
    """gene_id, symbol, chrom, fold, split, observed, predicted of all genes with a target.

    Parameters
    ----------
    predicted : ndarray
        (G,) prediction of every row of ``examples``.
    """
    order = np.sort(np.concatenate(list(rows.values())))
    table = examples.iloc[order]
    return pd.DataFrame(
        {
            "gene_id": table["gene_id"].to_numpy(),
            "symbol": table["symbol"].to_numpy(),
            "chrom": table["chrom"].to_numpy(),
            "fold": fold,
            "split": table[f"fold_{fold}"].to_numpy(),
            "observed": table["target"].to_numpy(np.float64),
            "predicted": np.asarray(predicted, dtype=np.float64)[order],
        }
    )
