"""Of which replicates a published column of reads per million was made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["likely_replicates"]

logger = get_logger(__name__)

# Fits whose errors agree to this are equally good: the one of fewer replicates comes first.
AS_GOOD = 1e-4


def likely_replicates(column: pd.Series, replicates: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Rank every set of replicates by how well a weighted sum of its reads gives the column.

    A mean of reads per million is such a sum, whose weights depend on the mapped reads of each
    file. Those are not known here, so that weights from 0 on are fitted.

    Parameters
    ----------
    column : Series
        The published numbers, a row an element; any constant factor is allowed.
    replicates : mapping
        Name -> reads of the same elements; up to twelve.

    Returns
    -------
    DataFrame
        replicates (joined by +), weights (the share of the column that comes from each, in their
        order), r (Pearson over elements that all have), error (root mean square of what is left, in
        units of the column's standard deviation), best first; of sets as good as another, that with
        fewer replicates.
    """
    if not 0 < len(replicates) <= 12:
        raise UserError(f"{len(replicates)}, expected one to twelve", "replicates")
    whole = pd.DataFrame({**replicates, "": column})
    table = whole.dropna()
    logger.info("%d of %d elements have all columns", len(table), len(whole))
    if len(table) < 3:
        raise UserError(f"{len(table)} elements have all columns, expected many", "replicates")
    wanted = table.pop("").to_numpy(float)
    if not wanted.std():
        raise UserError("the column has one value everywhere", "replicates")
    rows = [
        {"replicates": "+".join(map(str, chosen)), "count": size, **_fit(table[[*chosen]], wanted)}
        for size in range(1, table.shape[1] + 1)
        for chosen in combinations(table.columns, size)
    ]
    found = pd.DataFrame(rows)
    found["level"] = (found["error"] / AS_GOOD).round()
    ordered = found.sort_values(["level", "count", "error"], ignore_index=True)
    return ordered.drop(columns=["level", "count"])


def _fit(reads: pd.DataFrame, wanted: np.ndarray) -> dict[str, str | float]:
    values = reads.to_numpy(float)
    weights, _ = nnls(values, wanted)
    fitted = values @ weights
    parts = weights * values.sum(axis=0)
    shares = parts / parts.sum() if parts.sum() else parts
    left = np.sqrt(((wanted - fitted) ** 2).mean()) / wanted.std()
    r = np.corrcoef(fitted, wanted)[0, 1] if fitted.std() else np.nan
    words = "+".join(f"{share:.3f}" for share in shares)
    return {"weights": words, "r": float(r), "error": float(left)}
