"""A .hic file (version 8, as the portals' files are) of hundreds of millions of 5 kb contacts.

A library that sorts contacts takes a microsecond for each. Here every block of the map is drawn as
a matrix and written as the format's dense block (near the diagonal) or list of rows (far from it):
nothing is sorted. Chromosome names lack ``chr``, and each chromosome has a VC vector.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

__all__ = ["write_big_hic"]

STEP = 5000
BLOCK = 1000  # bins on either side of a block
DEPTH, DECAY = 40.0, 0.75  # mean count on the diagonal, and its power of the distance in bins
DENSE = 1  # blocks this far from the diagonal are matrices, farther ones lists
FAR = 42  # contacts in each row of a block far from the diagonal
MASKED = 0.02  # share of bins without a weight
_ABSENT = np.int16(-32768)
_QUANTILES = 256

Blocks = list[tuple[int, int, int]]  # number, position, size


def write_big_hic(path: Path, sizes: Mapping[str, int], rng: np.random.Generator) -> int:
    """Write contacts within every chromosome at 5 kb.

    Parameters
    ----------
    path : Path
        The file.
    sizes : mapping
        Chromosome (``chr1``) -> length, bp.

    Returns
    -------
    int
        Number of contacts.
    """
    names = {name.removeprefix("chr").replace("M", "MT"): size for name, size in sizes.items()}
    tables = [_counts(distance) for distance in range(DENSE + 1)]
    bodies, vectors, contacts = {}, {}, 0
    with path.open("wb") as handle:
        place = _write_header(handle, names)
        for number, size in enumerate(names.values(), start=1):
            bins = -(-size // STEP)
            found, blocks = _write_blocks(handle, bins, tables, rng)
            contacts += found
            bodies[number] = _write_index(handle, number, bins, found, blocks)
            vectors[number] = _weights(bins, rng)
        footer = handle.tell()
        _write_footer(handle, bodies, vectors, -(-max(names.values()) // STEP))
        handle.seek(place)
        handle.write(struct.pack("<q", footer))
    return contacts


def _write_header(handle: BinaryIO, names: Mapping[str, int]) -> int:
    """Write the header; where the position of the footer has to be put."""
    handle.write(b"HIC\0" + struct.pack("<i", 8))
    place = handle.tell()
    handle.write(struct.pack("<q", 0) + b"hg38\0" + struct.pack("<i", 0))
    listed = {"All": max(1, sum(names.values()) // 1000), **names}
    handle.write(struct.pack("<i", len(listed)))
    for name, size in listed.items():
        handle.write(name.encode() + b"\0" + struct.pack("<i", size))
    handle.write(struct.pack("<iii", 1, STEP, 0))  # one resolution, no fragments
    return place


def _counts(distance: int) -> NDArray[np.int16]:
    """Quantiles of the count at every distance within a block: (2 BLOCK, quantiles)."""
    bins = np.abs(np.arange(2 * BLOCK) + (distance - 1) * BLOCK)
    mean = DEPTH * (bins + 1.0) ** -DECAY
    level = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    # A geometric count of this mean: as spread as real ones, and invertible without a search.
    ratio = mean / (1 + mean)
    count = np.floor(np.log1p(-level)[None, :] / np.log(ratio)[:, None]).astype(np.int16)
    return np.where(count > 0, count, _ABSENT)


def _write_blocks(
    handle: BinaryIO, bins: int, tables: list[NDArray[np.int16]], rng: np.random.Generator
) -> tuple[int, Blocks]:
    """All blocks of a chromosome; the smaller bin is the column."""
    columns, found, blocks = bins // BLOCK + 1, 0, []
    for row in range(columns):
        height = min(BLOCK, bins - row * BLOCK)
        for column in range(row + 1):
            width = min(BLOCK, bins - column * BLOCK)
            if min(height, width) <= 0:
                continue
            near = row - column <= DENSE
            draw = _dense if near else _sparse
            number, data = draw(row, column, height, width, tables, rng)
            packed = isal_zlib.compress(data, 1)
            blocks.append((row * columns + column, handle.tell(), len(packed)))
            handle.write(packed)
            found += number
    return found, blocks


def _dense(
    row: int, column: int, height: int, width: int, tables: list, rng: np.random.Generator
) -> tuple[int, bytes]:
    """A matrix of counts."""
    drawn = rng.integers(0, _QUANTILES, (height, width), dtype=np.uint8)
    offset = np.arange(height)[:, None] - np.arange(width)[None, :]
    # Row less column, from -BLOCK to BLOCK: the first index of the table.
    counts = tables[row - column].ravel()[(offset + BLOCK) * _QUANTILES + drawn]
    if row == column:
        counts[offset < 0] = _ABSENT
    number = int(np.count_nonzero(counts != _ABSENT))
    head = struct.pack("<iiibb", number, column * BLOCK, row * BLOCK, 0, 2)
    return number, head + struct.pack("<ih", height * width, width) + counts.tobytes()


def _sparse(
    row: int, column: int, height: int, width: int, tables: list, rng: np.random.Generator
) -> tuple[int, bytes]:
    """A list of rows, each with as many contacts, of one read or two."""
    each = min(FAR, width)
    kind = np.dtype([("y", "<i2"), ("count", "<i2"), ("cells", [("x", "<i2"), ("n", "<i2")], each)])
    rows = np.zeros(height, kind)
    rows["y"], rows["count"] = np.arange(height), each
    step = width // each
    rows["cells"]["x"] = np.arange(each) * step + rng.integers(0, step, (height, each))
    rows["cells"]["n"] = rng.integers(1, 3, (height, each))
    number = height * each
    head = struct.pack("<iiibb", number, column * BLOCK, row * BLOCK, 0, 1)
    return number, head + struct.pack("<h", height) + rows.tobytes()


def _write_index(
    handle: BinaryIO, number: int, bins: int, found: int, blocks: Blocks
) -> tuple[int, int]:
    """The chromosome's list of blocks: its position and size."""
    place, columns = handle.tell(), bins // BLOCK + 1
    handle.write(struct.pack("<iii", number, number, 1) + b"BP\0")
    handle.write(struct.pack("<iffff", 0, float(found), 0.0, 0.0, 0.0))
    handle.write(struct.pack("<iiii", STEP, BLOCK, columns, len(blocks)))
    for block in blocks:
        handle.write(struct.pack("<iqi", *block))
    return place, handle.tell() - place


