"""Divisive normalisation vectors of a symmetric contact matrix: VC, VC_SQRT and balancing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gexpipe.simulate.contacts import Pixels

__all__ = ["NORMS", "norm_vectors"]

# SCALE and KR both balance the matrix; one algorithm serves for both names.
NORMS = ("VC", "VC_SQRT", "KR", "SCALE")
_ROUNDS = 60
_LEAST_COVERAGE = 0.02  # of the median row sum; poorer bins are left out of balancing


def norm_vectors(pixels: Pixels) -> dict[str, NDArray[np.float32]]:
    """Vectors ``v`` with normalised count = count / (v[row] * v[column]).

    Each is scaled so that the sum of normalised counts equals the sum of counts. NaN marks bins
    without a value: no contacts (all), or too few of them (KR and SCALE).

    Returns
    -------
    dict
        Name -> (bins,) float32.
    """
    matrix = _symmetric(pixels)
    coverage = np.asarray(matrix.sum(axis=1)).ravel()
    vc = np.where(coverage > 0, coverage, np.nan)
    balanced = _balance(matrix, coverage)
    raw = {"VC": vc, "VC_SQRT": np.sqrt(vc), "KR": balanced, "SCALE": balanced}
    return {name: _rescaled(vector, matrix).astype(np.float32) for name, vector in raw.items()}


def _symmetric(pixels: Pixels) -> sparse.csr_array:
    off = pixels.row != pixels.column
    row = np.concatenate([pixels.row, pixels.column[off]])
    column = np.concatenate([pixels.column, pixels.row[off]])
    count = np.concatenate([pixels.count, pixels.count[off]]).astype(np.float64)
    return sparse.csr_array((count, (row, column)), shape=(pixels.bins, pixels.bins))


def _balance(matrix: sparse.csr_array, coverage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bias per bin such that all rows of the divided matrix have the same sum."""
    positive = coverage[coverage > 0]
    least = _LEAST_COVERAGE * np.median(positive) if len(positive) else 0.0
    kept = coverage > least
    bias = np.where(kept, 1.0, np.inf)
    for _ in range(_ROUNDS):
        sums = (matrix @ (1 / bias)) / bias
        step = np.sqrt(np.where(sums > 0, sums / np.mean(sums[kept]), 1.0)) if kept.any() else 1.0
        bias = bias * step
    return np.where(kept, bias, np.nan)


def _rescaled(vector: NDArray[np.float64], matrix: sparse.csr_array) -> NDArray[np.float64]:
    inverse = np.nan_to_num(1 / vector)
    normalised = inverse @ (matrix @ inverse)
    total = matrix.sum()
    return vector * np.sqrt(normalised / total) if total else vector
