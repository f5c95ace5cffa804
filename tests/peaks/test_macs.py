from __future__ import annotations

import gzip
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pysam
import pytest

from gexpipe.errors import UserError
from gexpipe.peaks.macs import call_peaks, covered_size, index_bam

SITES = np.arange(10_000, 200_000, 20_000)
ABC = {"pvalue": 0.01, "shift": -75, "extsize": 150, "genome_size": "covered", "expected": (5, 50)}


def summits(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert rows == sorted(rows, key=lambda r: (r[0], int(r[1]), int(r[2]), int(r[9])))
    return np.array([int(r[1]) + int(r[9]) for r in rows if r[0] == "chr1" and float(r[7]) > 20])


@pytest.mark.parametrize("case", range(6))
def test_the_pinned_macs3_gives_the_published_ctcf_peaks(shared, tmp_path, case):
    folder = shared / "data/macs3_ctcf_chr22"
    line = (folder / "commands.txt").read_text().splitlines()[case]
    values = {
        "$CHIP": str(folder / "CTCF_SE_ChIP_chr22_50k.bed.gz"),
        "$CTRL": str(folder / "CTCF_SE_CTRL_chr22_50k.bed.gz"),
        "OUT": str(tmp_path),
        "macs3": str(Path(sys.executable).with_name("macs3")),
    }
    command = [values.get(word, word) for word in line.split()]
    subprocess.run(command, check=True, capture_output=True)
    for kind in ("peaks.narrowPeak", "summits.bed"):
        name = f"run_callpeak_narrow{case}_{kind}"
        [expected] = (folder / "expected").glob(f"{name}*")
        content = expected.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        assert (tmp_path / name).read_bytes() == content, name


def test_peaks_are_found_and_recorded(alignments, tmp_path):
    out = tmp_path / "peaks.narrowPeak"
    number = call_peaks([alignments["single"]], out, **ABC)
    found = summits(out)
    assert all(np.abs(found - site).min() < 150 for site in SITES)
    record = json.loads((tmp_path / "peaks.json").read_text())
    assert record["macs3"] == version("macs3") == "3.0.4"
    assert record["peaks"] == number == len(out.read_text().splitlines())
    assert record["in_expected_range"]
    # chr2 carries no read.
    assert record["arguments"][:5] == ["callpeak", "-f", "BAM", "-g", "250000"]
    assert {"--shift", "-75", "--call-summits"} <= set(record["arguments"])


def test_replicates_are_pooled(alignments, tmp_path):
    files = [alignments["single"], alignments["second"]]
    call_peaks(files, tmp_path / "both.narrowPeak", **ABC)
    call_peaks(files[:1], tmp_path / "one.narrowPeak", **ABC)
    record = json.loads((tmp_path / "both.json").read_text())
    assert record["files"] == ["single.bam", "second.bam"]

    def strongest(name):
        rows = (tmp_path / name).read_text().splitlines()
        return max(float(row.split("\t")[7]) for row in rows)

    assert strongest("both.narrowPeak") > strongest("one.narrowPeak")


def test_pairs_are_called_by_their_first_mates_as_abc_does(alignments, tmp_path):
    out = tmp_path / "peaks.narrowPeak"
    call_peaks([alignments["pairs"]], out, **ABC)
    arguments = json.loads((tmp_path / "peaks.json").read_text())["arguments"]
    assert arguments[2] == "BAM" and "--shift" in arguments
    # All first mates are forward here, so the cut site is the start of the fragment.
    found = summits(out)
    assert all(np.abs(found - site).min() < 60 for site in SITES)


def test_single_and_paired_files_are_pooled(alignments, tmp_path):
    files = [alignments["single"], alignments["pairs"]]
    call_peaks(files, tmp_path / "both.narrowPeak", **ABC)
    found = summits(tmp_path / "both.narrowPeak")
    assert all(np.abs(found - site).min() < 100 for site in SITES)


def test_pairs_are_called_as_fragments_by_choice(alignments, tmp_path):
    out = tmp_path / "peaks.narrowPeak"
    call_peaks([alignments["pairs"]], out, **ABC, pairs="fragments")
    arguments = json.loads((tmp_path / "peaks.json").read_text())["arguments"]
    assert arguments[2] == "BAMPE"
    assert "--shift" not in arguments
    # The middle of a fragment lies 60 bp after its start.
    found = summits(out)
    assert all(np.abs(found - site - 60).min() < 60 for site in SITES)
    with pytest.raises(UserError, match=r"single\.bam: 3001 mapped reads are not of pairs"):
        call_peaks([alignments["pairs"], alignments["single"]], out, **ABC, pairs="fragments")


def test_tag_align_gives_the_peaks_of_the_bam(alignments, tmp_path):
    size = {**ABC, "genome_size": 250_000}
    call_peaks([alignments["single"]], tmp_path / "bam.narrowPeak", **size)
    call_peaks([alignments["tags"]], tmp_path / "tags.narrowPeak", **size)
    same = [(tmp_path / f"{name}.narrowPeak").read_bytes() for name in ("bam", "tags")]
    assert same[0] == same[1]
    assert json.loads((tmp_path / "tags.json").read_text())["arguments"][2] == "BED"
    assert 180_000 < covered_size([alignments["tags"]]) < 201_100


def test_a_number_outside_the_range_is_warned_of_and_recorded(alignments, tmp_path, caplog):
    caplog.set_level("WARNING", logger="gexpipe")
    out = tmp_path / "peaks.narrowPeak"
    wide = {**ABC, "expected": (50_000, 1_000_000)}
    number = call_peaks([alignments["single"]], out, **wide)
    assert not json.loads((tmp_path / "peaks.json").read_text())["in_expected_range"]
    assert f"{number} peaks; between 50000 and 1000000 were expected" in caplog.text


def empty_copy(source, path):
    with (
        pysam.AlignmentFile(str(source)) as bam,
        pysam.AlignmentFile(str(path), "wb", template=bam),
    ):
        return path


def test_alignments_that_cannot_be_called_are_refused(alignments, tmp_path):
    def refused(files, message):
        with pytest.raises(UserError, match=message):
            call_peaks(files, tmp_path / "peaks.narrowPeak", **ABC)
        assert not (tmp_path / "peaks.narrowPeak").exists()

    single = alignments["single"]
    refused([single, alignments["tags"]], "BAM and tagAlign files cannot be pooled")
    refused([tmp_path / "a.cram"], "MACS3 reads no CRAM; make a BAM with `gexpipe peaks convert`")
    refused([tmp_path / "absent.bam"], r"absent\.bam: no such alignment file")
    empty = empty_copy(single, tmp_path / "empty.bam")
    refused([empty], "no such index")
    with pytest.raises(UserError, match=r"empty\.bam: the BAM has no mapped reads"):
        index_bam(empty)
    pysam.index(str(empty))
    refused([empty], r"empty\.bam: the BAM has no mapped reads")
    tags = tmp_path / "empty.tagAlign.gz"
    tags.write_bytes(gzip.compress(b""))
    refused([tags], r"empty\.tagAlign\.gz")


def test_an_unsorted_bam_is_named(alignments, tmp_path):
    path = tmp_path / "unsorted.bam"
    with pysam.AlignmentFile(str(alignments["single"])) as bam:
        reads = list(bam)
        with pysam.AlignmentFile(str(path), "wb", template=bam) as out:
            for read in reversed(reads):
                out.write(read)
    with pytest.raises(UserError, match=r"unsorted\.bam: cannot be indexed"):
        index_bam(path)
    assert not path.with_suffix(".bam.bai").exists()
