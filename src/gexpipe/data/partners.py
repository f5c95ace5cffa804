"""Whose window a gene gets in the control in which genes exchange them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["partners"]


def partners(genes: int, parts: Iterable[np.ndarray], seed: int) -> np.ndarray:
    """(genes,) row whose window each row gets: another one of its part, drawn by ``seed``.

    Rows of no part keep their own.
    """
    partner = np.arange(genes)
    for rows in parts:
        ring = np.random.default_rng(seed).permutation(rows)
        partner[ring] = np.roll(ring, 1)
    return partner
