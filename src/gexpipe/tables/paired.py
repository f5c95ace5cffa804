"""Are two rows of a table different? A paired bootstrap over the genes both predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["error_increase", "error_interval", "paired_table"]

METRICS = ("mse", "pearson")
COLUMNS = ["a", "b", "genes", "metric", "value_a", "value_b", "difference", "low", "high", "p"]


def _values(observed: NDArray, predicted: NDArray) -> NDArray:
    """MSE and Pearson's r of (..., genes) arrays: (..., 2)."""
    error = ((observed - predicted) ** 2).mean(-1)
    x = observed - observed.mean(-1, keepdims=True)
    y = predicted - predicted.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return np.stack([error, r], axis=-1)


def paired_table(
    predictions: Mapping[str, pd.DataFrame], samples: int = 1000, seed: int = 1
) -> pd.DataFrame:
    """Differences of all pairs of predictors of the same genes.

    Parameters
    ----------
    predictions : mapping
        Name -> gene_id, observed, predicted (averaged over seeds).
    samples : int
        Bootstrap samples of genes; the same genes are drawn for both.
    seed : int
        Seed of the draw.

    Returns
    -------
    DataFrame
        a, b, genes (predicted by both), metric (mse, pearson), value_a, value_b, difference
        (a minus b), low, high (its 2.5 % and 97.5 % quantiles), p: twice the smaller share of
        samples on either side of zero, at least 2 / samples.
    """
    rows = []
    for a, b in combinations(predictions, 2):
        both = predictions[a].merge(predictions[b], on="gene_id", suffixes=("_a", "_b"))
        if len(both) < 2:
            continue
        draw = np.random.default_rng(seed).integers(0, len(both), (samples, len(both)))
        found, drawn = [], []
        for which in ("a", "b"):
            columns = (f"observed_{which}", f"predicted_{which}")
            observed, predicted = (both[name].to_numpy(np.float64) for name in columns)
            found.append(_values(observed, predicted))
            drawn.append(_values(observed[draw], predicted[draw]))
        spread = drawn[0] - drawn[1]
        low, high = np.nanquantile(spread, [0.025, 0.975], axis=0)
        side = np.minimum((spread <= 0).mean(0), (spread >= 0).mean(0))
        for i, metric in enumerate(METRICS):
            p = min(1.0, max(2 * side[i], 2 / samples))
            values = (found[0][i], found[1][i], found[0][i] - found[1][i], low[i], high[i], p)
            rows.append((a, b, len(both), metric, *map(float, values)))
    return pd.DataFrame(rows, columns=COLUMNS)


def error_increase(
    before: Sequence[pd.DataFrame],
    after: Sequence[pd.DataFrame],
    samples: int = 1000,
    seed: int = 1,
) -> tuple[float, float]:
    """By how much the squared error of the same genes grows: a 95 % bootstrap interval.

    Parameters
    ----------
    before, after : sequence of DataFrame
        gene_id, observed, predicted of runs (seeds); errors are averaged over them gene by gene.
    samples : int
        Bootstrap samples of genes.

    Returns
    -------
    tuple of float
        2.5 % and 97.5 % quantiles of the mean increase over genes.
    """
    return _mean_interval((_errors(after) - _errors(before)).dropna(), samples, seed)


def error_interval(
    runs: Sequence[pd.DataFrame], samples: int = 1000, seed: int = 1
) -> tuple[float, float]:
    """95 % bootstrap interval over genes of the MSE of runs; arguments as `error_increase`."""
    return _mean_interval(_errors(runs), samples, seed)


def _mean_interval(by_gene: pd.Series, samples: int, seed: int) -> tuple[float, float]:
    values = by_gene.to_numpy()
    draw = np.random.default_rng(seed).integers(0, len(values), (samples, len(values)))
    low, high = np.quantile(values[draw].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _errors(runs: Sequence[pd.DataFrame]) -> pd.Series:
    """Squared error by gene, averaged over runs."""
    every = pd.concat(runs)
    return ((every["observed"] - every["predicted"]) ** 2).groupby(every["gene_id"]).mean()
