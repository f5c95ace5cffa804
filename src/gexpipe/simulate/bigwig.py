"""bigWig files from runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyBigWig
from numpy.typing import NDArray

__all__ = ["write_bigwig"]

_BLOCK = 1_000_000


def write_bigwig(
    path: Path, sizes: Mapping[str, int], runs: Mapping[str, tuple[NDArray, NDArray, NDArray]]
) -> None:
    """Write sorted, non-overlapping runs, chromosome -> (start, end, value), 0-based half-open."""
    with pyBigWig.open(str(path), "w") as handle:
        handle.addHeader(list(sizes.items()), maxZooms=4)
        for name in sizes:
            start, end, value = runs[name]
            for begin in range(0, len(start), _BLOCK):
                part = slice(begin, begin + _BLOCK)
                handle.addEntries(
                    [name] * len(start[part]),
                    start[part],
                    ends=end[part],
                    values=value[part].astype(float),
                )
