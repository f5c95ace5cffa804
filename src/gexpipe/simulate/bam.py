"""A coordinate-sorted BAM file from arrays.

All records of one file have the same length, so they are one structured array; only compression is
left to htslib. The layout is that of the SAM specification, section 4.2.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pysam
from numpy.typing import NDArray

from gexpipe.simulate.genome import Codes
from gexpipe.simulate.reads import Reads

__all__ = ["write_bam"]

_NIBBLE = np.array([1, 2, 4, 8, 15], dtype=np.uint8)  # A C G T N
_BLOCK = 200_000
_QUALITY = 40
_MAPQ = 42


def write_bam(
    path: Path, reads: Reads, genome: dict[str, Codes], read_length: int, sample: str
) -> None:
    """Write single-end reads of equal length, with their reference sequence.

    Parameters
    ----------
    reads : Reads
        Sorted by chromosome and start.
    genome : dict
        Chromosome -> base codes, in header order.
    sample : str
        Name in the read group line.
    """
    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(_header({name: len(codes) for name, codes in genome.items()}, sample))
        for number, codes in enumerate(genome.values()):
            rows = np.flatnonzero(reads.chrom == number)
            for begin in range(0, len(rows), _BLOCK):
                part = rows[begin : begin + _BLOCK]
                handle.write(_records(number, part, reads, codes, read_length).tobytes())


def _header(sizes: dict[str, int], sample: str) -> bytes:
    lines = ["@HD\tVN:1.6\tSO:coordinate"]
    lines += [f"@SQ\tSN:{name}\tLN:{length}" for name, length in sizes.items()]
    lines.append(f"@RG\tID:{sample}\tSM:{sample}")
    text = ("\n".join(lines) + "\n").encode()
    packed = b"BAM\x01" + struct.pack("<i", len(text)) + text + struct.pack("<i", len(sizes))
    for name, length in sizes.items():
        packed += struct.pack("<i", len(name) + 1) + name.encode() + b"\0"
        packed += struct.pack("<i", length)
    return packed


def _records(
    number: int, rows: NDArray[np.int64], reads: Reads, codes: Codes, length: int
) -> NDArray[np.void]:
    names = np.char.add("r", np.char.zfill(rows.astype(str), 8)).astype("S10")
    kind = np.dtype(
        [
            ("block_size", "<i4"),
            ("reference", "<i4"),
            ("position", "<i4"),
            ("name_length", "u1"),
            ("mapq", "u1"),
            ("bin", "<u2"),
            ("cigar_length", "<u2"),
            ("flag", "<u2"),
            ("sequence_length", "<i4"),
            ("next_reference", "<i4"),
            ("next_position", "<i4"),
            ("template_length", "<i4"),
            ("name", "S10"),
            ("cigar", "<u4"),
            ("sequence", "u1", ((length + 1) // 2,)),
            ("quality", "u1", (length,)),
        ]
    )
    start = reads.start[rows]
    records = np.zeros(len(rows), dtype=kind)
    records["block_size"] = kind.itemsize - 4
    records["reference"] = number
    records["position"] = start
    records["name_length"] = 10
    records["mapq"] = _MAPQ
    records["bin"] = _index_bin(start, start + length)
    records["cigar_length"] = 1
    records["flag"] = reads.flag[rows]
    records["sequence_length"] = length
    records["next_reference"] = records["next_position"] = -1
    records["name"] = names
    records["cigar"] = length << 4  # LENGTH matches
    records["sequence"] = _packed(codes, start, length)
    records["quality"] = _QUALITY
    return records


def _packed(codes: Codes, start: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
    """Bases as two four-bit codes a byte; shape (reads, ceil(length / 2))."""
    windows = np.lib.stride_tricks.sliding_window_view(codes, length)
    nibbles = _NIBBLE[windows[start]]
    if length % 2:
        nibbles = np.pad(nibbles, ((0, 0), (0, 1)))
    return np.bitwise_or(nibbles[:, 0::2] << 4, nibbles[:, 1::2], dtype=np.uint8)


def _index_bin(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Smallest bin of the BAI scheme that holds ``[start, end)``."""
    last = end - 1
    result = np.zeros_like(start)
    for shift, first in ((26, 1), (23, 9), (20, 73), (17, 585), (14, 4_681)):
        result = np.where(start >> shift == last >> shift, first + (start >> shift), result)
    return result
