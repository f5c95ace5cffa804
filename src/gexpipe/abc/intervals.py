"""Interval arithmetic in the order of the genome."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError

__all__ = ["around", "drop_overlapping", "merge", "overlaps_any", "sort_by_genome"]

BED3 = ["chrom", "start", "end"]


def sort_by_genome(table: pd.DataFrame, sizes: dict[str, int]) -> pd.DataFrame:
    """Rows on the chromosomes of ``sizes``, sorted in their order, then by start and end."""
    rank = {name: number for number, name in enumerate(sizes)}
    kept = table[table["chrom"].isin(rank)]
    order = np.lexsort((kept["end"], kept["start"], kept["chrom"].map(rank)))
    return kept.iloc[order].reset_index(drop=True)


def around(
    chrom: pd.Series, position: pd.Series, extend: int, sizes: dict[str, int]
) -> pd.DataFrame:
    """Intervals ``[position - extend, position + extend)``, cut at the chromosome's ends."""
    length = chrom.map(sizes)
    if length.isna().any():
        missing = chrom[length.isna()].iloc[0]
        raise UserError(f"{missing} is not in the chromosome sizes ({', '.join(list(sizes)[:4])})")
    return pd.DataFrame(
        {
            "chrom": chrom.to_numpy(),
            "start": np.maximum(position.to_numpy(np.int64) - extend, 0),
            "end": np.minimum(position.to_numpy(np.int64) + extend, length.to_numpy(np.int64)),
        }
    )


def merge(table: pd.DataFrame, sizes: dict[str, int]) -> pd.DataFrame:
    """Join overlapping and touching intervals; with a column ``count``, keep its maximum.

    Returns
    -------
    DataFrame
        chrom, start, end (and count), in genome order.
    """
    if table.empty:
        return table.copy()
    ordered = sort_by_genome(table, sizes)
    chrom = ordered["chrom"]
    reached = ordered.groupby("chrom", sort=False)["end"].cummax().shift(fill_value=0)
    begins = (chrom != chrom.shift()) | (ordered["start"] > reached)
    how = {"chrom": "first", "start": "first", "end": "max", "count": "max"}
    columns = {name: how[name] for name in how if name in ordered}
    return ordered.groupby(begins.cumsum().to_numpy()).agg(columns).reset_index(drop=True)


def overlaps_any(table: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.bool_]:
    """(rows,) bool: shares at least one base with any of ``others``."""
    found = np.zeros(len(table), dtype=bool)
    for chrom, here in table.groupby("chrom", sort=False).indices.items():
        other = others[others["chrom"] == chrom]
        if other.empty:
            continue
        # As many others begin before the end as end at or before the start: then none overlaps.
        begun = np.searchsorted(np.sort(other["start"]), table["end"].to_numpy()[here], "left")
        ended = np.searchsorted(np.sort(other["end"]), table["start"].to_numpy()[here], "right")
        found[here] = begun > ended
    return found


def drop_overlapping(
    table: pd.DataFrame, others: pd.DataFrame, engine: str = "numpy"
) -> pd.DataFrame:
    """Rows that share no base with ``others``.

    Parameters
    ----------
    table, others : DataFrame
        chrom, start, end.
    engine : {"numpy", "bedtools"}
        ``bedtools`` goes through pybedtools (chrom, start, end only), where bedtools is installed.
    """
    if engine == "bedtools":
        import pybedtools

        left = pybedtools.BedTool.from_dataframe(table[BED3])
        kept = left.intersect(pybedtools.BedTool.from_dataframe(others[BED3]), v=True)
        return kept.to_dataframe(names=BED3) if len(kept) else table.iloc[:0][BED3]
    return table[~overlaps_any(table, others)].reset_index(drop=True)
