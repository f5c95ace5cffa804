"""One early check: chromosome names and lengths agree between the genome and every input file."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pyBigWig
import pysam

from gexpipe.contact.hictk import hictk
from gexpipe.errors import UserError
from gexpipe.intervals import BED3, column_blocks

__all__ = ["check_names", "file_chromosomes", "text_extent"]

TEXT = ("bed", "ctss", "gtf", "tagAlign")
GTF5 = ("chrom", "source", "feature", "start", "end")
PAST_END = 1000  # bp that shifted reads and widened peaks may reach past an end


def file_chromosomes(path: str | Path, format: str) -> dict[str, int | None]:
    """Chromosome names of a file, with their length in bp where the format carries it.

    Parameters
    ----------
    path : str or Path
        The file.
    format : str
        bam, bigWig, bigBed, hic, mcool, cool, or a text table whose first column is a chromosome
        (bed, ctss, gtf).

    Raises
    ------
    UserError
        When the file cannot be opened as that format, or holds no chromosome.
    """
    try:
        names = _read(Path(path), format)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, zlib.error) as error:
        raise UserError(f"not a readable {format} file ({error})", path) from error
    if not names:
        raise UserError(f"this {format} file names no chromosome", path)
    return names


def _read(path: Path, format: str) -> dict[str, int | None]:
    if format == "bam":
        with pysam.AlignmentFile(str(path), check_sq=False) as bam:
            if next(iter(bam), None) is None:
                raise UserError("the BAM has no reads", path)
            return dict(zip(bam.references, bam.lengths, strict=True))
    if format in ("bigWig", "bigBed"):
        with pyBigWig.open(str(path)) as track:
            return dict(track.chroms())
    if format == "hic":
        matrix = hictk().MultiResFile(path)
        return {n: int(s) for n, s in matrix.chromosomes().items() if n not in ("All", "ALL")}
    if format in ("mcool", "cool"):
        import cooler  # slow to load, and most files are of other formats

        from gexpipe.contact.cool import cool_groups

        group = next(iter(cool_groups(path).values()))
        return {str(n): int(s) for n, s in cooler.Cooler(f"{path}::{group}").chromsizes.items()}
    return dict.fromkeys(text_extent(path, format))


def text_extent(path: str | Path, format: str) -> dict[str, int]:
    """Largest end on every chromosome of a text file of intervals or a GTF, bp."""
    extent: dict[str, int] = {}
    for block in column_blocks(path, GTF5 if format == "gtf" else BED3):
        for name, end in block.groupby("chrom")["end"].max().items():
            extent[str(name)] = max(extent.get(str(name), 0), int(end))
    return extent


def check_names(
    genome: dict[str, int], files: list[tuple[str, str]], wanted: list[str]
) -> list[dict[str, Any]]:
    """Compare every file with the genome.

    Parameters
    ----------
    genome : dict
        Chromosome sizes of the FASTA, bp.
    files : list of (path, format)
        Files of one cell type.
    wanted : list of str
        Chromosomes in use; a file that has none of them is refused, with a hint when only the
        ``chr`` prefix differs. Hi-C files may drop the prefix (the readers put it back).

    Returns
    -------
    list of dict
        Per file: path, format, chromosomes in common, chromosomes in use that the file lacks.

    Raises
    ------
    UserError
        Showing both sides: names, or a length that differs.
    """
    report = []
    for path, format in files:
        found = file_chromosomes(path, format)
        if format in ("hic", "mcool", "cool") and not set(found) & set(wanted):
            found = {f"chr{name}": size for name, size in found.items()}
        common = [name for name in wanted if name in found]
        if not common:
            raise UserError(
                f"chromosome names do not match: it has {', '.join(list(found)[:4])}; "
                f"the genome has {', '.join(wanted[:4])}",
                path,
            )
        for name in common:
            size = found[name]
            if name not in genome:
                raise UserError(f"{name} is in this file but not in the genome", path)
            if size is not None and size != genome[name]:
                raise UserError(
                    f"{name} is {size:,} bp here and {genome[name]:,} bp in the genome: "
                    "another assembly?",
                    path,
                )
        if format in TEXT:
            _check_extent(path, format, genome)
        lacking = [name for name in wanted if name not in found]
        report.append({"file": str(path), "format": format, "common": common, "lacking": lacking})
    return report


def _check_extent(path: str, format: str, genome: dict[str, int]) -> None:
    """A text file carries no lengths, but its coordinates lie on the genome's chromosomes."""
    for name, end in text_extent(path, format).items():
        if name in genome and end > genome[name] + PAST_END:
            raise UserError(
                f"{name} reaches {end:,} bp here and has {genome[name]:,} bp in the genome: "
                "another assembly?",
                path,
            )
