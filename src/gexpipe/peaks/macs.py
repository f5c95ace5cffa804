"""Run the pinned MACS3 on one or several BAM files and record how."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import pysam

from gexpipe.abc.tags import is_tag_file, tag_extent
from gexpipe.errors import UserError
from gexpipe.files import aside, require, write_json
from gexpipe.intervals import data_lines
from gexpipe.log import get_logger

__all__ = ["call_peaks", "covered_size", "index_bam", "require_reads"]

logger = get_logger(__name__)

FEW = 10  # usable reads below which MACS3 fails for their lack


def covered_size(files: list[Path]) -> int:
    """Total length in bp of the chromosomes that carry a mapped read in any of the files.

    A tagAlign file knows no lengths; there a chromosome ends with its last read.
    """
    lengths: dict[str, int] = {}
    for path in files:
        if is_tag_file(path):
            for name, end in tag_extent(path).items():
                lengths[name] = max(lengths.get(name, 0), end)
            continue
        with pysam.AlignmentFile(str(path)) as handle:
            for row in handle.get_index_statistics():
                if row.mapped:
                    lengths[row.contig] = handle.get_reference_length(row.contig)
    if not lengths:
        raise UserError("no mapped reads on any chromosome", files[0])
    return sum(lengths.values())


def index_bam(bam: Path) -> None:
    """Write ``bam`` + ``.bai``; a `UserError` when it is not sorted, not a BAM, or has no reads."""
    require(bam, "BAM file")
    try:
        with aside(f"{bam}.bai") as temporary:
            pysam.index("-o", str(temporary), str(bam))
    except (pysam.SamtoolsError, OSError, ValueError) as error:
        raise UserError(f"cannot be indexed; sorted by coordinate? ({error})", bam) from error
    require_reads(bam)


def require_reads(bam: Path) -> None:
    """Raise `UserError` unless an indexed BAM has a mapped read."""
    try:
        with pysam.AlignmentFile(str(bam)) as handle:
            reads = handle.mapped
    except (OSError, ValueError) as error:
        raise UserError(f"not a BAM with its index ({error})", bam) from error
    if reads == 0:
        raise UserError("the BAM has no mapped reads", bam)


def _macs_format(files: list[Path], pairs: str) -> str:
    """MACS3's name of the files' common format, always given: AUTO guesses, and hangs on CRAM."""
    for path in files:
        if path.suffix == ".cram":
            raise UserError("MACS3 reads no CRAM; make a BAM with `gexpipe peaks convert`", path)
        require(path, "alignment file")
        if not is_tag_file(path):
            require(f"{path}.bai", "index (make it with `gexpipe peaks sort`)")
            require_reads(path)
    tags = [is_tag_file(path) for path in files]
    if any(tags):
        if not all(tags):
            raise UserError("BAM and tagAlign files cannot be pooled", files[0])
        return "BED"
    if pairs != "fragments":
        logger.info("single reads and the first mates of pairs are read as cut sites (-f BAM)")
        return "BAM"
    for path in files:
        single = _single_ends(path)
        if single:
            raise UserError(
                f"{single} mapped reads are not of pairs: fragments need paired-end files "
                "(config: peaks.pairs, `ends` reads both kinds)",
                path,
            )
    return "BAMPE"


def _single_ends(path: Path) -> int:
    """Mapped reads of a BAM that are not part of a pair, by the flags of all reads."""
    excluded = pysam.FPAIRED | pysam.FUNMAP
    return int(str(pysam.view("-c", "-F", str(excluded), str(path))))


def _genome_size(asked: str | int, files: list[Path]) -> int:
    if asked == "covered":
        return covered_size(files)
    if not str(asked).isdecimal() or int(asked) == 0:
        raise UserError(f"{asked!r} is neither a number of bp nor `covered`", "--genome-size")
    return int(asked)


def call_peaks(
    bams: list[Path],
    out: Path,
    *,
    pvalue: float,
    shift: int,
    extsize: int,
    genome_size: str | int,
    expected: tuple[int, int],
    pairs: str = "ends",
) -> int:
    """Call peaks with summits, as ABC does.

    Parameters
    ----------
    bams : list of Path
        Alignments of one assay, pooled: sorted and indexed BAM files, or tagAlign files.
    out : Path
        narrowPeak to write, sorted by position; ``out`` with ``.json`` records version, arguments
        and counts.
    pvalue : float
        MACS3 threshold.
    shift, extsize : int
        Shift and extension of each cut site, bp.
    genome_size : "covered" or int
        MACS3 ``-g``, bp; ``covered`` sums the chromosomes that carry reads.
    expected : (int, int)
        Range of peak numbers outside which a warning is logged and recorded.
    pairs : {"ends", "fragments"}
        ``ends``: single reads and the first mates of proper pairs as shifted and extended cut
        sites, as ABC calls peaks, also of files of both kinds. ``fragments``: pairs as they are
        (BAMPE).

    Returns
    -------
    int
        Number of peaks (one per summit).

    Raises
    ------
    UserError
        For alignments without reads, of different kinds, or when MACS3 fails (its last line is
        shown).
    """
    format = _macs_format(bams, pairs)
    size = _genome_size(genome_size, bams)
    # Fragments of pairs are taken as they are: MACS3 neither shifts nor extends them.
    sites = ["--nomodel", "--shift", str(shift), "--extsize", str(extsize)]
    arguments = [
        "callpeak", "-f", format, "-g", str(size), "-p", str(pvalue),
        *(sites if format != "BAMPE" else []), "--keep-dup", "all", "--call-summits",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="gexpipe-macs3-") as folder:
        _run([*arguments, "-n", "macs3", "--outdir", folder, "-t", *map(str, bams)], bams[0])
        lines = (Path(folder) / "macs3_peaks.narrowPeak").read_text().splitlines()
    if not lines:
        lack = _lack(bams[0], format == "BAMPE")
        raise UserError(lack or f"MACS3 found no peak at p < {pvalue}", bams[0])
    lines.sort(key=_position)
    with aside(out) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
    low, high = expected
    record: dict[str, Any] = {
        "macs3": version("macs3"),
        "arguments": arguments,
        "files": [bam.name for bam in bams],
        "peaks": len(lines),
        "expected": [low, high],
        "in_expected_range": low <= len(lines) <= high,
    }
    if not record["in_expected_range"]:
        logger.warning("%d peaks; between %d and %d were expected", len(lines), low, high)
    write_json(out.with_suffix(".json"), record)
    logger.info("MACS3 %s: %d peaks", record["macs3"], len(lines))
    return len(lines)


def _position(line: str) -> tuple[str, int, int, int]:
    fields = line.split("\t")
    return fields[0], int(fields[1]), int(fields[2]), int(fields[9])


def program() -> Path:
    """The MACS3 of this Python's installation or environment, whose version is recorded.

    Raises
    ------
    UserError
        It has none; another one on ``PATH`` is not taken.
    """
    beside = Path(sys.executable).with_name("macs3")
    if not beside.exists():
        raise UserError("MACS3 is not installed with this Python: pip install macs3", beside)
    return beside


def _run(arguments: list[str], where: Path) -> None:
    command = [str(program()), *arguments]
    logger.info("macs3 %s", " ".join(arguments))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        logger.debug("macs3: %s", line)
    if done.returncode != 0:
        raise UserError(_reason(done, arguments, where), where)


def _reason(done: subprocess.CompletedProcess[str], arguments: list[str], first: Path) -> str:
    """Why MACS3 failed: what the file lacks, where that is it, else MACS3's last own words."""
    lack = _lack(first, "BAMPE" in arguments)
    if lack:
        return lack
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    own = [line for line in lines if re.match(r"(ERROR|CRITICAL|macs3)\b|.*: error:", line)]
    said = own[-1] if own else "GEXPIPE_DEBUG=1 shows its messages"
    return f"MACS3 failed with status {done.returncode} ({said})"


def _lack(path: Path, fragments: bool) -> str:
    """What a file lacks that MACS3 needs, from its reads; empty where it has enough."""
    if is_tag_file(path):
        usable, paired = sum(1 for _ in islice(data_lines(path), FEW)), False
    else:
        with pysam.AlignmentFile(str(path), check_sq=False) as reads:
            usable, paired = _usable_reads(reads, fragments)
    if usable >= FEW:
        return ""
    what = "properly paired reads (flag 0x2): of pairs MACS3 uses no others" if paired else "reads"
    return f"{usable} {what}; too few to call peaks"


def _usable_reads(reads: pysam.AlignmentFile, fragments: bool) -> tuple[int, bool]:
    """Reads that MACS3 can use, counted up to `FEW`, and whether there are pairs."""
    usable, paired = 0, False
    for read in reads:
        paired |= read.is_paired
        usable += not read.is_unmapped and (
            read.is_proper_pair or not (read.is_paired or fragments)
        )
        if usable == FEW:
            break
    return usable, paired
