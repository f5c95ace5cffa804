"""Do models carry over to another cell type? Beside what needs no model at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.benchmark.reliability import VARYING
from gexpipe.tables.metrics import score

__all__ = ["BASELINES", "cross_cell"]

BASELINES = {
    "copied": "Expression of the training cell type, copied",
    "mean": "Mean expression of the other cell types",
    "nearest": "Expression of the cell type with the most similar promoters",
}


def cross_cell(
    observed: pd.DataFrame,
    predicted: Mapping[tuple[str, str], pd.DataFrame],
    promoters: pd.DataFrame,
) -> pd.DataFrame:
    """Every method trained on one cell type and tested on another, on the test genes.

    Parameters
    ----------
    observed : DataFrame
        Measured expression, test genes x cell types.
    predicted : mapping
        (label, cell type it was trained on) -> predictions, test genes x cell types.
    promoters : DataFrame
        Promoter activity, genes x cell types; columns may lack.

    Returns
    -------
    DataFrame
        label, trained_on, cell (tested), genes, mse, pearson, spearman; varying_mse: error on the
        quarter of genes whose expression differs most between the two cell types;
        change_pearson: correlation of the predicted with the measured change from the training to
        the tested cell type (NaN for what predicts no change); across_pearson: correlation across
        all cell types within a gene, mean over genes (three cell types or more). `BASELINES` follow
        the methods; of their rows ``trained_on`` is the cell type whose expression stands for the
        other's, or empty.
    """
    rows = []
    for (label, source), table in predicted.items():
        across = _across(observed, table)
        for cell in observed.columns:
            rows.append(_row(observed, table[cell], label, source, cell, table[source], across))
    for cell in observed.columns:
        others = [name for name in observed.columns if name != cell]
        if not others:
            continue
        near = _nearest(promoters, cell, others)
        copies = [("copied", source, observed[source]) for source in others]
        copies.append(("mean", "", observed[others].mean(axis=1)))
        if near:
            copies.append(("nearest", near, observed[near]))
        for name, source, guess in copies:
            before = observed[source] if source else None
            rows.append(_row(observed, guess, BASELINES[name], source, cell, before, np.nan))
    return pd.DataFrame(rows)


def _row(
    observed: pd.DataFrame, guess: pd.Series, label: str, source: str, cell: str,
    before: pd.Series | None, across: float,
) -> dict[str, object]:  # fmt: skip
    measured, values = observed[cell].to_numpy(float), guess.to_numpy(float)
    row: dict[str, object] = {"label": label, "trained_on": source, "cell": cell}
    row["genes"] = len(measured)
    row |= {k: v for k, v in score(measured, values).items() if k != "mae"}
    row |= {"varying_mse": np.nan, "change_pearson": np.nan, "across_pearson": across}
    if source and source != cell and before is not None:
        change = measured - observed[source].to_numpy(float)
        most = np.abs(change) >= np.quantile(np.abs(change), 1 - VARYING)
        row["varying_mse"] = float(((measured - values)[most] ** 2).mean())
        row["change_pearson"] = _correlation(change, values - before.to_numpy(float))
    return row


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def _across(observed: pd.DataFrame, predicted: pd.DataFrame) -> float:
    """Mean over genes of the correlation across cell types; NaN with fewer than three."""
    cells = list(observed.columns)
    if len(cells) < 3:
        return np.nan
    a, b = observed.to_numpy(float), predicted[cells].to_numpy(float)
    found = [_correlation(x, y) for x, y in zip(a, b, strict=True)]
    return float(np.nanmean(found)) if np.isfinite(found).any() else np.nan


def _nearest(promoters: pd.DataFrame, cell: str, others: list[str]) -> str:
    """The cell type whose promoter activity (log) correlates best; empty where none is known."""
    if cell not in promoters:
        return ""
    activity = promoters.transform(np.log1p)
    known = {name: activity[cell].corr(activity[name]) for name in others if name in activity}
    known = {name: value for name, value in known.items() if np.isfinite(value)}
    return max(known, key=lambda name: known[name]) if known else ""
