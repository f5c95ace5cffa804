"""What a .hic file holds, from its header and indices alone: no pixel is read."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from gexpipe.errors import UserError

__all__ = ["HicHeader", "read_hic_header"]

_MOST = 10_000  # entries of a list; more means that the bytes are no list


@dataclass
class HicHeader:
    """Contents of a .hic file.

    Attributes
    ----------
    version : int
        8 or 9 (7 is read alike).
    chromosomes : dict
        Name -> length, bp; without the all-by-all pseudo chromosome.
    resolutions : list of int
        Bin widths, bp.
    vectors : dict
        (normalisation, resolution) -> names of the chromosomes that have the vector.
    """

    version: int
    assembly: str
    chromosomes: dict[str, int]
    resolutions: list[int]
    vectors: dict[tuple[str, int], set[str]] = field(default_factory=dict)


class _Reader:
    """Little-endian values, one after the other."""

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle

    def take(self, kind: str) -> Any:
        data = self.handle.read(struct.calcsize("<" + kind))
        if len(data) < struct.calcsize("<" + kind):
            raise UserError("the .hic file ends within its header or index")
        values = struct.unpack("<" + kind, data)
        return values[0] if len(values) == 1 else values

    def text(self) -> str:
        found = bytearray()
        while (byte := self.handle.read(1)) not in (b"\0", b""):
            found += byte
            if len(found) > 4096:
                raise UserError("no .hic header")
        return found.decode("utf-8", "replace")

    def count(self) -> int:
        number = int(self.take("i"))
        if not 0 <= number <= _MOST:
            raise UserError(f"a list of {number} entries: no .hic header")
        return number

    def skip(self, size: int) -> None:
        self.handle.seek(size, 1)


def read_hic_header(handle: BinaryIO) -> HicHeader:
    """Read header, resolutions and the index of normalisation vectors.

    Raises
    ------
    UserError
        No .hic file, a version that is not known, or cut off.
    """
    handle.seek(0)
    read = _Reader(handle)
    magic, version = handle.read(4), read.take("i")
    if magic != b"HIC\0" or version not in (7, 8, 9):
        raise UserError(f"starts with {magic!r}, version {version}: expected .hic version 7 to 9")
    footer, assembly = read.take("q"), read.text()
    index = read.take("qq")[0] if version > 8 else 0
    for _ in range(read.count()):
        read.text(), read.text()
    names = [
        (read.text(), int(read.take("q" if version > 8 else "i"))) for _ in range(read.count())
    ]
    resolutions = [int(read.take("i")) for _ in range(read.count())]
    chromosomes = {name: size for name, size in names if name.upper() != "ALL"}
    header = HicHeader(version, assembly, chromosomes, resolutions)
    if version > 8:
        handle.seek(index)
    elif not _to_vectors(read, footer):
        return header
    numbers = [name for name, _ in names]
    for _ in range(read.count()):
        kind, number, unit, width = read.text(), read.take("i"), read.text(), read.take("i")
        read.skip(16 if version > 8 else 12)
        if unit == "BP" and 0 <= number < len(numbers):
            header.vectors.setdefault((kind, int(width)), set()).add(numbers[number])
    return header


def _to_vectors(read: _Reader, footer: int) -> bool:
    """Move behind the master index and the expected values, which come before the vectors.

    False where the file ends there: no normalisation was ever added.
    """
    read.handle.seek(footer)
    read.take("i")
    for _ in range(int(read.take("i"))):
        read.text()
        read.skip(12)
    for normalised in (False, True):
        if normalised and not read.handle.read(1):
            return False
        read.handle.seek(-1 if normalised else 0, 1)
        for _ in range(read.count()):
            if normalised:
                read.text()
            read.text()
            read.take("i")
            read.skip(8 * int(read.take("i")))
            read.skip(12 * int(read.take("i")))
    return True
