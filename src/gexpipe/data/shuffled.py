"""A control experiment: windows of other genes, with a gene's own features and target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gexpipe.batch import Batch
from gexpipe.data.batches import Genes
from gexpipe.data.partners import partners

__all__ = ["ShuffledWindows"]


class _Derived:
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


class ShuffledWindows(_Derived):
    """A data set whose genes get the window of another gene of the same part of the fold.

    Bases, signals, masks, contact and elements move together; gene features, prompts and
    targets stay. A model that uses the window must get worse on it.

    Parameters
    ----------
    data : Genes
        The data set.
    fold : int
        The fold whose parts windows stay in.
    seed : int
        Which permutation. No gene keeps its own window, unless it is alone in its part.
    """

    def __init__(self, data: Genes, fold: int, seed: int) -> None:
        super().__init__(data)
        parts = (data.split(fold, part) for part in ("train", "valid", "test"))
        self._partner = partners(len(data.table), parts, seed)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Windows of the partners, features and targets of ``rows``."""
        own, other = self._data.batch(rows), self._data.batch(self._partner[rows], draw)
        kept = {name: getattr(own, name) for name in ("gene", "features", "target", "prompt")}
        return replace(other, **kept)
