"""How the two elements at one distance from a promoter, one on either side, act together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["loss", "share", "slot_of"]

Floats = NDArray[np.float64]


def slot_of(distance: NDArray[np.int64], slots: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Number of the slot (near, inner, outer) that each distance (bp) lies in; -1 for none."""
    found = np.full(np.shape(distance), -1)
    for number, (low, high) in enumerate(slots):
        found[(distance >= low) & (distance <= high)] = number
    return found


def share(x: Floats, y: Floats, logic: str) -> Floats:
    """What the element of strength x adds beside one of strength y; both shares are the whole."""
    if logic == "sum":
        return x
    if logic == "max":
        return np.where(x > y, x, np.where(x == y, x / 2, 0.0))
    return _divided(x * x, x + y)


def loss(x: Floats, y: Floats, logic: str) -> Floats:
    """What the two lose without the element of strength x; below 0 where they gain."""
    if logic == "sum":
        return x
    if logic == "max":
        return np.maximum(x - y, 0.0)
    return _divided(x * (x - y), x + y)


def _divided(top: Floats, bottom: Floats) -> Floats:
    return top / np.where(bottom > 0, bottom, 1.0)
