"""EPInformer's inputs: promoter and element slots of a batch, from an element store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from gexpipe.batch import Elements
from gexpipe.errors import UserError
from gexpipe.windows.elements import ELEMENT_ARRAYS
from gexpipe.windows.layout import N_CODE, unpack_bases
from gexpipe.windows.remote import Place, local_copy

__all__ = ["ElementReader"]


class ElementReader:
    """Promoter and element slots of a batch; each element is stored once.

    Parameters
    ----------
    folder : Path or Remote
        Element store.
    manifest : dict
        Its manifest.
    """

    def __init__(self, folder: Place, manifest: dict[str, Any]) -> None:
        self.slot = int(manifest["slot"])
        self.most = int(manifest["max_elements"])
        self._folder = folder
        self._data: dict[str, np.ndarray] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_data": None}

    def _load(self) -> dict[str, np.ndarray]:
        # Links and packed bases are small (75 MB for 150,000 elements): read once per process.
        if self._data is None:
            group = zarr.open_group(_opened(self._folder), mode="r")
            self._data = {name: _whole(self._folder, group[name]) for name in ELEMENT_ARRAYS}
        return self._data

    def read(self, rows: np.ndarray, promoter: Callable[[int, int], np.ndarray]) -> Elements:
        """Slots of some genes; ``promoter(row, slot)`` gives the bases of slot 0."""
        data = self._load()
        codes = np.full((len(rows), self.most + 1, self.slot), N_CODE, np.uint8)
        features = np.zeros((len(rows), self.most + 1, data["features"].shape[1]), np.float32)
        for k, row in enumerate(rows.tolist()):
            codes[k, 0] = promoter(row, self.slot)
            low, high = data["offset"][row], data["offset"][row + 1]
            chosen = data["element"][low:high][: self.most]
            n = len(chosen)
            codes[k, 1 : n + 1] = unpack_bases(data["bases"][chosen], data["unknown"][chosen])
            features[k, 1 : n + 1] = data["features"][low : low + n]
        return Elements(torch.from_numpy(codes), torch.from_numpy(features))


def _opened(folder: Place) -> str | Path:
    """What zarr opens: a folder, the cache's copy of one, or an address."""
    if isinstance(folder, Path):
        return folder
    kept = [local_copy(file) for file in folder.files()]
    top = local_copy(folder / "zarr.json") if all(kept) else None
    return top.parent if top else str(folder)


def _whole(folder: Place, array: Any) -> np.ndarray:
    """An array of the store; a `UserError` for a lost or damaged chunk.

    zarr itself reads a lost chunk as zeros.
    """
    if array.nchunks_initialized != array.nchunks:
        lost = array.nchunks - array.nchunks_initialized
        raise UserError(f"{lost} of {array.nchunks} chunks of {array.basename} are missing", folder)
    try:
        return np.asarray(array)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"a damaged chunk of {array.basename} ({error})", folder) from error
