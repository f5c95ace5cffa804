"""Alignments ordered by coordinate and indexed, sorted only where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pysam

from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.log import get_logger
from gexpipe.peaks.macs import index_bam

__all__ = ["coordinate_bam", "header_order"]

logger = get_logger(__name__)


def header_order(bam: Path) -> str:
    """What the header says of the order: coordinate, queryname, unsorted, or empty."""
    require(bam, "BAM file")
    try:
        with pysam.AlignmentFile(str(bam), "rb", check_sq=False) as handle:
            said = handle.header.to_dict().get("HD", {})
    except (OSError, ValueError) as error:
        raise UserError(f"not a readable BAM file ({error})", bam) from error
    # Files grouped by name (GO) keep mates together, in whatever order of names.
    return str(said.get("SO") or ("queryname" if said.get("GO") == "query" else ""))


def coordinate_bam(bam: Path, out: Path, threads: int = 1, memory_mb: int = 768) -> bool:
    """Give ``out`` and its ``.bai``: the file itself where it is sorted, else a sorted copy.

    A header that names another order is believed; any other is tried, because headers are also
    wrong: the file is sorted when it cannot be indexed.

    Parameters
    ----------
    bam : Path
        Alignments in any order; never altered.
    out : Path
        A hard link (or symbolic link, between file systems) to ``bam``, or the sorted copy.
    threads, memory_mb : int
        Of the sort; memory per thread.

    Returns
    -------
    bool
        Whether it had to be sorted.

    Raises
    ------
    UserError
        Not a BAM, cut off, or without a mapped read.
    """
    order = header_order(bam)
    if order in ("", "coordinate", "unsorted", "unknown"):
        _link(bam, out)
        try:
            index_bam(out)
            logger.info("%s is sorted by coordinate: taken as it is", bam)
            return False
        except UserError as error:
            if Path(f"{out}.bai").exists():  # in order, but without reads
                raise
            logger.warning("%s; sorting it", error)
    else:
        logger.info("%s is ordered by %s: sorting it by coordinate", bam, order)
    _sort(bam, out, threads, memory_mb)
    index_bam(out)
    return True


def _link(source: Path, out: Path) -> None:
    with aside(out) as temporary:
        try:
            os.link(source.resolve(), temporary)
        except OSError:  # another file system, or one without hard links
            temporary.symlink_to(source.resolve())


def _sort(source: Path, out: Path, threads: int, memory_mb: int) -> None:
    try:
        with aside(out) as temporary:
            pysam.sort(
                "-@", str(threads - 1), "-m", f"{memory_mb}M", "-T", f"{temporary}.part",
                "-o", str(temporary), str(source), catch_stdout=False,
            )  # fmt: skip
    except (pysam.SamtoolsError, OSError) as error:
        out.unlink(missing_ok=True)
        raise UserError(f"cannot be sorted; cut off? ({error})", source) from error
