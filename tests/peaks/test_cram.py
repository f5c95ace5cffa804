from __future__ import annotations

import pysam
import pytest

from gexpipe.errors import UserError
from gexpipe.peaks.cram import cram_to_bam

LENGTHS = {"chr1": 200_000, "chr2": 100_000, "chr3": 50_000}


@pytest.fixture
def genome(tmp_path):
    """FASTA writer: a genome of one letter."""

    def write(letter, name="genome.fa"):
        path = tmp_path / name
        lines = [f">{chrom}\n{letter * size}\n" for chrom, size in LENGTHS.items()]
        path.write_text("".join(lines))
        pysam.faidx(str(path))
        return path

    return write


@pytest.fixture
def cram(alignments, genome, tmp_path):
    path = tmp_path / "reads.cram"
    fasta = str(genome("A"))
    pysam.view("-C", "-T", fasta, "-o", str(path), str(alignments["single"]), catch_stdout=False)
    return path


def lines(path):
    with pysam.AlignmentFile(str(path)) as bam:
        return [(r.query_name, r.flag, r.reference_start, r.cigarstring, r.seq) for r in bam]


def test_a_cram_becomes_the_bam_it_came_from(cram, genome, alignments, tmp_path):
    out = tmp_path / "out/reads.bam"
    cram_to_bam(cram, genome("A"), out)
    assert lines(out) == lines(alignments["single"])


def test_a_wrong_or_absent_reference_is_refused(cram, genome, tmp_path):
    out = tmp_path / "out/reads.bam"
    other = genome("C", "other.fa")
    (tmp_path / "genome.fa").unlink()
    for fasta in (other, None):
        with pytest.raises(UserError, match=r"reads\.cram: cannot be converted; is its reference"):
            cram_to_bam(cram, fasta, out)
    assert not out.exists()


def test_a_file_that_is_no_cram(alignments, tmp_path):
    with pytest.raises(UserError, match=r"single\.bam: not a CRAM file"):
        cram_to_bam(alignments["single"], None, tmp_path / "out.bam")
