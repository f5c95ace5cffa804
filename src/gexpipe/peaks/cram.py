"""CRAM to BAM: peak calling and counting read BAM only."""

from __future__ import annotations

import os
from pathlib import Path

import pysam

from gexpipe.errors import UserError
from gexpipe.files import aside, require

__all__ = ["cram_to_bam"]


def cram_to_bam(cram: Path, fasta: Path | None, out: Path) -> None:
    """Convert CRAM to BAM.

    Parameters
    ----------
    cram : Path
        Alignments; their order is kept.
    fasta : Path or None
        The genome they were aligned to, with ``.fai``; None where the CRAM embeds it.
    out : Path
        BAM to write.

    Raises
    ------
    UserError
        When it is no CRAM, ends early, or its reference is not the one given.
    """
    require(cram, "CRAM file")
    if cram.open("rb").read(4) != b"CRAM":
        raise UserError("not a CRAM file", cram)
    # htslib would otherwise ask a web service for every reference sequence that it lacks.
    os.environ["REF_PATH"] = os.devnull
    reference = ["-T", str(require(fasta, "FASTA file"))] if fasta else []
    try:
        with aside(out) as temporary:
            pysam.view("-b", *reference, "-o", str(temporary), str(cram), catch_stdout=False)
    except (pysam.SamtoolsError, OSError) as error:
        raise UserError(
            f"cannot be converted; is its reference {fasta}? ({error})", cram
        ) from error
