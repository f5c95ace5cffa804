"""Do models carry over to another cell type? Beside what needs no model at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.benchmark.reliability import VARYING
from gexpipe.tables.metrics import score

__all__ = ["ALL_OTHERS", "BASELINES", "ONE", "cross_cell"]

BASELINES = {
    "copied": "Expression of the training cell type, copied",
    "mean": "Mean expression of the other cell types",
    "nearest": "Expression of the cell type with the most similar promoters",
}
# Kinds of training, as the column `training` says them.
ONE, ALL_OTHERS = "one cell type", "all other cell types"


def cross_cell(
    observed: pd.DataFrame,
    predicted: Mapping[tuple[str, tuple[str, ...]], pd.DataFrame],
    promoters: pd.DataFrame,
) -> pd.DataFrame:
    """Methods tested on a cell type that they were not trained on, on the test genes.

    Parameters
    ----------
    observed : DataFrame
        Measured expression, test genes x cell types.
    predicted : mapping
        (label, cell types it was trained on) -> predictions, test genes x cell types. One, or all
        but one.
    promoters : DataFrame
        Promoter activity, genes x cell types; columns may lack.

    Returns
    -------
    DataFrame
        label, trained_on, cell (tested), training (`ONE` or `ALL_OTHERS`), genes, mse, pearson,
        spearman; varying_mse: error on the quarter of genes whose expression changes most from the
        training cell types (their mean) to the tested one; change_pearson: correlation of the
        predicted with the measured change (NaN for what predicts no change); across_pearson:
        correlation across all cell types within a gene, mean over genes (three cell types or more).
        `BASELINES` follow the methods, once a kind of training; of their rows ``trained_on`` is the
        cell type whose expression stands for the other's, or empty.
    """
    rows = []
    for (label, sources), table in predicted.items():
        alone = len(sources) == 1
        across = _across(observed, table)
        before = table[list(sources)].mean(axis=1)
        for cell in (
            observed.columns if alone else observed.columns.difference(list(sources), sort=False)
        ):
            names = {"label": label, "trained_on": ", ".join(sources), "cell": cell}
            names["training"] = ONE if alone else ALL_OTHERS
            scores = _scores(observed, cell, table[cell], sources, before)
            rows.append({**names, **scores, "across_pearson": across})
    for training in (ONE, ALL_OTHERS):
        if training == ONE or any(len(sources) > 1 for _, sources in predicted):
            rows += _without_model(observed, promoters, training)
    return pd.DataFrame(rows)


def _without_model(
    observed: pd.DataFrame, promoters: pd.DataFrame, training: str
) -> list[dict[str, object]]:
    """Rows of the `BASELINES`; the change is from the mean of all others in `ALL_OTHERS`."""
    rows = []
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
            sources = others if training == ALL_OTHERS else [source] if source else []
            before = observed[sources].mean(axis=1) if sources else None
            names = {"label": BASELINES[name], "trained_on": source, "cell": cell}
            scores = _scores(observed, cell, guess, sources, before)
            rows.append({**names, "training": training, **scores, "across_pearson": np.nan})
    return rows


def _scores(
    observed: pd.DataFrame, cell: str, guess: pd.Series, sources: Sequence[str],
    before: pd.Series | None,
) -> dict[str, object]:  # fmt: skip
    measured, values = observed[cell].to_numpy(float), guess.to_numpy(float)
    row: dict[str, object] = {"genes": len(measured)}
    row |= {k: v for k, v in score(measured, values).items() if k != "mae"}
    row |= {"varying_mse": np.nan, "change_pearson": np.nan}
    if cell not in sources and before is not None:
        change = measured - observed[list(sources)].mean(axis=1).to_numpy(float)
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
