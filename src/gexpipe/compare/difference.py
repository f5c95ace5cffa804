"""How much one number a gene differs between two data sets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

__all__ = ["Difference", "of_values"]

# Relative and absolute difference below which two numbers count as one.
CLOSE = {"rtol": 1e-5, "atol": 1e-7}
# Within this share of each other, ratios of genes count as one ratio.
SAME_RATIO = 0.02


@dataclass(frozen=True)
class Difference:
    """One input that differs.

    Attributes
    ----------
    what : str
        The input: genes, TSS, target, a feature, a signal, ...
    words : str
        How it differs.
    genes, of : int
        Genes in which it does, of those that both have; 0 where it is not a matter of genes.
    size : float
        0-1, to order by: one less the correlation, or the share of genes.
    by_gene : Series
        Absolute difference, gene_id as index; only genes that differ.
    """

    what: str
    words: str
    genes: int = 0
    of: int = 0
    size: float = 1.0
    by_gene: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))


def of_values(what: str, a: pd.Series, b: pd.Series, unit: str = "") -> Difference | None:
    """Compare two columns over the genes that both have.

    Parameters
    ----------
    what, unit : str
        The input, and the unit of its numbers.
    a, b : Series
        float, gene_id as index.

    Returns
    -------
    Difference or None
        None where they are equal: to a part in 100,000, missing values in the same genes.
    """
    shared = a.index.intersection(b.index)
    x, y = a[shared].to_numpy(float), b[shared].to_numpy(float)
    differ = ~np.isclose(x, y, equal_nan=True, **CLOSE)
    if not differ.any():
        return None
    both = ~np.isnan(x) & ~np.isnan(y)
    words, r = [], _correlation(x[both], y[both])
    if not np.isnan(r):
        words.append(f"r = {r:.4f}")
    words += _shape(x[differ & both], y[differ & both], unit)
    words += _missing(int((~np.isnan(x) & np.isnan(y)).sum()), "B")
    words += _missing(int((np.isnan(x) & ~np.isnan(y)).sum()), "A")
    apart = pd.Series(np.abs(y - x), index=shared)[differ]
    count = int(differ.sum())
    size = max(1 - r, 0.0) if not np.isnan(r) and both[differ].all() else count / len(shared)
    return Difference(what, ", ".join(words), count, len(shared), max(size, 1e-9), apart)


def _missing(count: int, side: str) -> list[str]:
    return [f"{count:,} missing in {side} alone"] if count else []


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _shape(x: np.ndarray, y: np.ndarray, unit: str) -> list[str]:
    """Whether B is A times something, A plus something, or neither."""
    if not len(x):
        return []
    unit = f" {unit}" if unit else ""
    shift = y - x
    if len(x) > 2 and np.ptp(shift) <= SAME_RATIO * abs(np.median(shift)):
        return [f"B is A {np.median(shift):+.4g}{unit} wherever they differ"]
    usable = (x != 0) & (np.sign(x) == np.sign(y))
    if usable.sum() > 2 and usable.mean() > 0.5:
        ratio = y[usable] / x[usable]
        low, middle, high = np.quantile(ratio, [0.05, 0.5, 0.95])
        if high - low <= SAME_RATIO * abs(middle):
            return [f"B is {middle:.4g} times A wherever they differ"]
        return [f"B is {middle:.4g} times A in the median ({low:.3g} to {high:.3g})"]
    return [f"median difference {np.median(np.abs(shift)):.4g}{unit}"]
