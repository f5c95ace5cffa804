"""Metrics computed from prediction files, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.schemas import PREDICTED, read_stage

__all__ = ["METRICS", "metric_table", "read_predictions", "score", "score_table"]

METRICS = ("mse", "mae", "pearson", "spearman")
SHARES = ("mask_ratio", "mean_weight")  # of a method's mask, of Prism's weights


def score(observed: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """MSE, MAE, Pearson's and Spearman's correlation of (genes,) values, in float64.

    Correlations of a constant are NaN.
    """
    observed, predicted = np.asarray(observed, np.float64), np.asarray(predicted, np.float64)
    if observed.shape != predicted.shape:
        raise ValueError(f"{observed.shape} observed, {predicted.shape} predicted values")
    varies = len(observed) > 1 and np.ptp(observed) > 0 and np.ptp(predicted) > 0
    return {
        "mse": float(np.mean((observed - predicted) ** 2)),
        "mae": float(np.mean(np.abs(observed - predicted))),
        "pearson": _correlation(observed, predicted) if varies else np.nan,
        "spearman": _correlation(_ranks(observed), _ranks(predicted)) if varies else np.nan,
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ties share their mean rank."""
    return pd.Series(values).rank().to_numpy()


def read_predictions(path: Path, split: str) -> pd.DataFrame:
    """Rows of one split of a prediction file, checked.

    Raises
    ------
    UserError
        When a column is missing, the split is empty, a gene occurs twice, or a value is not finite.
    """
    table = read_stage(path, PREDICTED)
    table = table[table["split"] == split]
    if table.empty:
        raise UserError(f"no predictions for split {split!r}", path)
    if table["gene_id"].duplicated().any():
        twice = table.loc[table["gene_id"].duplicated(), "gene_id"].iloc[0]
        raise UserError(f"gene {twice} occurs twice in split {split!r}", path)
    values = table[["observed", "predicted"]].to_numpy(np.float64)
    if not np.isfinite(values).all():
        bad = table.loc[~np.isfinite(values).all(axis=1), "gene_id"].iloc[0]
        raise UserError(f"gene {bad} has a value that is not finite", path)
    return table


def score_table(table: pd.DataFrame) -> dict[str, float]:
    """n, `METRICS`, and the means of `SHARES` where the method shows them."""
    observed, predicted = (table[c].to_numpy(np.float64) for c in ("observed", "predicted"))
    found: dict[str, float] = {"n": len(table), **score(observed, predicted)}
    return found | {name: float(table[name].mean()) for name in SHARES if name in table}


def metric_table(paths: Sequence[Path], split: str) -> pd.DataFrame:
    """One row a file: predictions, split, n, and the `METRICS`."""
    return pd.DataFrame(
        {"predictions": str(path), "split": split, **score_table(read_predictions(path, split))}
        for path in paths
    )
