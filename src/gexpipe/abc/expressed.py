"""When ABC takes a gene as expressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Expressed"]


@dataclass(frozen=True)
class Expressed:
    """When ABC takes a gene as expressed.

    Attributes
    ----------
    tpm : float
        Least expression, where it is known.
    quantile : float
        Least quantile of promoter activity, where it is not.
    """

    tpm: float = 1.0
    quantile: float = 0.4

    def __call__(self, genes: pd.DataFrame) -> pd.Series:
        """Of genes with expression (NaN: unknown) and promoter_activity_quantile."""
        active = genes["promoter_activity_quantile"] >= self.quantile
        return (genes["expression"] >= self.tpm) | (genes["expression"].isna() & active)
