"""Is a file whole, where nobody gives its size or checksum: what its format itself can tell."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import h5py
from isal import igzip, isal_zlib

from gexpipe.errors import UserError

__all__ = ["check_complete"]

_BLOCK = 1 << 22
# The last container of every CRAM 3 file.
_CRAM_END = bytes.fromhex(
    "0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b"
)


def check_complete(path: Path, file_format: str, where: str) -> None:
    """Raise `UserError` when a file is cut off, as far as its format shows that.

    Gzip is read to its end, HDF5 and zip know their length, bigWig, bigBed and .hic the places of
    their indices, CRAM has an end mark (BAM's is checked with its magic bytes).
    """
    with path.open("rb") as handle:
        start = handle.read(1 << 12)
    size = path.stat().st_size
    whole = True
    if file_format in ("bigWig", "bigBed"):
        whole = _last_offset_big(start) < size
    elif file_format == "hic":
        whole = len(start) >= 16 and struct.unpack_from("<q", start, 8)[0] < size
    elif file_format in ("mcool", "cool"):
        whole = _opens_as_hdf5(path)
    elif file_format in ("zip", "xlsx"):
        whole = zipfile.is_zipfile(path)
    elif file_format == "cram" and start[4:5] == b"\x03":
        with path.open("rb") as handle:
            handle.seek(max(0, size - len(_CRAM_END)))
            whole = handle.read() == _CRAM_END
    elif file_format != "bam" and start.startswith(b"\x1f\x8b"):
        whole = _gzip_ends(path)
    if not whole:
        raise UserError(f"the {file_format} file is cut off", where)


def _last_offset_big(start: bytes) -> int:
    """Largest place that the header of a bigWig or bigBed points to (UCSC's bbi header)."""
    order = "<" if start[:4] in (b"\x26\xfc\x8f\x88", b"\xeb\xf2\x89\x87") else ">"
    if len(start) < 64:
        return 1 << 62
    levels = struct.unpack_from(f"{order}H", start, 6)[0]
    places = list(struct.unpack_from(f"{order}3Q", start, 8))
    for level in range(levels):
        at = 64 + 24 * level + 8
        if at + 16 <= len(start):
            places += struct.unpack_from(f"{order}2Q", start, at)
    return max(places)


def _opens_as_hdf5(path: Path) -> bool:
    try:
        with h5py.File(path):
            return True
    except OSError:  # h5py says: truncated file
        return False


def _gzip_ends(path: Path) -> bool:
    try:
        with igzip.open(path, "rb") as handle:
            while handle.read(_BLOCK):
                pass
    except (OSError, EOFError, zlib.error, isal_zlib.IsalError):  # type: ignore[misc]
        return False
    return True
