"""The genome: one plain, indexed FASTA and its chromosome sizes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pysam

from gexpipe.errors import UserError, at_row
from gexpipe.files import aside, open_binary, require
from gexpipe.intervals import data_lines
from gexpipe.log import get_logger

__all__ = ["prepare_genome", "read_sizes"]

logger = get_logger(__name__)


def prepare_genome(source: str | Path, fasta: str | Path, sizes: str | Path) -> None:
    """Decompress and index a FASTA file and write its chromosome sizes.

    Parameters
    ----------
    source : str or Path
        FASTA, gzipped or not.
    fasta, sizes : str or Path
        Outputs: plain FASTA with ``.fai`` beside it; two-column TSV (name, length in bp).
    """
    origin = require(source, "FASTA file")
    with aside(fasta) as temporary:
        with open_binary(origin) as read, temporary.open("wb") as write:
            shutil.copyfileobj(read, write, 1 << 22)
        with temporary.open("rb") as handle:
            if handle.read(1) != b">":
                raise UserError("not a FASTA file: it does not start with '>'", origin)
        # Indexed before it gets its name: a genome that is there has its index.
        try:
            pysam.faidx(str(temporary))
        except (pysam.SamtoolsError, OSError) as error:
            raise UserError(f"cannot be indexed: damaged FASTA? ({error})", origin) from error
        Path(f"{temporary}.fai").replace(f"{fasta}.fai")
    with pysam.FastaFile(str(fasta)) as genome, aside(sizes) as temporary:
        lines = [
            f"{n}\t{size}\n" for n, size in zip(genome.references, genome.lengths, strict=True)
        ]
        temporary.write_text("".join(lines))
        logger.info("genome: %d sequences, %d bp", len(lines), sum(genome.lengths))


def read_sizes(path: str | Path) -> dict[str, int]:
    """Chromosome name -> length in bp."""
    sizes: dict[str, int] = {}
    for number, line in data_lines(require(path, "table of chromosome sizes")):
        fields = line.split("\t")
        if len(fields) < 2 or not fields[1].strip().isdecimal() or int(fields[1]) == 0:
            raise UserError(
                "expected chromosome name and length, tab-separated", at_row(path, number)
            )
        if sizes.setdefault(fields[0], int(fields[1])) != int(fields[1]):
            raise UserError(f"{fields[0]} has two lengths", at_row(path, number))
    if not sizes:
        raise UserError("no chromosome in this table of chromosome sizes", path)
    return sizes
