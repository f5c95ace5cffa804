"""Of which replicates a published column of reads per million was made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from gexpipe.errors import UserError

__all__ = ["likely_replicates"]


def likely_replicates(column: pd.Series, replicates: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Rank every set of replicates by how well its mean reads per million gives the column.

    Parameters
    ----------
    column : Series
        The published numbers, a row an element; any constant factor is allowed.
    replicates : mapping
        Name -> reads of the same elements. Each is scaled to one million over these elements first,
        so that a mean over replicates weighs them as a mean of RPM does; up to twelve.

    Returns
    -------
    DataFrame
        replicates (joined by +), r (Pearson over elements that all have), error (root mean square
        of the scaled difference, in units of the column's standard deviation), best first.
    """
    if not 0 < len(replicates) <= 12:
        raise UserError(f"{len(replicates)}, expected one to twelve", "replicates")
    table = pd.DataFrame({**replicates, "": column}).dropna()
    if len(table) < 3:
        raise UserError(f"{len(table)} elements have all columns, expected many", "replicates")
    wanted = table.pop("").to_numpy(float)
    scaled = table.to_numpy(float) / np.maximum(table.to_numpy(float).sum(axis=0), 1) * 1e6
    rows = []
    for count in range(1, scaled.shape[1] + 1):
        for chosen in combinations(range(scaled.shape[1]), count):
            mean = scaled[:, list(chosen)].mean(axis=1)
            names = "+".join(str(table.columns[k]) for k in chosen)
            rows.append({"replicates": names, **_fit(mean, wanted)})
    return pd.DataFrame(rows).sort_values("error", ignore_index=True)


def _fit(mean: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Correlation, and what is left after the best constant factor."""
    factor = float(mean @ wanted / max(mean @ mean, 1e-300))
    left = np.sqrt(((wanted - factor * mean) ** 2).mean()) / max(wanted.std(), 1e-300)
    r = np.corrcoef(mean, wanted)[0, 1] if mean.std() and wanted.std() else np.nan
    return {"r": float(r), "error": float(left)}
