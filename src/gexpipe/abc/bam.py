"""Alignments as arrays: the reference spans of all reads of a BAM file, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pysam
from isal import igzip
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["ReadSpans", "read_spans", "references"]

CHUNK = 1 << 20  # bytes of uncompressed BAM decoded at once: what a processor cache holds


class ReadSpans(NamedTuple):
    """Placed reads of one chunk, R reads, in file order.

    Attributes
    ----------
    reference : ndarray
        (R,) int32 index of the chromosome in the header.
    start, end : ndarray
        (R,) int64 0-based half-open span on the reference, skipped bases (N) included. A read
        without aligned bases spans one base, as in htslib.
    mapped : ndarray
        (R,) bool: the unmapped flag is not set (an unmapped read is placed beside its mate).
    flag : ndarray or None
        (R,) uint16 SAM flags; None where the format has none.
    """

    reference: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    mapped: NDArray[np.bool_]
    flag: NDArray[np.uint16] | None = None


def references(path: str | Path) -> list[str]:
    """Chromosome names of a BAM header, in order; a `UserError` if it is no BAM file."""
    source = require(path, "BAM file")
    try:
        with pysam.AlignmentFile(str(source), "rb", check_sq=False) as bam:
            return list(bam.references)
    except (OSError, ValueError) as error:
        raise UserError(f"not a readable BAM file ({error})", source) from error


def read_spans(path: str | Path) -> Iterator[ReadSpans]:
    """Decode a BAM file in one pass, without an index; sorted or not.

    The records are decoded by compiled code from the decompressed bytes, because a Python object
    per read costs more than everything else together.

    Raises
    ------
    UserError
        When the file is not BAM, or ends within a record.
    """
    references(path)
    try:
        # BGZF is gzip in many members. igzip inflates them in under half of htslib's time, which
        # is most of the cost of a pass, and checks each member's checksum too.
        with igzip.open(path, "rb") as stream:
            _skip_header(stream)
            # One buffer for the whole file: the unfinished record at its end moves to its front.
            buffer, filled = np.empty(CHUNK, dtype=np.uint8), 0
            while size := stream.readinto(buffer.data[filled:]):
                used, spans = _spans(buffer[: filled + size])
                yield spans
                rest = buffer[used : filled + size].copy()
                filled = len(rest)
                if 2 * filled > len(buffer):  # a record that does not fit: room for it
                    buffer = np.empty(2 * len(buffer), dtype=np.uint8)
                buffer[:filled] = rest
    except (OSError, EOFError, IsalError) as error:  # type: ignore[misc]  # its stub is wrong
        raise UserError(f"the BAM file is damaged ({error})", path) from error
    if filled:
        raise UserError("the BAM file ends within a record: truncated?", path)


def _spans(data: NDArray[np.uint8]) -> tuple[int, ReadSpans]:
    limit = data.size // 36 + 1  # no record is shorter than 36 bytes
    reference, mapped = np.empty(limit, np.int32), np.empty(limit, np.bool_)
    start, end = np.empty(limit, np.int64), np.empty(limit, np.int64)
    flag = np.empty(limit, np.uint16)
    # Loaded by what reads a BAM: numba takes half a second.
    from gexpipe.abc.bam_records import decode

    used, count = decode(data, reference, start, end, mapped, flag)
    first = slice(count)
    return used, ReadSpans(reference[first], start[first], end[first], mapped[first], flag[first])


def _skip_header(stream: BinaryIO) -> None:
    def number() -> int:
        return int.from_bytes(stream.read(4), "little")

    stream.read(4)
    stream.read(number())
    for _ in range(number()):
        stream.read(number())
        stream.read(4)
