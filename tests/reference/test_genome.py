from __future__ import annotations

import gzip

import pysam
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.genome import prepare_genome, read_sizes

FASTA = b">chr1 first\nACGTACGTAC\nACG\n>chr2\nNNNN\n"


@pytest.mark.parametrize("zipped", [True, False])
def test_genome_is_plain_indexed_and_measured(tmp_path, zipped):
    source, fasta, sizes = tmp_path / "in", tmp_path / "out/g.fa", tmp_path / "out/chrom.sizes"
    source.write_bytes(gzip.compress(FASTA) if zipped else FASTA)
    prepare_genome(source, fasta, sizes)
    assert fasta.read_bytes() == FASTA
    assert read_sizes(sizes) == {"chr1": 13, "chr2": 4}
    with pysam.FastaFile(str(fasta)) as genome:
        assert genome.fetch("chr1", 8, 12) == "ACAC"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            gzip.compress(FASTA * 2000, mtime=0)[:-30],
            r"in\.fa\.gz: its gzip compression is cut off or damaged",
        ),
        (
            gzip.compress(FASTA * 2000, mtime=0)[:60] + b"\xff" * 200,
            r"in\.fa\.gz: its gzip compression is cut off or dama",
        ),
        (gzip.compress(b"ACGT\n", mtime=0), "not a FASTA file: it does not start with '>'"),
        (b"", "this FASTA file is empty"),
    ],
)
def test_a_bad_source_leaves_nothing_behind(tmp_path, content, message):
    source, out = tmp_path / "in.fa.gz", tmp_path / "out"
    source.write_bytes(content)
    with pytest.raises(UserError, match=message):
        prepare_genome(source, out / "genome.fa", out / "chrom.sizes")
    assert not out.exists() or not list(out.iterdir())


def test_sizes_name_the_bad_line(tmp_path):
    path = tmp_path / "chrom.sizes"
    path.write_text("chr1\t13\nchr2 4\n")
    with pytest.raises(UserError, match=r"chrom\.sizes, row 2: expected chromosome name"):
        read_sizes(path)
