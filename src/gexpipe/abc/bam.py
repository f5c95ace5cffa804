"""Alignments as arrays: the reference spans of all reads of a BAM file, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pysam
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["ReadSpans", "read_spans", "references"]

CHUNK = 1 << 25  # bytes of uncompressed BAM decoded at once
UNMAPPED = 4


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
    """

    reference: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    mapped: NDArray[np.bool_]


@numba.njit(cache=True)
def _decode(data, reference, start, end, flag):  # type: ignore[no-untyped-def]
    # BAM record (SAM specification 4.2): block_size, refID, pos, l_read_name (u8), mapq, bin,
    # n_cigar_op (u16 at 16), flag (u16 at 18), l_seq; the CIGAR follows the name.
    position, count = 0, 0
    while position + 4 <= data.size:
        size = np.int64(data[position : position + 4].view(np.int32)[0])
        if position + 4 + size > data.size:
            break
        record = data[position + 4 : position + 4 + size]
        target = record[0:4].view(np.int32)[0]
        if target >= 0:
            begin = np.int64(record[4:8].view(np.int32)[0])
            operations = np.int64(record[12]) | (np.int64(record[13]) << 8)
            bits = np.int64(record[14]) | (np.int64(record[15]) << 8)
            span = np.int64(0)
            if not bits & 4:
                at = 32 + np.int64(record[8])
                for _ in range(operations):
                    operation = record[at : at + 4].view(np.uint32)[0]
                    kind = operation & 15
                    if kind == 0 or kind == 2 or kind == 3 or kind == 7 or kind == 8:
                        span += np.int64(operation >> 4)
                    at += 4
            reference[count] = target
            start[count] = begin
            end[count] = begin + max(span, 1)
            flag[count] = bits
            count += 1
        position += 4 + size
    return position, count


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
        with pysam.BGZFile(str(path), "rb", index=None) as stream:
            _skip_header(stream)
            rest = b""
            while chunk := stream.read(CHUNK):
                data = np.frombuffer(rest + chunk, dtype=np.uint8)
                used, spans = _spans(data)
                yield spans
                rest = data[used:].tobytes()
    except OSError as error:
        raise UserError(f"the BAM file is damaged ({error})", path) from error
    if rest:
        raise UserError("the BAM file ends within a record: truncated?", path)


def _spans(data: NDArray[np.uint8]) -> tuple[int, ReadSpans]:
    limit = data.size // 36 + 1  # no record is shorter than 36 bytes
    reference, flag = np.empty(limit, np.int32), np.empty(limit, np.int32)
    start, end = np.empty(limit, np.int64), np.empty(limit, np.int64)
    used, count = _decode(data, reference, start, end, flag)
    mapped = (flag[:count] & UNMAPPED) == 0
    return used, ReadSpans(reference[:count], start[:count], end[:count], mapped)


def _skip_header(stream: pysam.BGZFile) -> None:
    def number() -> int:
        return int.from_bytes(stream.read(4), "little")

    stream.read(4)
    stream.read(number())
    for _ in range(number()):
        stream.read(number())
        stream.read(4)
