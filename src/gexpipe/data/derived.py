"""A data set made from another one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gexpipe.data.batches import Genes

__all__ = ["Derived"]


class Derived:
    """A data set with the genes, the splits and the fingerprint of another."""

    def __init__(self, data: Genes) -> None:
        self._data = data
        self.fingerprint = data.fingerprint

    @property
    def table(self) -> pd.DataFrame:
        """Example table."""
        return self._data.table

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self._data.gene_ids

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold."""
        return self._data.split(fold, part)
