"""How well two measures of expression agree: CAGE and RNA-seq of one cell type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["agreement"]

logger = get_logger(__name__)

LEAST = 0.5  # Spearman's correlation below which a warning is logged


def agreement(cage: NDArray[np.float64], rnaseq: NDArray[np.float64]) -> dict[str, float | int]:
    """Slope, intercept and correlations of log10(1 + CAGE) on log10(1 + TPM).

    CAGE counts and TPM of one cell type rise together; where they do not, a file belongs to another
    cell type or assembly.

    Parameters
    ----------
    cage, rnaseq : ndarray
        (genes,) raw values >= 0; genes with a NaN in either are left out.

    Returns
    -------
    dict
        genes, slope, intercept, pearson, spearman.
    """
    both = np.isfinite(cage) & np.isfinite(rnaseq)
    x, y = np.log10(1.0 + rnaseq[both]), np.log10(1.0 + cage[both])
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise UserError(f"{len(x)} genes with CAGE and RNA-seq that vary; expected at least 3")
    line = stats.linregress(x, y)
    spearman = float(stats.spearmanr(x, y)[0])
    if spearman < LEAST:
        logger.warning("CAGE and RNA-seq agree poorly: Spearman's correlation %.2f", spearman)
    return {
        "genes": len(x),
        "slope": float(line.slope),
        "intercept": float(line.intercept),
        "pearson": float(line.rvalue),
        "spearman": spearman,
    }
