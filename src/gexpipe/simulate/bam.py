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

__all__ = ["Qualities", "bam_header", "bam_records", "pack_pairs", "write_bam"]

_NIBBLE = np.array([1, 2, 4, 8, 15], dtype=np.uint8)  # A C G T N
_BLOCK = 200_000
_QUALITY = 40
_MAPQ = 42

Qualities = int | NDArray[np.uint8]


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
        handle.write(bam_header({name: len(codes) for name, codes in genome.items()}, sample))
        for number, codes in enumerate(genome.values()):
            rows = np.flatnonzero(reads.chrom == number)
            pairs = pack_pairs(codes)
            for begin in range(0, len(rows), _BLOCK):
                part = rows[begin : begin + _BLOCK]
                start, flag = reads.start[part], reads.flag[part]
                records = bam_records(number, int(part[0]), start, flag, pairs, read_length)
                handle.write(records.tobytes())


def bam_header(sizes: dict[str, int], sample: str) -> bytes:
    """Header of a BAM file in coordinate order: its text, and the binary list of chromosomes."""
    lines = ["@HD\tVN:1.6\tSO:coordinate"]
    lines += [f"@SQ\tSN:{name}\tLN:{length}" for name, length in sizes.items()]
    lines.append(f"@RG\tID:{sample}\tSM:{sample}")
    text = ("\n".join(lines) + "\n").encode()
    packed = b"BAM\x01" + struct.pack("<i", len(text)) + text + struct.pack("<i", len(sizes))
    for name, length in sizes.items():
        packed += struct.pack("<i", len(name) + 1) + name.encode() + b"\0"
        packed += struct.pack("<i", length)
    return packed


def bam_records(
    number: int,
    first: int,
    start: NDArray[np.int64],
    flag: NDArray[np.uint16],
    pairs: NDArray[np.uint8],
    length: int,
    qualities: Qualities = _QUALITY,
) -> NDArray[np.void]:
    """Records of some single-end reads of one chromosome, ready to be compressed.

    Parameters
    ----------
    number : int
        Of the chromosome, in header order.
    first : int
        Number of the first read, from which the names count; below 10**8 - reads.
    start, flag : ndarray
        (reads,) leftmost base and SAM flag, in order.
    pairs : ndarray
        Bases of the chromosome, from `pack_pairs`.
    length : int
        Bases of a read.
    qualities : int or ndarray
        One quality for all bases, or (reads, length).
    """
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
            ("name", "u1", (10,)),
            ("cigar", "<u4"),
            ("sequence", "u1", ((length + 1) // 2,)),
            ("quality", "u1", (length,)),
        ]
    )
    records = np.zeros(len(start), dtype=kind)
    records["block_size"] = kind.itemsize - 4
    records["reference"] = number
    records["position"] = start
    records["name_length"] = 10
    records["mapq"] = _MAPQ
    records["bin"] = _index_bin(start, start + length)
    records["cigar_length"] = 1
    records["flag"] = flag
    records["sequence_length"] = length
    records["next_reference"] = records["next_position"] = -1
    _name(records["name"], first)
    records["cigar"] = length << 4  # LENGTH matches
    _sequence(records["sequence"], pairs, start, length)
    records["quality"] = qualities
    return records


def _name(names: NDArray[np.uint8], first: int) -> None:
    """Write ``r`` and eight digits, and a NUL."""
    names[:, 0] = ord("r")
    rest = np.arange(first, first + len(names))
    for place in range(8, 0, -1):
        rest, digit = np.divmod(rest, 10)
        names[:, place] = digit + ord("0")


def pack_pairs(codes: Codes) -> NDArray[np.uint8]:
    """Every base with the one after it, as BAM packs two bases into a byte; shape (bases,)."""
    nibbles = _NIBBLE[codes]
    packed = np.left_shift(nibbles, 4, dtype=np.uint8)
    packed[:-1] |= nibbles[1:]
    return packed


def _sequence(
    target: NDArray[np.uint8], pairs: NDArray[np.uint8], start: NDArray[np.int64], length: int
) -> None:
    """Write the packed bases of every read, (reads, ceil(length / 2))."""
    for place in range(0, length, 2):
        target[:, place // 2] = pairs[start + place]
    if length % 2:
        target[:, -1] &= 0xF0


def _index_bin(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Smallest bin of the BAI scheme that holds ``[start, end)``."""
    last = end - 1
    result = np.zeros_like(start)
    for shift, first in ((26, 1), (23, 9), (20, 73), (17, 585), (14, 4_681)):
        result = np.where(start >> shift == last >> shift, first + (start >> shift), result)
    return result
