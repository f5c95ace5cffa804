"""The pixels near the diagonal of one chromosome, and what a reader of a matrix file offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["RAW", "Band", "BandReader", "bin_range"]

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

    def total(self, chrom: str, normalization: str) -> float:
        """Sum over all pixels of the chromosome's upper triangle, NaN left out; streamed."""
        ...


def bin_range(chromosomes: dict[str, int], chrom: str, resolution: int) -> tuple[int, int]:
    """First bin of a chromosome and the one past its last, in the file's numbering."""
    low = 0
    for name, length in chromosomes.items():
        bins = -(-length // resolution)
        if name == chrom:
            return low, low + bins
        low += bins
    raise KeyError(chrom)
