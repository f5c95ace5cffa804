"""Precision and recall of element-gene scores, overall and by distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["BINS", "Curve", "benchmark", "curve", "curve_table", "nominated"]

Floats = NDArray[np.float64]

# Distance classes of the benchmark's authors (Gschwind et al.), and EPInformer's pairs, bp.
BINS = {
    "all": (0.0, np.inf),
    "0-10 kb": (0, 1e4),
    "10-100 kb": (1e4, 1e5),
    "0-100 kb": (0, 1e5),
    ">100 kb": (1e5, np.inf),
}
RECALLS = (70, 85)  # percent: of the benchmark's authors, of EPInformer's


@dataclass(frozen=True)
class Curve:
    """Precision and recall when all pairs with score >= threshold are called, T thresholds.

    Attributes
    ----------
    threshold, precision, recall : ndarray
        (T,) float64, by falling threshold: distinct scores, ties called together.
    """

    threshold: Floats
    precision: Floats
    recall: Floats

    @property
    def average_precision(self) -> float:
        """Area under the steps: sum of precision times the gain in recall."""
        return float(np.sum(self.precision * np.diff(self.recall, prepend=0.0)))

    def at_recall(self, recall: float) -> tuple[float, float]:
        """Precision, and its threshold, at the highest threshold that reaches a recall."""
        place = int(np.argmax(self.recall >= recall - 1e-12))
        return float(self.precision[place]), float(self.threshold[place])


def curve(regulated: NDArray[np.bool_], score: Floats, weight: Floats | None = None) -> Curve:
    """Precision-recall curve, optionally with weighted pairs (a bootstrap sample's counts)."""
    order = np.argsort(-score, kind="stable")
    weights = np.ones(len(score)) if weight is None else weight[order]
    last = np.append(np.diff(score[order]) != 0, True)
    true = np.cumsum(weights * regulated[order])[last]
    called = np.cumsum(weights)[last]
    with np.errstate(invalid="ignore"):
        precision = np.where(called > 0, true / called, 1.0)
    return Curve(score[order][last], precision, true / true[-1])


def _interval(
    regulated: NDArray[np.bool_], score: Floats, samples: int, seed: int
) -> tuple[float, float]:
    """95 % percentile interval of the average precision over resampled pairs."""
    rng = np.random.default_rng(seed)
    size = len(score)
    order = np.argsort(-score, kind="stable")  # once: what is sorted is sorted again at no cost
    regulated, score = regulated[order], score[order]
    found = []
    for _ in range(samples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size)[order].astype(np.float64)
        if weight[regulated].sum() > 0:
            found.append(curve(regulated, score, weight).average_precision)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def benchmark(
    pairs: pd.DataFrame,
    scores: Mapping[str, Floats],
    samples: int = 1000,
    seed: int = 1,
    bins: Mapping[str, tuple[float, float]] = BINS,
) -> pd.DataFrame:
    """Average precision of several predictors, overall and by distance.

    Parameters
    ----------
    pairs : DataFrame
        distance, regulated.
    scores : dict
        Predictor -> (pairs,) scores.
    samples, seed : int
        Bootstrap samples of pairs, and their seed.
    bins : mapping
        Class -> distances from the first up to, but not, the second, bp.

    Returns
    -------
    DataFrame
        predictor, distance (class), pairs, regulated, average_precision, its 95 % interval (low,
        high), precision at 70 and 85 % recall and the threshold at the first. A class without a
        positive pair has no row.
    """
    rows = []
    for predictor, score in scores.items():
        for name, (low, high) in bins.items():
            here = ((pairs["distance"] >= low) & (pairs["distance"] < high)).to_numpy()
            regulated = pairs["regulated"].to_numpy(bool)[here]
            if not regulated.any():
                continue
            found = curve(regulated, score[here])
            interval = _interval(regulated, score[here], samples, seed)
            at = {recall: found.at_recall(recall / 100) for recall in RECALLS}
            rows.append(
                {
                    "predictor": predictor,
                    "distance": name,
                    "pairs": len(regulated),
                    "regulated": int(regulated.sum()),
                    "average_precision": found.average_precision,
                    "low": interval[0],
                    "high": interval[1],
                    "precision_at_70_recall": at[70][0],
                    "threshold": at[70][1],
                    "precision_at_85_recall": at[85][0],
                }
            )
    return pd.DataFrame(rows)


def nominated(pairs: pd.DataFrame, scores: Mapping[str, Floats]) -> pd.DataFrame:
    """Which elements of each gene are called where all pairs together are recalled to 85 %.

    Parameters
    ----------
    pairs : DataFrame
        gene_id, regulated.
    scores : mapping
        Predictor -> (pairs,) scores.

    Returns
    -------
    DataFrame
        predictor, gene_id, tested, act, called, true (called ones that act), precision (NaN where
        none is called): genes with a regulated pair.
    """
    rows = []
    act = pairs["regulated"].to_numpy(bool)
    for predictor, score in scores.items():
        if not act.any():
            break
        called = score >= curve(act, score).at_recall(RECALLS[-1] / 100)[1]
        for gene, rows_of in pairs.groupby("gene_id", sort=False).indices.items():
            if not act[rows_of].any():
                continue
            said, true = called[rows_of], act[rows_of]
            found = (len(true), int(true.sum()), int(said.sum()), int((said & true).sum()))
            share = found[3] / found[2] if found[2] else np.nan
            rows.append((predictor, gene, *found, share))
    columns = ["predictor", "gene_id", "tested", "act", "called", "true", "precision"]
    return pd.DataFrame(rows, columns=columns)


def curve_table(pairs: pd.DataFrame, scores: dict[str, Floats]) -> pd.DataFrame:
    """Curves over all pairs: predictor, threshold, precision, recall; a row a threshold.

    Without a regulated pair there is none.
    """
    if not pairs["regulated"].any():
        return pd.DataFrame(columns=["predictor", "threshold", "precision", "recall"])
    parts = []
    for predictor, score in scores.items():
        found = curve(pairs["regulated"].to_numpy(bool), score)
        columns = {name: getattr(found, name) for name in ("threshold", "precision", "recall")}
        parts.append(pd.DataFrame({"predictor": predictor, **columns}))
    return pd.concat(parts, ignore_index=True)
