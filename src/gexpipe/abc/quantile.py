"""Quantile normalisation of element activity to a reference cell type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.tabular import read_tsv

__all__ = ["normalize", "read_reference"]

CLASSES = ("promoter", "nonpromoter")
DNASE, H3K27AC = "DHS.RPM", "H3K27ac.RPM"


def read_reference(path: str | Path) -> pd.DataFrame:
    """Read ABC's reference table: enh_class, quantile, rank, H3K27ac.RPM, DHS.RPM."""
    table = read_tsv(path, "quantile reference", ["enh_class", "rank", DNASE, H3K27AC])
    for column in ("rank", DNASE, H3K27AC):
        if not pd.api.types.is_numeric_dtype(table[column]) or table[column].isna().any():
            raise UserError(f"column {column!r} of the quantile reference is not all numbers", path)
    if not set(CLASSES) <= set(table["enh_class"]):
        raise UserError("enh_class must hold promoter and nonpromoter rows", path)
    return table


def normalize(
    rpm: NDArray[np.float64],
    is_promoter: NDArray[np.bool_],
    reference: pd.DataFrame,
    column: str,
) -> NDArray[np.float64]:
    """Give every element the value that an element of its rank has in the reference.

    Promoters and other elements are ranked apart. The rank counts from the strongest, ties share
    their mean rank; between the reference's ranks the value is interpolated linearly, beyond them
    extrapolated, and never below 0 (ABC, rank method).

    Parameters
    ----------
    rpm : ndarray
        (E,) reads per million; only their order matters.
    is_promoter : ndarray
        (E,) bool.
    reference : DataFrame
        From `read_reference`.
    column : str
        ``DHS.RPM`` (also for ATAC, as in ABC) or ``H3K27ac.RPM``.

    Returns
    -------
    ndarray
        (E,) float64 in the reference's RPM.
    """
    # Loaded where it is used: every command of ABC imports this module.
    from scipy.interpolate import interp1d

    result = np.zeros(len(rpm))
    for name, chosen in zip(CLASSES, (is_promoter, ~is_promoter), strict=True):
        size = int(chosen.sum())
        if size == 0:
            continue
        rows = reference[reference["enh_class"] == name]
        curve = interp1d(rows["rank"], rows[column], kind="linear", fill_value="extrapolate")
        quantile = pd.Series(rpm[chosen]).rank().to_numpy() / size
        result[chosen] = np.clip(curve((1.0 - quantile) * size), 0.0, None)
    return result
