"""Counting in tagAlign files."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pysam
import pytest

from gexpipe import intervals
from gexpipe.abc import tags
from gexpipe.abc.counts import count_reads
from gexpipe.errors import UserError


@pytest.fixture
def tag_file(bam, tmp_path):
    """The mapped reads of the BAM, shuffled."""
    with pysam.AlignmentFile(str(bam)) as file:
        lines = [
            f"{r.reference_name}\t{r.reference_start}\t{r.reference_end}\tN\t0\t+\n"
            for r in file
            if not r.is_unmapped
        ]
    np.random.default_rng(0).shuffle(lines)
    path = tmp_path / "reads.tagAlign.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


@pytest.mark.parametrize("size", [1 << 20, 100])
def test_counts_equal_every_overlap(tag_file, monkeypatch, size):
    monkeypatch.setattr(intervals, "BLOCK", size)
    rng = np.random.default_rng(1)
    start = rng.integers(0, 2900, 200)
    regions = pd.DataFrame(
        {"chrom": rng.choice(["chr1", "chrX"], 200), "start": start, "end": start + 60}
    )
    reads = pd.read_csv(tag_file, sep="\t", header=None)
    expected = [
        int(((reads[0] == r.chrom) & (reads[1] < r.end) & (reads[2] > r.start)).sum())
        for r in regions.itertuples()
    ]
    found = count_reads(tag_file, [regions])
    np.testing.assert_array_equal(found.counts[0], expected)
    assert found.total == len(reads)


def test_extent_and_refusals(tag_file, tmp_path):
    reads = pd.read_csv(tag_file, sep="\t", header=None)
    assert tags.tag_extent(tag_file) == reads.groupby(0)[2].max().to_dict()
    regions = pd.DataFrame({"chrom": ["1"], "start": [0], "end": [9]})
    with pytest.raises(
        UserError, match=r"do not match: the reads lie on chr1, chr2; the regions on 1"
    ):
        count_reads(tag_file, [regions])
    bad = tmp_path / "bad.tagAlign"
    bad.write_text("chr1\tx\t5\n")
    with pytest.raises(
        UserError, match=r"bad\.tagAlign, row 1: start is 'x', expected a whole number"
    ):
        count_reads(bad, [regions])


def test_the_total_is_that_of_abc(tmp_path, caplog):
    """ABC counts the lines of numbered chromosomes, X and Y (grep), unplaced parts included."""
    caplog.set_level("INFO", "gexpipe")
    names = ["chr1", "chr10", "chr1_KI270706v1_random", "chrX", "chrM", "chrUn_1", "chrEBV"]
    path = tmp_path / "reads.tagAlign"
    path.write_text("".join(f"{name}\t10\t50\tN\t1000\t+\n" for name in names))
    regions = pd.DataFrame({"chrom": ["chr1", "chrM"], "start": [0, 0], "end": [99, 99]})
    found = count_reads(path, [regions])
    assert found.total == 4
    assert found.counts[0].tolist() == [1, 1]
    assert "3 reads are not in the total" in caplog.text


def test_all_reads_are_the_total_where_names_lack_chr(tmp_path):
    path = tmp_path / "reads.tagAlign"
    path.write_text("1\t10\t50\tN\t1000\t+\nMT\t10\t50\tN\t1000\t+\n")
    assert count_reads(path, [pd.DataFrame({"chrom": ["1"], "start": [0], "end": [9]})]).total == 2
