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

    Rows are those of the first cell type, then of the next: row ``k * genes + g`` is gene g in
    cell type k. Training takes rows of the first and draws, for each gene of each step, one of the
    cell types in which the gene has a target, all equally likely. Validation takes each gene in
    every cell type in which it has one, so that one model is chosen for all of them.

    Parameters
    ----------
    cells : list of WindowData
        The run's own cell type first; all with the same genes. Methods that read elements are
        refused.

    Attributes
    ----------
    own : WindowData
        The first cell type alone, of which a run's predictions are.
    """

    def __init__(self, cells: list[WindowData]) -> None:
        self._cells = cells
        if any(cell.gene_ids != cells[0].gene_ids for cell in cells):
            raise UserError("the cell types have other genes", "method: inputs.mixed_cells")
        self.own = cells[0]
        targets = [cell.table["target"].notna().to_numpy() for cell in cells]
        self._known = np.stack(targets, axis=1)
        parts = "".join(cell.fingerprint for cell in cells)
        self.fingerprint = hashlib.sha256(parts.encode()).hexdigest()

    @property
    def table(self) -> pd.DataFrame:
        """Example tables of all cell types, one after the other."""
        return pd.concat([cell.table for cell in self._cells], ignore_index=True)

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order, once a cell type."""
        return self.own.gene_ids * len(self._cells)

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold: of all cell types to validate on, else of the first."""
        if part != "valid":
            return self.own.split(fold, part)
        genes = len(self.own.gene_ids)
        return np.concatenate([k * genes + c.split(fold, part) for k, c in enumerate(self._cells)])

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Read a batch: of the rows' cell types, or of drawn ones when training."""
        chosen, genes = np.divmod(np.asarray(rows), len(self.own.gene_ids))
        if draw is not None:
            chance = draw.random((len(genes), len(self._cells)))
            chosen = np.where(self._known[genes], chance, -1.0).argmax(axis=1)
        places = [np.flatnonzero(chosen == k) for k in range(len(self._cells))]
        read = [
            cell.batch(genes[place], draw)
            for cell, place in zip(self._cells, places, strict=True)
            if len(place)
        ]
        joined = _joined(read, np.argsort(np.concatenate(places), kind="stable"))
        return replace(joined, gene=torch.from_numpy(np.asarray(rows)))


def _joined(batches: list[Batch], order: np.ndarray) -> Batch:
    """Batches one after the other, then in another order."""
    index = torch.from_numpy(order)
    changed: dict[str, Any] = {}
    for field in fields(Batch):
        values = [getattr(batch, field.name) for batch in batches]
        if isinstance(values[0], Tensor):
            changed[field.name] = torch.cat(values)[index]
    return replace(batches[0], **changed)
