"""The arrays of a part: what they are, and writing them shard by shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import zarr
from numcodecs import zstd
from zarr.codecs import Crc32cCodec, ZstdCodec

from gexpipe.errors import UserError
from gexpipe.windows.layout import CENTRE, GENES_PER_SHARD, centre_slice

__all__ = ["Spec", "check_length", "family_lengths", "window_of", "windows_of", "write_arrays"]

# Of zstd: higher levels cost time and save little.
LEVEL = 1


@dataclass(frozen=True)
class Spec:
    """One array of a part.

    Attributes
    ----------
    shape : tuple of int
        Shape of one gene's entry.
    dtype : str
        NumPy dtype name.
    what : str
        Meaning, unit and fill; stored as the attribute ``description``.
    attributes : dict
        Further attributes (axis names, transform, error bounds).
    packed : bool
        Stored as it is, with a checksum but without compression: what cannot be made smaller.
    """

    shape: tuple[int, ...]
    dtype: str
    what: str
    attributes: dict[str, Any] = field(default_factory=dict)
    packed: bool = False


def write_arrays(
    folder: Path,
    n_genes: int,
    specs: dict[str, Spec],
    block: Callable[[slice], dict[str, np.ndarray]],
) -> None:
    """Write the arrays of one part, shard by shard, so that memory stays bounded.

    One gene per chunk, `GENES_PER_SHARD` genes per file, zstd level 1 (plain zstd beats shuffling
    codecs on run-length signals, in size and speed). zarr-python makes the arrays; the shard files
    are written here, at a third of the time that it takes.

    Parameters
    ----------
    folder : Path
        Group of the part.
    n_genes : int
        Genes on the chromosome.
    specs : dict
        Array name -> `Spec`.
    block : callable
        ``block(genes)`` gives array name -> (genes, *shape) for a slice of the chromosome's genes.
    """
    group = zarr.open_group(folder, mode="r+")
    for name, spec in specs.items():
        group.create_array(
            name,
            shape=(n_genes, *spec.shape),
            dtype=spec.dtype,
            chunks=(1, *spec.shape),
            shards=(GENES_PER_SHARD, *spec.shape),
            compressors=Crc32cCodec() if spec.packed else ZstdCodec(level=LEVEL, checksum=True),
            attributes={
                "description": spec.what,
                "coordinates": "0-based half-open, forward strand",
                **spec.attributes,
            },
        )
    for shard, start in enumerate(range(0, n_genes, GENES_PER_SHARD)):
        genes = slice(start, min(start + GENES_PER_SHARD, n_genes))
        for name, values in block(genes).items():
            path = folder.joinpath(name, "c", str(shard), *["0"] * len(specs[name].shape))
            _write_shard(path, values, specs[name])


def _write_shard(path: Path, values: np.ndarray, spec: Spec) -> None:
    """One file of the sharding codec: chunks, then offset and size of each, and their checksum."""
    if values.shape[1:] != spec.shape:
        raise ValueError(f"{path}: entries of {values.shape[1:]}, expected {spec.shape}")
    index = np.full((GENES_PER_SHARD, 2), 2**64 - 1, "<u8")
    path.parent.mkdir(parents=True, exist_ok=True)
    little = np.dtype(spec.dtype).newbyteorder("<")
    with path.open("wb") as handle:
        for place, entry in enumerate(values):
            raw = np.ascontiguousarray(entry, little)
            chunk = summed(raw.tobytes()) if spec.packed else zstd.compress(raw, LEVEL, True)
            index[place] = handle.tell(), len(chunk)
            handle.write(chunk)
        handle.write(summed(index.tobytes()))


def summed(raw: bytes) -> bytes:
    """Bytes followed by their CRC-32C, as zarr's codec of that name writes them."""
    return raw + google_crc32c.value(raw).to_bytes(4, "little")


def check_length(length: int) -> None:
    """Refuse a window length that does not fill whole bytes."""
    if length < 8 or length % 8:
        raise UserError(f"{length} is not a positive multiple of 8", "config: windows.length")


def family_lengths(length: int) -> list[tuple[str, int, slice]]:
    """Prefix, length and place in the window of its arrays: the whole, and its centre if longer."""
    whole = ("", length, slice(0, length))
    if length <= CENTRE:
        return [whole]
    return [whole, ("centre_", CENTRE, centre_slice(length, CENTRE))]


def window_of(track: np.ndarray, start: int, length: int, fill: float) -> np.ndarray:
    """``track[..., start : start + length]``, padded with ``fill`` where it leaves the chromosome.

    ``start`` is 0-based and may be negative.
    """
    size = track.shape[-1]
    low, high = max(start, 0), min(start + length, size)
    if low == start and high == start + length:
        return track[..., low:high]
    result = np.full((*track.shape[:-1], length), fill, track.dtype)
    if high > low:
        result[..., low - start : high - start] = track[..., low:high]
    return result


def windows_of(track: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """(genes, length) windows of a chromosome's track, 0 off the chromosome."""
    result = np.empty((len(starts), length), track.dtype)
    for row, start in zip(result, starts.tolist(), strict=True):
        row[:] = window_of(track, start, length, 0)
    return result
