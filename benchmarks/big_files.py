"""Files of a genome's size, written as they are made, chromosome by chromosome: FASTA and BAM."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from gexpipe.simulate.bam import bam_header, bam_records, pack_pairs

__all__ = ["BamWriter", "FastaWriter", "draw_genome"]

READ = 36  # bases, as ENCODE's DNase and ChIP reads of the time
LINE = 50  # bases of a line of UCSC's FASTA
_BLOCK = 65_280  # bytes of a BGZF block, as htslib fills them
_READS = 200_000  # records made at once
_POOL = 1 << 16  # distinct strings of qualities: farther apart than a compressor looks back
_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def draw_genome(rng: np.random.Generator, length: int) -> tuple[NDArray[np.uint8], NDArray]:
    """Base codes of a chromosome, and where it is lower case.

    Both ends and a stretch in the middle are N, as telomeres and centromeres are; half of the rest
    is in repeats of some hundred bases, which are soft-masked.
    """
    codes = rng.integers(0, 4, length, dtype=np.uint8)
    end, middle = min(10_000, length // 20), length // 30
    codes[:end] = codes[length - end :] = 4
    codes[length // 2 : length // 2 + middle] = 4
    edges = np.cumsum(rng.geometric(1 / 300, length // 300 + 2))
    change = np.zeros(length + 1, np.int8)
    inside = edges[edges < length]
    change[inside[0::2]] = 1
    change[inside[1::2]] = -1
    return codes, np.cumsum(change[:-1], dtype=np.int8).view(bool)


class FastaWriter:
    """A gzipped, soft-masked FASTA, as UCSC serves it."""

    _LETTERS = np.frombuffer(b"ACGTNacgtn", np.uint8)

    def __init__(self, path: Path) -> None:
        self._handle = igzip.open(path, "wb", compresslevel=1)

    def add(self, name: str, codes: NDArray[np.uint8], lower: NDArray[np.bool_]) -> None:
        """Write a chromosome."""
        self._handle.write(f">{name}\n".encode())
        step = LINE * 1_000_000
        for begin in range(0, len(codes), step):
            part = codes[begin : begin + step] + 5 * lower[begin : begin + step].view(np.uint8)
            self._handle.write(_lines(self._LETTERS[part]))

    def close(self) -> None:
        """Finish the file."""
        self._handle.close()


def _lines(letters: NDArray[np.uint8]) -> bytes:
    whole = len(letters) // LINE * LINE
    lines = np.full((whole // LINE, LINE + 1), ord("\n"), np.uint8)
    lines[:, :LINE] = letters[:whole].reshape(-1, LINE)
    rest = letters[whole:].tobytes()
    return lines.tobytes() + (rest + b"\n" if rest else b"")


class BamWriter:
    """Single-end reads in order of coordinate, compressed by isal: a tenth of htslib's time."""

    def __init__(self, path: Path, sizes: Mapping[str, int], rng: np.random.Generator) -> None:
        self._handle = path.open("wb")
        self._rest = bam_header(dict(sizes), path.stem)
        self._written = 0
        self._numbers = {name: number for number, name in enumerate(sizes)}
        # Qualities fall along a read and are binned, as instruments of the time wrote them.
        steps = rng.choice(np.array([0, 0, 0, 1, 5], np.uint8), (_POOL, READ))
        self._qualities = 40 - np.minimum(np.cumsum(steps, axis=1, dtype=np.uint8), 38)

    def add(self, name: str, start: NDArray[np.int64], codes: NDArray[np.uint8]) -> None:
        """Write reads of a chromosome, given their first bases in order; strands alternate."""
        pairs = pack_pairs(codes)
        for begin in range(0, len(start), _READS):
            part = start[begin : begin + _READS]
            order = np.arange(self._written, self._written + len(part))
            flag = np.where(order * 2_654_435_761 >> 7 & 1, 16, 0).astype(np.uint16)
            qualities = self._qualities[order * 40_503 % _POOL]
            first = self._written % (10**8 - _READS)
            records = bam_records(self._numbers[name], first, part, flag, pairs, READ, qualities)
            self._written += len(part)
            self._compress(records.tobytes())

    def _compress(self, data: bytes, last: bool = False) -> None:
        data = self._rest + data
        whole = len(data) if last else len(data) // _BLOCK * _BLOCK
        for begin in range(0, whole, _BLOCK):
            self._handle.write(_bgzf(data[begin : min(begin + _BLOCK, whole)]))
        self._rest = data[whole:]

    def close(self) -> None:
        """Finish the file."""
        self._compress(b"", last=True)
        self._handle.write(_EOF)
        self._handle.close()

    def __enter__(self) -> BamWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _bgzf(data: bytes) -> bytes:
    """One block: a gzip member that says its size."""
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    head = bytes.fromhex("1f8b08040000000000ff0600424302") + b"\0"
    size = struct.pack("<H", len(packed) + 25)
    return head + size + packed + struct.pack("<II", zlib.crc32(data), len(data))
