""".cool and .mcool files: the pixels near the diagonal, read without the rest of their rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cooler
import h5py
import numpy as np
from numpy.typing import NDArray

from gexpipe.contact.band import RAW, Band, NoVectorError, add_to_rows, bin_range
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["CoolReader", "band_slices", "cool_groups"]

logger = get_logger(__name__)

SLICE = 1 << 15  # pixels read at once
CACHE = 1 << 16  # bytes of HDF5's chunk cache a column: with 1 MB, its default, memory piles up
SEEN = 50  # bins from which counts tell what weights are
CLEAR = 0.5  # and the rank correlation that is clear


def band_slices(
    offset: NDArray[np.int64], width: int, gap: int, most: int = SLICE
) -> Iterator[tuple[int, int]]:
    """Ranges of the pixel table that hold every pixel of a band.

    The pixels of a row are stored together, by column, from the diagonal on, so those of a band of
    ``width`` bins are among the first ``width + 1``.

    Parameters
    ----------
    offset : ndarray
        (bins + 1,) where each row begins in the pixel table.
    width : int
        Bins to the side of the diagonal.
    gap : int
        Unneeded pixels that are read rather than left out: HDF5 reads whole chunks.
    most : int
        Longest range.

    Yields
    ------
    tuple of int
        Begin and end of a range, ascending, not overlapping.
    """
    begin, end = offset[:-1], np.minimum(offset[:-1] + width + 1, offset[1:])
    begin, end = begin[begin < end], end[begin < end]
    apart = np.flatnonzero(begin[1:] - end[:-1] > gap) + 1
    for rows in np.split(np.arange(len(begin)), apart):
        if len(rows):
            first, last = int(begin[rows[0]]), int(end[rows[-1]])
            for start in range(first, last, most):
                yield start, min(start + most, last)


class CoolReader:
    """.cool and .mcool through cooler, the pixel table through h5py.

    ``weight`` (cooler balance; ``ICE`` means the same) multiplies; the Juicer-style columns of 4DN
    files (KR, VC, VC_SQRT, SCALE) divide. A column's ``divisive_weights`` attribute decides where
    it is present; else the counts do, where they are clear: a weight that divides grows with the
    coverage of its bin, one that multiplies falls (old versions of hic2cool wrote such ones).
    """

    def __init__(self, path: Path, resolution: int, group: str) -> None:
        self.path = path
        self.resolution = resolution
        self._cooler = cooler.Cooler(str(path) if group == "/" else f"{path}::{group}")
        if self._cooler.storage_mode != "symmetric-upper":
            raise UserError(
                f"pixels are stored as {self._cooler.storage_mode!r}, expected 'symmetric-upper'",
                path,
            )
        self.chromosomes = {str(n): int(s) for n, s in self._cooler.chromsizes.items()}
        self._divisive: dict[str, bool] = {}

    def normalizations(self) -> list[str]:
        """See `BandReader`."""
        columns = set(self._cooler.bins().columns) - {"chrom", "start", "end"}
        alias = ["ICE"] if "weight" in columns and "ICE" not in columns else []
        return [*sorted(columns), *alias, RAW]

    def band(self, chrom: str, width: int, normalization: str) -> Band:
        """See `BandReader`."""
        factor = self._factor(chrom, normalization)
        low, high = bin_range(self.chromosomes, chrom, self.resolution)
        with self._cooler.open("r", rdcc_nbytes=CACHE) as group:
            offset = _offset(group, low, high)
            # Room for all pixels at once: what is not filled is never touched.
            room = int(np.minimum(np.diff(offset), width + 1).sum())
            band = Band(
                np.empty(room, np.int32),
                np.empty(room, np.int32),
                np.empty(room, np.float32),
                ~np.isfinite(factor),
            )
            stop = 0
            for first, second, count in _near_pixels(group, offset, low, width):
                here = slice(stop, stop := stop + len(first))
                band.first[here], band.second[here] = first, second
                band.value[here] = count * factor[first] * factor[second]
        return Band(band.first[:stop], band.second[:stop], band.value[:stop], band.masked)

    def row_sums(self, chrom: str, normalization: str) -> NDArray[np.float64]:
        """See `BandReader`."""
        return self._sums(chrom, self._factor(chrom, normalization))

    def _sums(self, chrom: str, factor: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = bin_range(self.chromosomes, chrom, self.resolution)
        sums = np.zeros(high - low)
        with self._cooler.open("r", rdcc_nbytes=CACHE) as group:
            # The whole row is the widest band.
            offset = _offset(group, low, high)
            for first, second, count in _near_pixels(group, offset, low, high - low):
                add_to_rows(sums, first, second, count * factor[first] * factor[second])
        return sums

    def _factor(self, chrom: str, normalization: str) -> NDArray[np.float64]:
        low, high = bin_range(self.chromosomes, chrom, self.resolution)
        if normalization == RAW:
            return np.ones(high - low)
        columns = self._cooler.bins().columns
        name = "weight" if normalization == "ICE" and "ICE" not in columns else normalization
        weight = self._weights(name, low, high)
        if not np.isfinite(weight).any():
            raise NoVectorError(f"{chrom} has no {normalization}")
        if self._divides(name):
            with np.errstate(divide="ignore"):
                weight = 1.0 / weight
        return np.where(np.isfinite(weight), weight, np.nan)

    def _weights(self, name: str, low: int, high: int) -> NDArray[np.float64]:
        with self._cooler.open("r") as group:
            return np.asarray(group["bins"][name][low:high], dtype=np.float64)

    def _divides(self, name: str) -> bool:
        """Whether the weights of a column divide the counts."""
        if name not in self._divisive:
            with self._cooler.open("r") as group:
                stated = group["bins"][name].attrs.get("divisive_weights")
            usual = name != "weight"
            found = self._grows(name) if stated is None else bool(stated)
            if found is not None and found != usual and stated is None:
                logger.warning(
                    "%s: the weights of %s %s, as its counts show",
                    self.path, name, "divide" if found else "multiply",
                )  # fmt: skip
            self._divisive[name] = usual if found is None else found
        return self._divisive[name]

    def _grows(self, name: str) -> bool | None:
        """Whether weights grow with the coverage of their bins; None where that is not clear."""
        from scipy.stats import spearmanr  # slow to load, and few files come here

        for chrom in sorted(self.chromosomes, key=self.chromosomes.__getitem__):
            low, high = bin_range(self.chromosomes, chrom, self.resolution)
            weight = self._weights(name, low, high)
            known = np.isfinite(weight) & (weight > 0)
            if known.sum() < SEEN:
                continue
            covered = self._sums(chrom, np.ones(high - low))
            known &= covered > 0
            if known.sum() < SEEN or np.ptp(weight[known]) == 0 or np.ptp(covered[known]) == 0:
                continue
            rank = spearmanr(weight[known], covered[known]).statistic
            return bool(rank > 0) if abs(rank) >= CLEAR else None
        return None


def cool_groups(path: Path) -> dict[int, str]:
    """Bin width (bp) -> group of a .cool or .mcool file, whatever its root says of itself.

    hic2cool 0.7.0 leaves the root's attributes out, HiCExplorer says that it is a cooler.

    Raises
    ------
    UserError
        When it is a cooler whose bins are not of one width.
    """
    with h5py.File(path) as file:
        if "resolutions" in file:
            return {int(name): f"/resolutions/{name}" for name in file["resolutions"]}
        if "cells" in file:
            raise UserError("a .scool of single cells, expected .cool or .mcool", path)
        levels = [name for name in file if name.isdecimal() and "bins" in file[name]]
        groups = ["/"] if "bins" in file else [f"/{name}" for name in levels]
    found = {}
    for group in groups:
        width = cooler.Cooler(str(path) if group == "/" else f"{path}::{group}").binsize
        if width is None:
            raise UserError("its bins are not of one width (restriction fragments?)", path)
        found[int(width)] = group
    if not found:
        raise UserError("no contact matrix in this HDF5 file", path)
    return found


def _offset(group: h5py.Group, low: int, high: int) -> NDArray[np.int64]:
    """Where each row of a chromosome begins in the pixel table, and where the last one ends."""
    return group["indexes/bin1_offset"][low : high + 1].astype(np.int64)


def _near_pixels(
    group: h5py.Group, offset: NDArray[np.int64], low: int, width: int
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]]:
    """First bin, second bin (from ``low``) and count of a chromosome's pixels within the band."""
    columns, counts = group["pixels/bin2_id"], group["pixels/count"]
    gap = columns.chunks[0] if columns.chunks else 0
    for begin, end in band_slices(offset, width, gap):
        # The rows follow from the offsets, so the column bin1_id is not read.
        row = np.searchsorted(offset, begin, "right") - 1
        last = np.searchsorted(offset, end, "left")
        edges = np.clip(offset[row : last + 1], begin, end)
        first = np.repeat(np.arange(row, last, dtype=np.int32), np.diff(edges))
        second = (columns[begin:end] - low).astype(np.int32)
        near = np.flatnonzero((second - first <= width) & (second < len(offset) - 1))
        count = counts[begin:end][near].astype(np.float64)
        yield first[near], second[near], count