def _weights(bins: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A VC vector around 1, NaN where a bin is masked."""
    vector = np.exp(0.25 * rng.normal(size=bins))
    vector[rng.random(bins) < MASKED] = np.nan
    return vector


def _write_footer(
    handle: BinaryIO,
    bodies: Mapping[int, tuple[int, int]],
    vectors: Mapping[int, NDArray[np.float64]],
    longest: int,
) -> None:
    """Where the chromosomes are, expected values, and the vectors with their index."""
    index = struct.pack("<i", len(bodies))
    for number, (place, size) in bodies.items():
        index += f"{number}_{number}".encode() + b"\0" + struct.pack("<qi", place, size)
    index += struct.pack("<i", 1) + _expected(longest, list(bodies))
    handle.write(struct.pack("<i", len(index)) + index)
    handle.write(struct.pack("<i", 1) + b"VC\0" + _expected(longest, list(bodies)))
    entries = [b"VC\0" + struct.pack("<i", n) + b"BP\0" + struct.pack("<i", STEP) for n in vectors]
    place = handle.tell() + 4 + sum(len(entry) + 12 for entry in entries)
    handle.write(struct.pack("<i", len(entries)))
    for entry, vector in zip(entries, vectors.values(), strict=True):
        size = 4 + 8 * len(vector)
        handle.write(entry + struct.pack("<qi", place, size))
        place += size
    for vector in vectors.values():
        handle.write(struct.pack("<i", len(vector)) + vector.tobytes())


def _expected(bins: int, chromosomes: list[int]) -> bytes:
    """Expected counts by distance, and a factor of 1 for every chromosome."""
    values = DEPTH * (np.arange(bins) + 1.0) ** -DECAY
    factors = b"".join(struct.pack("<id", number, 1.0) for number in chromosomes)
    head = b"BP\0" + struct.pack("<ii", STEP, bins) + values.tobytes()
    return head + struct.pack("<i", len(chromosomes)) + factors
