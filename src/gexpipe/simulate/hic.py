"""A .hic file (version 9) with normalisation vectors.

hictkpy writes pixels, expected values and an empty list of normalisation vectors as the last four
bytes. Here that list is replaced: an index entry per vector, then the vectors, and the header's
position and length of the index are set. Integers are little endian, as the format has them.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.contact.hictk import hictk
from gexpipe.simulate.contacts import Pixels

__all__ = ["add_norm_vectors", "global_pixels", "write_hic"]

# (norm, chromosome, resolution) -> vector
Vectors = Mapping[tuple[str, str, int], NDArray[np.float32]]


def global_pixels(pixels: Mapping[str, Pixels]) -> pd.DataFrame:
    """Pixels of all chromosomes with genome-wide bin numbers: bin1_id, bin2_id, count (int32)."""
    parts, offset = [], 0
    for part in pixels.values():
        columns = {"bin1_id": part.row + offset, "bin2_id": part.column + offset}
        parts.append(pd.DataFrame({**columns, "count": part.count.astype(np.int32)}))
        offset += part.bins
    return pd.concat(parts, ignore_index=True)


def write_hic(
    path: Path,
    sizes: Mapping[str, int],
    pixels: Mapping[str, Pixels],
    resolutions: list[int],
    assembly: str,
    vectors: Vectors,
) -> None:
    """Write counts at the finest resolution, let hictk derive the others, append the vectors."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        writer = hictk().hic.FileWriter(
            str(path), dict(sizes), resolutions, assembly=assembly, tmpdir=scratch,
            compression_lvl=6, skip_all_vs_all_matrix=True,
        )  # fmt: skip
        writer.add_pixels(global_pixels(pixels))
        writer.finalize()
    add_norm_vectors(path, vectors)


def add_norm_vectors(path: Path, vectors: Vectors) -> None:
    """Replace the empty list of normalisation vectors at the end of a .hic file, version 9.

    Raises
    ------
    ValueError
        The file is not version 9, or already has vectors.
    """
    with path.open("r+b") as handle:
        names, header = _read_header(handle.read(1 << 16))
        handle.seek(header["index"])
        if handle.read(5) != b"\0\0\0\0":
            raise ValueError(f"{path} already has normalisation vectors")
        keys = sorted(vectors, key=lambda key: (key[0], names[key[1]], key[2]))
        entries = [_entry(norm, names[chrom], size) for norm, chrom, size in keys]
        index_length = 4 + sum(len(entry) + 16 for entry in entries)
        position = header["index"] + index_length
        blobs, index = [], struct.pack("<i", len(keys))
        for key, entry in zip(keys, entries, strict=True):
            blob = struct.pack("<q", len(vectors[key])) + vectors[key].astype("<f4").tobytes()
            index += entry + struct.pack("<qq", position, len(blob))
            blobs.append(blob)
            position += len(blob)
        handle.seek(header["index"])
        handle.write(index + b"".join(blobs))
        handle.seek(header["field"])
        handle.write(struct.pack("<qq", header["index"], index_length))


def _entry(norm: str, chrom: int, resolution: int) -> bytes:
    """Index entry without position and length: norm, chromosome number, unit, bin size."""
    return (
        norm.encode() + b"\0" + struct.pack("<i", chrom) + b"BP\0" + struct.pack("<i", resolution)
    )


def _read_header(data: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Chromosome numbers, and where the index and the header field that points to it are."""
    magic, version = struct.unpack_from("<4si", data)
    if magic != b"HIC\0" or version != 9:
        raise ValueError(f"expected a .hic file of version 9, found {magic!r} version {version}")
    place = _skip_text(data, 16)
    index, length = struct.unpack_from("<qq", data, place)
    field, place = place, place + 16
    if length != 4:
        raise ValueError("expected an empty list of normalisation vectors")
    (attributes,) = struct.unpack_from("<i", data, place)
    place += 4
    for _ in range(2 * attributes):
        place = _skip_text(data, place)
    (count,) = struct.unpack_from("<i", data, place)
    place, names = place + 4, {}
    for number in range(count):
        end = _skip_text(data, place)
        names[data[place : end - 1].decode()] = number
        place = end + 8
    return names, {"index": index, "field": field}


def _skip_text(data: bytes, place: int) -> int:
    return data.index(b"\0", place) + 1
