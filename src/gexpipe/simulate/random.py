"""Independent random streams, so that a change in one part does not shift the others."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *names: str) -> np.random.Generator:
    """Generator that depends on the seed and on the names only."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
