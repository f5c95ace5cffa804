"""Alignments ordered by coordinate and indexed, sorted only where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pysam

from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.log import get_logger

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
    with aside(out) as temporary:
        index = Path(f"{temporary}.bai")
        needed = order not in ("", "coordinate", "unsorted", "unknown")
        if needed:
            logger.info("%s is ordered by %s: sorting it by coordinate", bam, order)
        else:
            _link(bam, temporary)
            needed = bool(_index(temporary, index))
            if needed:
                logger.warning("%s cannot be indexed in the order it has: sorting it", bam)
            else:
                logger.info("%s is in order of coordinate: taken as it is", bam)
        if needed:
            temporary.unlink(missing_ok=True)
            _sort(bam, temporary, threads, memory_mb)
            refused = _index(temporary, index)
            if refused:
                raise UserError(f"cannot be indexed ({refused})", bam)
        with pysam.AlignmentFile(str(temporary), index_filename=str(index)) as handle:
            if handle.mapped == 0:
                raise UserError("the BAM has no mapped reads", bam)
        index.replace(f"{out}.bai")
    return needed


def _link(source: Path, temporary: Path) -> None:
    """The same file under another name; a user's own is only pointed at, as in resources/files."""
    try:
        if source.is_symlink():
            temporary.symlink_to(source.resolve())
        else:
            os.link(source.resolve(), temporary)
    except OSError:  # another file system, or one without hard links
        temporary.symlink_to(source.resolve())


def _index(bam: Path, index: Path) -> str:
    """Write the index; what samtools says against it, else nothing."""
    try:
        pysam.index("-o", str(index), str(bam))
    except (pysam.SamtoolsError, OSError) as error:
        index.unlink(missing_ok=True)
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    """The last thing that samtools said."""
    said = str(error).rpartition("stderr=")[2].replace("\\n", " ").strip(" ')\n")
    return said.rpartition("samtools ")[2] or str(error)


def _sort(source: Path, temporary: Path, threads: int, memory_mb: int) -> None:
    try:
        pysam.sort(
            "-@", str(threads - 1), "-m", f"{memory_mb}M", "-T", f"{temporary}.part",
            "-o", str(temporary), str(source), catch_stdout=False,
        )  # fmt: skip
    except (pysam.SamtoolsError, OSError) as error:
        raise UserError(f"cannot be sorted; cut off? ({_words(error)})", source) from error
