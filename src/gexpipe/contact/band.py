"""The pixels near the diagonal of one chromosome, and what a reader of a matrix file offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["RAW", "Band", "BandReader", "NoVectorError", "add_to_rows", "bin_range"]

RAW = "NONE"


@dataclass(frozen=True)
class Band:
    """Pixels of one chromosome with ``first <= second`` and ``second - first <= width``.

    Attributes
    ----------
    first, second : ndarray
        (P,) int bin numbers, counted from the chromosome's start.
    value : ndarray
        (P,) float32 balanced contact; NaN where a bin is masked.
    masked : ndarray
        (bins,) bool: the balancing gave this bin no weight. All False for raw counts.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    value: NDArray[np.float32]
    masked: NDArray[np.bool_]


class BandReader(Protocol):
    """What the rest of the package asks of a matrix file, at one resolution."""

    path: Path
    resolution: int
    chromosomes: dict[str, int]

    def normalizations(self) -> list[str]:
        """Balancings the file holds, ``NONE`` (raw counts) included."""
        ...

    def band(self, chrom: str, width: int, normalization: str) -> Band:
        """Pixels within ``width`` bins of the diagonal, in one read."""
        ...

    def row_sums(self, chrom: str, normalization: str) -> NDArray[np.float64]:
        """(bins,) sums of the chromosome's whole rows, NaN left out; streamed.

        A pixel off the diagonal counts in both its rows.
        """
        ...


class NoVectorError(Exception):
    """A chromosome has no vector of a balancing that others have."""


def add_to_rows(
    sums: NDArray[np.float64], first: NDArray[Any], second: NDArray[Any], value: NDArray[Any]
) -> None:
    """Add pixels of an upper triangle to the sums of their rows, in place."""
    value = np.nan_to_num(np.asarray(value, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    sums += np.bincount(first, value, len(sums))
    sums += np.bincount(second, np.where(first == second, 0.0, value), len(sums))


def bin_range(chromosomes: dict[str, int], chrom: str, resolution: int) -> tuple[int, int]:
    """First bin of a chromosome and the one past its last, in the file's numbering."""
    low = 0
    for name, length in chromosomes.items():
        bins = -(-length // resolution)
        if name == chrom:
            return low, low + bins
        low += bins
    raise KeyError(chrom)
