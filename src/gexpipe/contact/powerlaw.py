"""The power law of contact against distance that ABC and Seq2Exp use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PowerLaw", "reference_law"]


@dataclass(frozen=True)
class PowerLaw:
    """Expected contact ``exp(scale - gamma * ln(max(distance, minimum) + 1))``.

    The defaults are ABC's fit to K562 at 5 kb, on the scale of a matrix whose rows sum to one.

    Attributes
    ----------
    gamma : float
        Decay exponent, > 0.
    scale : float
        Logarithm of the contact that the law gives at distance zero without the minimum.
    minimum : float
        Distance in bp below which the law is flat: at 5 kb resolution nothing is known below 5 kb.
    """

    gamma: float = 1.024238616787792
    scale: float = 5.9594510043736655
    minimum: float = 5000.0

    def __call__(self, distance: ArrayLike) -> NDArray[np.float64]:
        """Contact at ``distance`` (bp, >= 0), the same shape, float64."""
        clipped = np.maximum(np.asarray(distance, dtype=np.float64), self.minimum)
        return np.exp(self.scale - self.gamma * np.log(clipped + 1.0))


def reference_law(gamma: float = 0.87, minimum: float = 5000.0) -> PowerLaw:
    """Law whose scale goes with ``gamma``: -4.80 + 11.63 gamma (ABC's fit over 20 cells)."""
    return PowerLaw(gamma=gamma, scale=-4.80 + 11.63 * gamma, minimum=minimum)
