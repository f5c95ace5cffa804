"""Several cell types as one data set: training draws the cell type of every gene anew."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError

__all__ = ["MixedCells"]


class MixedCells:
    """Prism's mixed training (its appendix on cell types): signals and target of a drawn cell type.

    Table, splits and everything that is evaluated are those of the first cell type. Training draws,
    for each gene of each step, one of the cell types in which the gene has a target, all equally
    likely.

    Parameters
    ----------
    cells : list of WindowData
        The run's own cell type first; all with the same genes. Methods that read elements are
        refused.
    """

    def __init__(self, cells: list[WindowData]) -> None:
        self._cells = cells
        if any(cell.gene_ids != cells[0].gene_ids for cell in cells):
            raise UserError("the cell types have other genes", "method: inputs.mixed_cells")
        targets = [cell.table["target"].notna().to_numpy() for cell in cells]
        self._known = np.stack(targets, axis=1)
        parts = "".join(cell.fingerprint for cell in cells)
        self.fingerprint = hashlib.sha256(parts.encode()).hexdigest()

    @property
    def table(self) -> pd.DataFrame:
        """Example table of the first cell type."""
        return self._cells[0].table

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self._cells[0].gene_ids

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold, of the first cell type."""
        return self._cells[0].split(fold, part)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Read a batch: of the first cell type, or of drawn ones when training."""
        if draw is None:
            return self._cells[0].batch(rows)
        rows = np.asarray(rows)
        chance = draw.random((len(rows), len(self._cells)))
        chosen = np.where(self._known[rows], chance, -1.0).argmax(axis=1)
        places = [np.flatnonzero(chosen == k) for k in range(len(self._cells))]
        read = [
            cell.batch(rows[place], draw)
            for cell, place in zip(self._cells, places, strict=True)
            if len(place)
        ]
        return _joined(read, np.argsort(np.concatenate(places), kind="stable"))


def _joined(batches: list[Batch], order: np.ndarray) -> Batch:
    """Batches one after the other, then in another order."""
    index = torch.from_numpy(order)
    changed: dict[str, Any] = {}
    for field in fields(Batch):
        values = [getattr(batch, field.name) for batch in batches]
        if isinstance(values[0], Tensor):
            changed[field.name] = torch.cat(values)[index]
    return replace(batches[0], **changed)
