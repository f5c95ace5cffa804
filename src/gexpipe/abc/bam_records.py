"""The records of a BAM file as arrays, decoded by compiled code."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["decode"]


@numba.njit(inline="always")
def _integer(data, at):  # type: ignore[no-untyped-def]
    # Little-endian, signed, 32 bits; records are not aligned, so a view would not do.
    low = np.int32(data[at]) | (np.int32(data[at + 1]) << 8) | (np.int32(data[at + 2]) << 16)
    return low | (np.int32(data[at + 3]) << 24)


@numba.njit(cache=True)
def decode(data, reference, start, end, mapped, flag):  # type: ignore[no-untyped-def]
    """Fill the arrays with the placed reads; the bytes of whole records, and how many reads."""
    # BAM record (SAM specification 4.2): block_size, refID, pos, l_read_name (u8), mapq, bin,
    # n_cigar_op (u16 at 12), flag (u16 at 14), l_seq; the CIGAR follows the name.
    position, count = 0, 0
    while position + 4 <= data.size:
        at = position + 4
        following = at + np.int64(_integer(data, position))
        if following > data.size:
            break
        target = _integer(data, at)
        if target >= 0:
            begin = np.int64(_integer(data, at + 4))
            is_mapped = not data[at + 14] & 4
            span = np.int64(0)
            if is_mapped:
                cigar = at + 32 + np.int64(data[at + 8])
                operations = np.int64(data[at + 12]) | (np.int64(data[at + 13]) << 8)
                for number in range(operations):
                    operation = np.int64(_integer(data, cigar + 4 * number)) & 0xFFFFFFFF
                    # M, D, N, = and X move along the reference.
                    if (0b110001101 >> (operation & 15)) & 1:
                        span += operation >> 4
            reference[count], start[count] = target, begin
            end[count], mapped[count] = begin + max(span, 1), is_mapped
            flag[count] = np.uint16(data[at + 14]) | (np.uint16(data[at + 15]) << 8)
            count += 1
        position = following
    return position, count
