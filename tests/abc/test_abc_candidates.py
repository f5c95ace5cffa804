"""Candidate elements: the published chr22 run, and the interval arithmetic beneath."""

from __future__ import annotations

import gzip
import shutil

import numpy as np
import pandas as pd
import pytest

from gexpipe.abc.candidates import candidate_elements, read_peaks, strongest, write_bed
from gexpipe.abc.intervals import drop_overlapping, merge, overlaps_any
from gexpipe.errors import UserError
from gexpipe.intervals import read_intervals
from gexpipe.reference.genome import read_sizes

SIZES = {"chr2": 1000, "chr10": 1000}


def bed(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


def test_published_candidate_regions_byte_for_byte(shared, tmp_path):
    run, reference = shared / "data/abc_k562_chr22_bam", shared / "data/reference_hg38"
    peaks = read_peaks(run / "peaks/macs2_peaks.narrowPeak.gz")
    counts = read_intervals(run / "peaks/macs2_peaks.Counts.bed.gz", ["chrom", "start", "end", "n"])
    found = candidate_elements(
        peaks,
        counts["n"].to_numpy(np.float64),
        read_sizes(reference / "GRCh38_EBV.no_alt.chrom.sizes.tsv"),
        read_intervals(reference / "GRCh38_unified_blacklist.bed"),
        read_intervals(run / "reference/TSS500bp.chr22.hg38.bed"),
    )
    write_bed(found, tmp_path / "candidates.bed")
    published = gzip.decompress((run / "peaks/candidateRegions.bed.gz").read_bytes())
    assert (tmp_path / "candidates.bed").read_bytes() == published


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")
def test_blacklist_engines_agree_on_the_real_peaks(shared):
    peaks = read_intervals(shared / "data/abc_k562_chr22_bam/peaks/macs2_peaks.narrowPeak.gz")
    black = read_intervals(shared / "data/reference_hg38/GRCh38_unified_blacklist.bed")
    ours, theirs = drop_overlapping(peaks, black), drop_overlapping(peaks, black, "bedtools")
    assert 0 < len(ours) < len(peaks)
    pd.testing.assert_frame_equal(ours, theirs.reset_index(drop=True), check_dtype=False)


def test_merge_joins_touching_intervals_in_genome_order():
    table = bed(("chr10", 5, 9), ("chr2", 7, 8), ("chr2", 0, 5), ("chr2", 5, 6))
    table["count"] = [1, 2, 3, 4]
    merged = merge(table, SIZES)
    assert merged.values.tolist() == [["chr2", 0, 6, 4], ["chr2", 7, 8, 2], ["chr10", 5, 9, 1]]


def test_overlap_needs_one_shared_base():
    table = bed(("chr2", 0, 5), ("chr2", 5, 9), ("chr2", 20, 30), ("chr10", 0, 9))
    others = bed(("chr2", 5, 6), ("chr2", 25, 26))
    assert overlaps_any(table, others).tolist() == [False, True, True, False]


def test_strongest_keeps_the_most_read_regions_and_orders_ties_by_line():
    peaks = bed(("chr2", 0, 5), ("chr2", 10, 15), ("chr10", 0, 5), ("chr2", 4, 6))
    counts = np.array([1.0, 7.0, 7.0, 9.0])
    kept = strongest(peaks, counts, 2, SIZES)
    assert kept[["chrom", "start", "end"]].values.tolist() == [["chr2", 0, 6], ["chr2", 10, 15]]


def test_promoters_are_added_even_where_blacklisted_and_ends_are_cut():
    peaks = bed(("chr2", 0, 40), ("chr2", 500, 600)).assign(summit=[10, 50])
    found = candidate_elements(
        peaks,
        np.array([5.0, 5.0]),
        SIZES,
        blacklist=bed(("chr2", 540, 560)),
        promoters=bed(("chr2", 545, 555), ("chrUn", 1, 2)),
        extend=30,
    )
    assert found.values.tolist() == [["chr2", 0, 40], ["chr2", 545, 555]]


def test_bad_files_are_named(tmp_path):
    short = tmp_path / "short.bed"
    short.write_text("chr1\t5\n")
    with pytest.raises(UserError, match=r"short\.bed, row 1: 2 columns"):
        read_intervals(short)
    words = tmp_path / "words.bed"
    words.write_text("chr1\tfive\t9\n")
    with pytest.raises(UserError, match="start is 'five', expected a whole number"):
        read_intervals(words)
    broad = tmp_path / "broad.narrowPeak"
    broad.write_text("chr1\t0\t9\tp\t1\t.\t1\t1\t1\t-1\n")
    with pytest.raises(UserError, match="call peaks with summits"):
        read_peaks(broad)
