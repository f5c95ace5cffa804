"""Alignments in whatever order their portals have them become sorted and indexed ones."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pysam
import pytest

from gexpipe.abc.counts import count_reads
from gexpipe.errors import UserError
from gexpipe.peaks.sort import coordinate_bam, header_order


@pytest.fixture
def named(alignments, tmp_path):
    """The pairs, ordered by name as a merge leaves them, with the kinds of reads of raw files."""
    by_name, out = tmp_path / "by_name.bam", tmp_path / "named.bam"
    pysam.sort("-n", "-o", str(by_name), str(alignments["pairs"]), catch_stdout=False)
    with (
        pysam.AlignmentFile(str(by_name)) as bam,
        pysam.AlignmentFile(str(out), "wb", template=bam) as target,
    ):
        for number, read in enumerate(bam):
            read.flag |= {0: 0x400, 1: 0x200, 2: 0x100}.get(number % 40, 0)
            target.write(read)
    return out


def with_order(source, out, order):
    """A copy whose header says ``order``, whatever it is."""
    with pysam.AlignmentFile(str(source)) as bam:
        header = bam.header.to_dict()
        header["HD"]["SO"] = order
        with pysam.AlignmentFile(str(out), "wb", header=header) as target:
            for read in bam:
                target.write(read)
    return out


def positions(path):
    with pysam.AlignmentFile(str(path)) as bam:
        return sorted((r.query_name, r.flag, r.reference_start) for r in bam)


def test_a_sorted_file_is_linked_not_copied(alignments, tmp_path):
    out = tmp_path / "bam/single.bam"
    assert not coordinate_bam(alignments["single"], out)
    assert out.samefile(alignments["single"])
    assert (tmp_path / "bam/single.bam.bai").is_file()


def test_a_file_ordered_by_name_is_sorted_with_every_read(named, tmp_path, caplog):
    caplog.set_level("INFO", logger="gexpipe")
    assert header_order(named) == "queryname"
    out = tmp_path / "out.bam"
    assert coordinate_bam(named, out, threads=2, memory_mb=100)
    assert "is ordered by queryname: sorting it by coordinate" in caplog.text
    assert positions(out) == positions(named)
    with pysam.AlignmentFile(str(out)) as bam:
        places = [(r.reference_id, r.reference_start) for r in bam]
    assert places == sorted(places)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(("out", "."))) == [
        "out.bam", "out.bam.bai"
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["coordinate", "unsorted"])
def test_a_header_that_is_wrong_is_found_out_by_indexing(named, tmp_path, order, caplog):
    wrong = with_order(named, tmp_path / "wrong.bam", order)
    assert coordinate_bam(wrong, tmp_path / "out.bam")
    assert "cannot be indexed" in caplog.text
    assert positions(tmp_path / "out.bam") == positions(named)


def test_a_sorted_file_that_does_not_say_so_is_linked(alignments, tmp_path):
    silent = with_order(alignments["single"], tmp_path / "silent.bam", "unsorted")
    assert not coordinate_bam(silent, tmp_path / "out.bam")


def test_a_cut_file_is_named_and_leaves_nothing(named, tmp_path):
    cut = tmp_path / "cut.bam"
    cut.write_bytes(named.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"cut\.bam: .*(truncated|cut off)"):
        coordinate_bam(cut, tmp_path / "out.bam")
    assert not list(tmp_path.glob("out*"))


def test_what_is_counted_of_a_raw_file_is_said(named, tmp_path, caplog):
    caplog.set_level("INFO", logger="gexpipe")
    out = tmp_path / "out.bam"
    coordinate_bam(named, out)
    import pandas as pd

    regions = pd.DataFrame({"chrom": ["chr1"], "start": [9_000], "end": [11_000]})
    counted = count_reads(out, [regions])
    with pysam.AlignmentFile(str(out)) as bam:
        assert counted.counts[0].tolist() == [
            bam.count("chr1", 9_000, 11_000, read_callback="nofilter")
        ]
        assert counted.total == bam.mapped
        reads = np.array([r.flag for r in bam.fetch()])
    duplicates = int(np.count_nonzero(reads & 0x400))
    assert duplicates > 100
    assert f"{counted.total} mapped reads, all counted as ABC does: {counted.total} mates" in (
        caplog.text
    )
    assert f"{duplicates} duplicates" in caplog.text and "failed quality" in caplog.text


def test_the_command_sorts(named, tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-m", "gexpipe", "peaks", "sort", "--bam", str(named),
            "--out", str(tmp_path / "out.bam"), "--threads", "2",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.bam.bai").is_file()


def test_a_finished_file_outlives_a_damaged_source(alignments, tmp_path):
    source, out = tmp_path / "a.bam", tmp_path / "out.bam"
    data = alignments["single"].read_bytes()
    source.write_bytes(data)
    coordinate_bam(source, out)
    finished = [path.read_bytes() for path in (out, tmp_path / "out.bam.bai")]
    source.unlink()
    middle = len(data) // 2
    noise = bytes(byte ^ 0x5A for byte in data[middle : middle + 400])
    source.write_bytes(data[:middle] + noise + data[middle + 400 :])
    with pytest.raises(UserError, match=r"a\.bam: cannot be sorted; cut off\? \(sort: truncated"):
        coordinate_bam(source, out)
    assert [path.read_bytes() for path in (out, tmp_path / "out.bam.bai")] == finished
    empty = tmp_path / "empty.bam"
    with pysam.AlignmentFile(str(alignments["single"])) as bam:
        pysam.AlignmentFile(str(empty), "wb", template=bam).close()
    with pytest.raises(UserError, match=r"empty\.bam: the BAM has no mapped reads"):
        coordinate_bam(empty, out)
