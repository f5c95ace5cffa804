"""Read one gene's chunk straight from a sharded zarr v3 array.

zarr-python opens an event loop and parses metadata for every read; a training loader reads one
chunk at a time, always of the same arrays. This reader maps each shard file once, keeps its index,
and decodes with numcodecs. What it returns is bit-equal to zarr-python (tested). It holds no lock
and no thread, so it survives fork, and drops its maps when it is pickled.
"""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numcodecs import zstd

from gexpipe.errors import UserError
from gexpipe.files import read_json
from gexpipe.windows.remote import Place, Ranges, Remote, local_copy

__all__ = ["ShardedArray"]

_EMPTY = 2**64 - 1
_CRC32C_BYTES = 4


class ShardedArray:
    """A zarr v3 array whose chunk is one entry of the first axis and whose shard is many.

    Parameters
    ----------
    path : Path or Remote
        Array folder, holding ``zarr.json`` and ``c/``; of a bucket, entries are read one by one.

    Attributes
    ----------
    shape : tuple of int
        Shape of the whole array.
    dtype : numpy.dtype
        Element type.
    attributes : dict
        The array's attributes.

    Raises
    ------
    UserError
        When the array has another layout than `gexpipe.windows.arrays.write_arrays` gives, or a
        shard is missing, cut short or damaged.
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        meta = _metadata(path / "zarr.json")
        self.shape: tuple[int, ...] = tuple(meta["shape"])
        self.dtype = np.dtype(meta["data_type"])
        self.attributes: dict[str, Any] = meta.get("attributes", {})
        self._per_shard, self._entry, self._packed = _layout(meta, path)
        self._maps: dict[int, tuple[memoryview | Ranges, np.ndarray]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, row: int, out: np.ndarray | None = None) -> np.ndarray:
        """Entry ``row``, of shape ``shape[1:]``, in a new array or in ``out`` (contiguous).

        Its checksum is compared; a `UserError` names the shard of a damaged entry.
        """
        if self._packed:
            return self.view(row).copy()
        if out is None:
            out = np.empty(self._entry, self.dtype)
        try:
            zstd.decompress(self._chunk(row), out)  # which compares the frame's checksum
        except (RuntimeError, ValueError) as error:
            raise self._damaged(row, str(error)) from error
        return out

    def view(self, row: int) -> np.ndarray:
        """Entry ``row`` of an uncompressed array where it lies; its checksum is compared."""
        chunk = self._chunk(row)
        raw, known = chunk[:-_CRC32C_BYTES], chunk[-_CRC32C_BYTES:]
        if google_crc32c.value(bytes(raw)) != int.from_bytes(known, "little"):
            raise self._damaged(row, "its checksum is another")
        try:
            return np.frombuffer(raw, self.dtype).reshape(self._entry)
        except ValueError as error:
            raise self._damaged(row, str(error)) from error

    def _damaged(self, row: int, reason: str) -> UserError:
        shard = self._file(row // self._per_shard)
        return UserError(f"damaged chunk of row {row} ({reason}); build the store again", shard)

    def _chunk(self, row: int) -> memoryview:
        """Stored bytes of one entry."""
        if not 0 <= row < self.shape[0]:
            raise IndexError(f"row {row} of {self.shape[0]}")
        shard, within = divmod(row, self._per_shard)
        mapped, index = self._open(shard)
        offset, size = index[within].tolist()
        if offset == _EMPTY:
            raise self._damaged(row, "it is not stored")
        return mapped[offset : offset + size]

    def _file(self, shard: int) -> Place:
        return self.path / "/".join(["c", str(shard), *["0"] * (len(self.shape) - 1)])

    def _open(self, shard: int) -> tuple[memoryview | Ranges, np.ndarray]:
        """Bytes of a shard file, mapped, and its (chunks, 2) index of offset and size."""
        if shard not in self._maps:
            path = self._file(shard)
            mapped = _mapped(path) if isinstance(path, Path) else _remote(path)
            self._maps[shard] = mapped, self._index(mapped, path)
        return self._maps[shard]

    def _index(self, mapped: memoryview | Ranges, path: Place) -> np.ndarray:
        size = 16 * self._per_shard
        if len(mapped) < size + _CRC32C_BYTES:
            raise UserError("the shard is cut short", path)
        end = bytes(mapped[-size - _CRC32C_BYTES :])
        raw, known = end[:-_CRC32C_BYTES], end[-_CRC32C_BYTES:]
        if google_crc32c.value(raw) != int.from_bytes(known, "little"):
            raise UserError("the shard's index is damaged", path)
        index = np.frombuffer(raw, "<u8").reshape(-1, 2)
        stored = index[index[:, 0] != _EMPTY]
        if len(stored) and int(stored.sum(axis=1).max()) > len(mapped) - size - _CRC32C_BYTES:
            raise UserError("the shard's index points outside the file", path)
        return index


def _metadata(path: Place) -> dict[str, Any]:
    if isinstance(path, Path):
        return read_json(path)
    kept = local_copy(path)
    return read_json(kept) if kept else json.loads(path.read())


def _mapped(path: Path) -> memoryview:
    """A file of this machine, mapped."""
    if not path.exists():
        raise UserError("the shard is missing; build the store again", path)
    if not path.stat().st_size:
        raise UserError("the shard is empty", path)
    with path.open("rb") as handle:
        return memoryview(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))


def _remote(path: Remote) -> memoryview | Ranges:
    """A file of a bucket: the cache's copy of it, mapped, or its bytes where they are asked for."""
    size = path.size()
    if size is None:
        raise UserError("the shard is missing; build the store again", path)
    kept = local_copy(path)
    return _mapped(kept) if kept else Ranges(path, size)


def _layout(meta: dict[str, Any], path: Place) -> tuple[int, tuple[int, ...], bool]:
    """Chunks per shard, shape of one chunk, whether it is uncompressed; refuses other layouts."""
    shard = meta["chunk_grid"]["configuration"]["chunk_shape"]
    codec = meta["codecs"][0]
    inner = codec["configuration"] if codec["name"] == "sharding_indexed" else {}
    names = [c["name"] for c in inner.get("codecs", [])]
    known = (
        names in (["bytes", "crc32c"], ["bytes", "zstd"])
        and inner.get("index_location", "end") == "end"
    )
    chunk = inner.get("chunk_shape", [])
    if not known or chunk[:1] != [1] or chunk[1:] != shard[1:] or shard[1:] != meta["shape"][1:]:
        raise UserError("not an array of a window store (one gene a chunk, sharded, zstd)", path)
    return shard[0], tuple(shard[1:]), names == ["bytes", "crc32c"]
