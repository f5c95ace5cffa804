"""Which genes are in which step: a pure function of the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gexpipe.batch import Batch, Elements

__all__ = ["BatchOrder", "Genes", "batches", "chunks", "take"]

# Third number of the seed of augmentation, so that it is not that of the order.
_AUGMENTATION = 1


class Genes(Protocol):
    """What training needs of a data set; `gexpipe.data.windows.WindowData` is one."""

    fingerprint: str

    @property
    def table(self) -> pd.DataFrame:
        """Example table: gene_id, symbol, chrom and more, a row a gene."""

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of the train, valid or test part of a fold."""

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Read a batch; ``draw`` gives the random numbers of a training step."""


class BatchOrder:
    """Batches of shuffled rows, epoch after epoch, addressed by step.

    Parameters
    ----------
    rows : ndarray
        Rows to train on.
    size : int
        Genes a batch. A last, smaller batch of an epoch is left out: its genes come elsewhere in
        other epochs.
    seed : int
        The order of epoch e depends on (seed, e) only, so that a resumed run sees what an
        unbroken one sees.
    """

    def __init__(self, rows: np.ndarray, size: int, seed: int) -> None:
        self.rows, self.seed = np.asarray(rows), seed
        self.size = min(size, len(self.rows))
        self.per_epoch = len(self.rows) // self.size
        self._epoch = lru_cache(maxsize=2)(self._shuffled)

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(self.rows)

    def __getitem__(self, step: int) -> np.ndarray:
        epoch, place = divmod(step, self.per_epoch)
        return self._epoch(epoch)[place * self.size : (place + 1) * self.size]

    def draw(self, step: int) -> np.random.Generator:
        """Random numbers of a step, for augmentation: whichever worker reads it."""
        return np.random.default_rng([self.seed, step, _AUGMENTATION])

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_epoch"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._epoch = lru_cache(maxsize=2)(self._shuffled)


class _Batches(Dataset):
    def __init__(self, data: Genes, order: Any) -> None:
        self.data, self.order = data, order

    def __getitem__(self, step: int) -> Batch:
        if isinstance(self.order, BatchOrder):
            return self.data.batch(self.order[step], self.order.draw(step))
        return self.data.batch(self.order[step])


def batches(data: Genes, order: Any, steps: range, workers: int) -> Iterator[Batch]:
    """Batches of ``steps``, in order, read ahead by worker processes if there are any.

    ``order[step]`` gives the rows of a step; a `BatchOrder` is a training run's, whose batches are
    augmented. Batches do not depend on the number of workers or how they are started.
    """
    loader = DataLoader(
        _Batches(data, order),
        batch_size=None,
        sampler=steps,  # type: ignore[arg-type]
        num_workers=min(workers, len(steps)),
        collate_fn=_same,
    )
    return iter(loader)


def _same(batch: Any) -> Any:
    return batch


def chunks(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Rows in order, ``size`` at a time; the last one may be smaller."""
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def take(batch: Batch, places: np.ndarray) -> Batch:
    """Some genes of a batch, by their places in it."""
    index = torch.as_tensor(places)

    def chosen(value: Tensor | Elements) -> Tensor | Elements:
        if isinstance(value, Elements):
            return Elements(value.codes[index], value.features[index])
        return value[index]

    values = {f.name: getattr(batch, f.name) for f in fields(batch)}
    kinds = Tensor | Elements
    changed: Any = {k: chosen(v) for k, v in values.items() if isinstance(v, kinds)}
    return replace(batch, **changed)
