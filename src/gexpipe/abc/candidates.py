"""Candidate elements from peaks, the way ABC makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.abc.intervals import around, drop_overlapping, merge, overlaps_any
from gexpipe.abc.intervals import sort_by_genome as in_order
from gexpipe.errors import UserError, at_row
from gexpipe.files import aside
from gexpipe.intervals import Overhang, read_intervals

__all__ = ["candidate_elements", "read_peaks", "strongest", "write_bed"]

NARROW_PEAK = ["chrom", "start", "end", "name", "score", "strand", "signal", "p", "q", "summit"]


def read_peaks(path: str | Path, sizes: dict[str, int] | None = None) -> pd.DataFrame:
    """Read a narrowPeak file: chrom, start, end, summit (offset from start, bp), signal.

    With chromosome lengths, peaks that cross an end are cut there and their summits lie on the last
    base at most (MACS widens reads past the end). A signal that is no number is NaN.
    """
    cut = Overhang()
    table = read_intervals(path, NARROW_PEAK, sizes, cut)
    if table.empty:
        raise UserError("no peak in this file", path)
    cut.say(path, "peaks")
    summit = pd.to_numeric(table["summit"], errors="coerce")
    bad = (summit.isna() | (summit < 0) | (summit % 1 != 0)).to_numpy()
    if bad.any():
        raise UserError(
            f"column 10 is {table['summit'][bad].iloc[0]!r}, expected the summit's offset: call "
            "peaks with summits",
            at_row(path, int(table.index[bad][0])),
        )
    last = (table["end"] - table["start"] - 1).to_numpy()
    table["summit"] = np.minimum(summit.to_numpy(np.int64), last)
    table["signal"] = pd.to_numeric(table["signal"], errors="coerce")
    return table[["chrom", "start", "end", "summit", "signal"]].reset_index(drop=True)


def strongest(
    peaks: pd.DataFrame, counts: NDArray[np.float64], n_strongest: int, sizes: dict[str, int]
) -> pd.DataFrame:
    """Peak regions with the most reads.

    Peaks that overlap or touch are joined first (several summits share one region) and take the
    largest of their counts. Equal counts are ordered as ``sort -nr -k 4`` does in the C locale:
    by the whole line, descending.
    """
    regions = merge(peaks[["chrom", "start", "end"]].assign(count=counts), sizes)
    if len(regions) <= n_strongest:
        return regions
    lines = (
        regions["chrom"] + "\t" + regions["start"].astype(str) + "\t" + regions["end"].astype(str)
    )
    order = regions.assign(line=lines).sort_values(["count", "line"], ascending=False)
    return order.head(n_strongest).drop(columns="line")


def candidate_elements(
    peaks: pd.DataFrame,
    counts: NDArray[np.float64],
    sizes: dict[str, int],
    blacklist: pd.DataFrame,
    promoters: pd.DataFrame,
    n_strongest: int = 150_000,
    extend: int = 250,
) -> pd.DataFrame:
    """Candidate elements of a cell type.

    Reads are counted in peaks; of the ``n_strongest`` regions every summit is widened by
    ``extend``; overlaps are joined; what touches the blacklist is dropped; promoters are added,
    whether blacklisted or not, and joined in (Fulco et al. 2019; ABC's makeCandidateRegions).

    Parameters
    ----------
    peaks : DataFrame
        chrom, start, end, summit (offset from start).
    counts : ndarray
        (peaks,) accessibility reads; the mean over replicates.
    sizes : dict
        Chromosome lengths, bp; other chromosomes are dropped, and the output is in this order.
    blacklist, promoters : DataFrame
        chrom, start, end.
    n_strongest : int
        Regions kept.
    extend : int
        Bases on either side of a summit.

    Returns
    -------
    DataFrame
        chrom, start, end; no two overlap or touch.
    """
    known = peaks["chrom"].isin(sizes).to_numpy()
    peaks, counts = peaks[known].reset_index(drop=True), counts[known]
    regions = strongest(peaks, counts, n_strongest, sizes)
    kept = peaks[overlaps_any(peaks, regions)]
    summits = around(kept["chrom"], kept["start"] + kept["summit"], extend, sizes)
    elements = drop_overlapping(merge(summits, sizes), blacklist)
    columns = ["chrom", "start", "end"]
    both = pd.concat([elements[columns], in_order(promoters[columns], sizes)], ignore_index=True)
    return merge(both, sizes)


def write_bed(table: pd.DataFrame, path: str | Path) -> None:
    """Write chrom, start, end as BED, aside and renamed."""
    with aside(path) as temporary:
        table[["chrom", "start", "end"]].to_csv(
            temporary, sep="\t", header=False, index=False, lineterminator="\n"
        )
