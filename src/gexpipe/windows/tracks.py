"""One chromosome of a signal at base resolution, from bigWig, bigBed or BAM; intervals as masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pybigtools
import pyBigWig
import pysam

from gexpipe.errors import UserError

__all__ = ["interval_track", "is_alignment", "signal_track"]

# Bases read from a bigWig at a time, into one reused buffer.
BLOCK = 1_000_000
FLOAT16_MAX = 65_504.0
# Reads that coverage leaves out, as samtools depth does.
LEFT_OUT = pysam.FUNMAP | pysam.FSECONDARY | pysam.FQCFAIL | pysam.FDUP


def is_alignment(path: Path) -> bool:
    """Whether a signal is the coverage of an alignment file."""
    return path.suffix.lower() == ".bam"


def signal_track(
    path: Path, chrom: str, size: int, index: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One chromosome of a track at base resolution.

    A bigWig gives its values; a bigBed 1 inside its intervals; a BAM the number of reads whose
    aligned bases cover each base (as ``samtools depth``: no unmapped, secondary, duplicate or
    QC-failed reads; deletions and introns do not count).

    Parameters
    ----------
    path : Path
        bigWig, bigBed (.bb, .bigBed) or BAM.
    chrom : str
        Chromosome; one that the track lacks has no data.
    size : int
        Its length, bp.
    index : Path, optional
        Index of a BAM that has none beside it.

    Returns
    -------
    values : ndarray
        (size,) float16, 0 where the track has no data. Error at most 2**-11 of the value, or 3e-8
        for values below 6.1e-5; values above 65,504 are cut there.
    valid : ndarray
        (size,) bool, where the track has data.
    """
    if path.suffix.lower() in (".bigbed", ".bb"):
        return _intervals(path, chrom, size)
    if is_alignment(path):
        return _coverage(path, chrom, size, index)
    try:
        return _bigwig(path, chrom, size)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # pybigtools has its own types, one of them no Exception
        raise UserError(f"not a bigWig that can be read ({error})", path) from error


def _bigwig(path: Path, chrom: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    values, valid = np.zeros(size, np.float16), np.zeros(size, bool)
    with pybigtools.open(str(path)) as track:
        if chrom not in track.chroms():
            return values, valid
        wide, narrow = np.empty(BLOCK, np.float64), np.empty(BLOCK, np.float32)
        for start in range(0, size, BLOCK):
            here = slice(start, min(start + BLOCK, size))
            count = here.stop - start
            part = narrow[:count]
            track.values(chrom, start, here.stop, fillna=None, arr=wide[:count])
            part[:] = wide[:count]  # exact: a bigWig holds float32
            known = valid[here]
            np.equal(part, part, out=known)  # False where NaN
            np.copyto(part, 0, where=~known)
            np.clip(part, -FLOAT16_MAX, FLOAT16_MAX, out=part)
            values[here] = part
    return values, valid


def _intervals(path: Path, chrom: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    values = np.zeros(size, np.float16)
    with pyBigWig.open(str(path)) as track:
        known = track.chroms() or {}
        entries = track.entries(chrom, 0, size) if chrom in known else None
    for start, end, _ in entries or []:
        values[start:end] = 1.0
    return values, np.full(size, chrom in known)


def _coverage(
    path: Path, chrom: str, size: int, index: Path | None
) -> tuple[np.ndarray, np.ndarray]:
    edges = np.zeros(size + 1, np.int32)
    with pysam.AlignmentFile(str(path), index_filename=str(index) if index else None) as reads:
        if chrom not in reads.references:
            return edges[:size].astype(np.float16), np.zeros(size, bool)
        for read in reads.fetch(chrom):
            if not read.flag & LEFT_OUT:
                for start, end in read.get_blocks():
                    edges[start] += 1
                    edges[min(end, size)] -= 1
    depth = edges[:size]  # in place: a gigabyte for the longest human chromosome
    np.cumsum(depth, out=depth)
    np.minimum(depth, int(FLOAT16_MAX), out=depth)
    return depth.astype(np.float16), np.ones(size, bool)


def interval_track(intervals: pd.DataFrame, chrom: str, size: int) -> np.ndarray:
    """(size,) bool, True inside the intervals of one chromosome."""
    mask = np.zeros(size, bool)
    here = intervals[intervals["chrom"] == chrom]
    for start, end in zip(here["start"].tolist(), here["end"].tolist(), strict=True):
        mask[max(start, 0) : end] = True
    return mask
