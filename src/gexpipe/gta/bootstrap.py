"""Spearman's correlation with its bootstrap error, as the paper prints it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from gexpipe.evaluate.metrics import read_predictions, score

__all__ = ["SAMPLES", "bootstrap_table", "spearman_error"]

SAMPLES = 5000
_AT_ONCE = 2_000_000  # drawn genes held in memory


def spearman_error(
    observed: np.ndarray, predicted: np.ndarray, samples: int = SAMPLES, seed: int = 1
) -> float:
    """Twice the standard deviation of Spearman's correlation over resampled genes.

    Ranks, with ties averaged, are taken anew within every sample. Samples in which one side is
    constant are left out.
    """
    rng, size = np.random.default_rng(seed), len(observed)
    found = []
    step = max(1, _AT_ONCE // size)
    for start in range(0, samples, step):
        drawn = rng.integers(0, size, (min(step, samples - start), size))
        a, b = (rankdata(v[drawn], axis=1) for v in (observed, predicted))
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        spread = np.sqrt((a * a).sum(1) * (b * b).sum(1))
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append((a * b).sum(1) / spread)
    values = np.concatenate(found)
    return float(2 * np.std(values[np.isfinite(values)], ddof=1))


def bootstrap_table(
    paths: Sequence[Path], samples: int = SAMPLES, seed: int = 1, split: str = "test"
) -> pd.DataFrame:
    """One row a file: predictions, n, spearman, and ``error``, as `spearman_error` gives it."""
    rows = []
    for path in paths:
        table = read_predictions(path, split)
        observed, predicted = (table[c].to_numpy(np.float64) for c in ("observed", "predicted"))
        rows.append(
            {
                "predictions": str(path),
                "n": len(table),
                "spearman": score(observed, predicted)["spearman"],
                "error": spearman_error(observed, predicted, samples, seed),
            }
        )
    return pd.DataFrame(rows)
