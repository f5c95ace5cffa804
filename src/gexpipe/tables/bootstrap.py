"""The bootstrap error of Spearman's correlation, as GTA's tables print it."""

from __future__ import annotations

import numpy as np

__all__ = ["spearman_error"]

_AT_ONCE = 2_000_000  # drawn genes held in memory


def spearman_error(
    observed: np.ndarray, predicted: np.ndarray, samples: int = 5000, seed: int = 1
) -> float:
    """Twice the standard deviation of Spearman's correlation over resampled genes.

    Ranks, with ties averaged, are taken anew within every sample. Samples in which one side is
    constant are left out.
    """
    from scipy.stats import rankdata  # slow to load, and few tables ask for it

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
