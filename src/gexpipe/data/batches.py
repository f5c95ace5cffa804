"""Which genes are in which step: a pure function of the seed and the step."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gexpipe import ranks
from gexpipe.batch import Batch, Elements
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["BatchOrder", "Genes", "batches", "chunks", "take"]

log = get_logger(__name__)

SHARED = Path("/dev/shm")
ROOM = (
    128 << 20
)  # bytes of shared memory that a worker may fill: two batches that wait, one at work
LOOK = 5.0  # seconds without a batch after which it is looked whether the workers are alive
PATIENCE = 1800.0  # seconds without a batch after which a living worker counts as hanging
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
        Genes a batch.
    seed : int
        The order of epoch e depends on (seed, e) only, so that a resumed run sees what an
        unbroken one sees.
    least : int
        A last, smaller batch of an epoch is kept from this many genes on; 0 leaves it out, whose
        genes come elsewhere in other epochs.
    """

    def __init__(self, rows: np.ndarray, size: int, seed: int, least: int = 0) -> None:
        self.rows, self.seed = np.asarray(rows), seed
        self.size = min(size, len(self.rows))
        left = len(self.rows) % self.size
        self.per_epoch = len(self.rows) // self.size + (0 < least <= left)
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
    """Batches by step. A worker gives errors: raised ones would have its traceback as message."""

    def __init__(self, data: Genes, order: Any, piped: bool) -> None:
        self.data, self.order, self.piped = data, order, piped

    def __getitem__(self, step: int) -> Batch | UserError | bytes:
        try:
            found = self._batch(step)
        except UserError as error:
            return error
        return pickle.dumps(found, pickle.HIGHEST_PROTOCOL) if self.piped else found

    def _batch(self, step: int) -> Batch:
        if isinstance(self.order, BatchOrder):
            return self.data.batch(self.order[step], self.order.draw(step))
        return self.data.batch(self.order[step])


def batches(data: Genes, order: Any, steps: range, workers: int) -> Iterator[Batch]:
    """Batches of ``steps``, in order, read ahead by worker processes if there are any.

    ``order[step]`` gives the rows of a step; a `BatchOrder` is a training run's, whose batches are
    augmented. Batches do not depend on the number of workers or how they are started.

    Workers share tensors through /dev/shm, where PyTorch waits for ever when it is full. Where it
    is small (a container's is 64 MB unless it is asked for more), batches come through pipes.
    """
    count = min(workers, len(steps))
    loader = DataLoader(
        _Batches(data, order, count > 0 and is_small(SHARED, count)),
        batch_size=None,
        sampler=steps,  # type: ignore[arg-type]
        num_workers=count,
        collate_fn=_same,
        timeout=LOOK if count else 0,
    )
    return _opened(iter(loader))


def _opened(source: Iterator[Any]) -> Iterator[Batch]:
    while True:
        try:
            found = _next(source)
        except StopIteration:
            return
        if isinstance(found, UserError):
            raise found
        yield pickle.loads(found) if isinstance(found, bytes) else found


def _next(source: Iterator[Any]) -> Any:
    """The next batch, or an error as soon as a worker is dead.

    PyTorch raises a worker's death out of a signal handler, at whatever line the program is then; a
    line that lets no error through (the import of its profiler is one) loses it. With a timeout it
    looks itself, once each time that it ends.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return next(source)
        except RuntimeError as error:
            if "timed out" not in str(error) or time.monotonic() > until:
                raise


@cache
def is_small(folder: Path, workers: int) -> bool:
    """Whether a folder of shared memory has too little room for the batches that workers hold."""
    if not folder.is_dir():
        return False  # another system: its shared memory is not a folder
    free = shutil.disk_usage(folder).free
    room = ROOM * (workers + 1) * ranks.count()
    small = free < room
    if small:
        log.info(
            "%s has %d MB free for %d workers: batches come through pipes, which is slower "
            "(docker run --shm-size=%dg would do)",
            folder, free >> 20, workers * ranks.count(), -(-room >> 30),
        )  # fmt: skip
    return small


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
