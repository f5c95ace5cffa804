"""Seq2Exp's window contact: one number per bin of a window, instead of one per base."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexpipe.contact.powerlaw import reference_law
from gexpipe.contact.rows import ContactRows
from gexpipe.errors import UserError

__all__ = [
    "WindowContact",
    "expand_window",
    "inside_chromosome",
    "window_bins",
    "window_contact",
]


class WindowContact(NamedTuple):
    """Contact of the TSS bin with every bin of a window, G genes, B bins.

    Attributes
    ----------
    values : ndarray
        (G, B) float32, log10(1 + contact + pseudocount); 0 where missing or off the chromosome.
    covered : ndarray
        (G,) bool: enough contact around the TSS; the values of the others are all 0.
    start : ndarray
        (G,) int64, 0 <= start < resolution: where base 0 of the window lies in the first bin. Base
        i of the window belongs to bin ``(start + i) // resolution``.
    """

    values: NDArray[np.float32]
    covered: NDArray[np.bool_]
    start: NDArray[np.int64]


def window_bins(window: int, resolution: int) -> int:
    """Bins that any window of this length can touch: 41 for 200 kb at 5 kb."""
    return -(-window // resolution) + 1


def inside_chromosome(
    tss: NDArray[np.int64], chrom_length: NDArray[np.int64], window: int
) -> NDArray[np.int64]:
    """(G, 2) first and past-the-last base of each window that lies on its chromosome."""
    begin = np.asarray(tss) - window // 2
    edges = np.stack([-begin, np.asarray(chrom_length) - begin], axis=1)
    return np.clip(edges, 0, window)


def window_contact(
    rows: ContactRows,
    window: int,
    *,
    gamma: float = 0.87,
    coverage_threshold: float = 0.01,
    tss_slop: int = 500,
    reference_distance: float = 1_000_000.0,
) -> WindowContact:
    """Crop contact rows to windows ``[tss - window // 2, tss + window - window // 2)``.

    Contact is the observed value of the row (NaN counts as 0) plus min(power law at the distance,
    power law at ``reference_distance``), which is constant within 1 Mb. A gene whose per-base
    contact, summed over the bases strictly within ``tss_slop`` of the TSS, stays below
    ``coverage_threshold`` is missing as a whole. There is no diagonal correction (Seq2Exp,
    supplement, "Hi-C"; its code applies none either).

    Parameters
    ----------
    rows : ContactRows
        Reaching at least half the window.
    window : int
        Window length, bp.
    gamma : float
        Exponent of the pseudocount's power law.
    coverage_threshold, tss_slop, reference_distance
        See above; bp for the last two.

    Raises
    ------
    UserError
        When the rows do not reach to the window's end.
    """
    step, reach = rows.resolution, rows.reach
    begin = rows.tss - window // 2
    first = begin // step
    bins = first[:, None] + np.arange(window_bins(window, step))[None, :]
    column = bins - rows.tss_bin[:, None] + reach
    limit = -(-rows.chrom_length // step)[:, None]
    on_chromosome = (bins >= 0) & (bins < limit)
    last = (begin + window - 1) // step
    needed = on_chromosome & (bins <= last[:, None])
    if (needed & ((column < 0) | (column >= rows.values.shape[1]))).any():
        raise UserError(
            f"contact rows reach {reach * step:,} bp from the TSS, a window of {window:,} bp needs "
            "more: set contact.max_distance"
        )
    column = np.clip(column, 0, rows.values.shape[1] - 1)
    observed = np.nan_to_num(np.take_along_axis(rows.values, column, axis=1), nan=0.0)
    contact = observed.astype(np.float64) + _pseudocount(rows, bins, gamma, reference_distance)
    covered = _coverage(rows, tss_slop) >= coverage_threshold
    keep = on_chromosome & covered[:, None]
    values = np.where(keep, np.log10(1.0 + contact), 0.0).astype(np.float32)
    return WindowContact(values, covered, (begin - first * step).astype(np.int64))


def _pseudocount(
    rows: ContactRows, bins: NDArray[np.int64], gamma: float, reference: float
) -> NDArray[np.float64]:
    law = reference_law(gamma, minimum=rows.resolution)
    distance = np.abs(bins - rows.tss_bin[:, None]) * rows.resolution
    return np.minimum(law(distance), law(reference))


def _coverage(rows: ContactRows, slop: int) -> NDArray[np.float64]:
    """Per-base contact summed over the 2 slop - 1 bases strictly within ``slop`` of the TSS."""
    step, reach = rows.resolution, rows.reach
    low = np.maximum(rows.tss - slop + 1, 0)
    high = np.minimum(rows.tss + slop, rows.chrom_length)
    total = np.zeros(len(rows.tss))
    spread = min(-(-slop // step), reach)
    for offset in range(-spread, spread + 1):
        begin = (rows.tss_bin + offset) * step
        bases = np.clip(np.minimum(high, begin + step) - np.maximum(low, begin), 0, None)
        total += bases * np.nan_to_num(rows.values[:, reach + offset].astype(np.float64), nan=0.0)
    return total


def expand_window(
    contact: WindowContact, inside: NDArray[np.int64], window: int, resolution: int
) -> NDArray[np.float32]:
    """Per-base vectors (G, window) float32, zero outside ``inside`` (see `inside_chromosome`)."""
    dense = np.zeros((len(contact.values), window), dtype=np.float32)
    rows = zip(dense, contact.values, contact.start, inside, strict=True)
    for row, values, start, (first, last) in rows:
        row[first:last] = np.repeat(values, resolution)[start + first : start + last]
    return dense
