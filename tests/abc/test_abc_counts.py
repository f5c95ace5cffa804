"""Read counting in one pass equals pysam's region by region."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pysam
import pytest

from gexpipe.abc import bam as bam_module
from gexpipe.abc.counts import count_reads, reads_per_million
from gexpipe.errors import UserError


def regions(seed: int, number: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 2900, number)
    return pd.DataFrame(
        {
            "chrom": rng.choice(["chr1", "chr2", "chrX"], number),
            "start": start,
            "end": start + rng.integers(1, 100, number),
        }
    )


@pytest.mark.parametrize("chunk", [1 << 20, 777, 60])  # 60 bytes hold no whole record
def test_counts_equal_pysam(bam, monkeypatch, chunk):
    monkeypatch.setattr(bam_module, "CHUNK", chunk)
    tables = [regions(1), regions(2, 40)]
    found = count_reads(bam, tables)
    with pysam.AlignmentFile(str(bam)) as file:
        for table, counts in zip(tables, found.counts, strict=True):
            expected = [
                file.count(r.chrom, r.start, r.end) if r.chrom != "chrX" else 0
                for r in table.itertuples()
            ]
            np.testing.assert_array_equal(counts, expected)
        assert found.total == file.mapped


def test_an_unsorted_file_without_index_counts_the_same(make_bam, tmp_path):
    shuffled = make_bam(tmp_path / "unsorted.bam", 500, seed=5, sort=False)
    ordered = tmp_path / "sorted.bam"
    pysam.sort("-o", str(ordered), str(shuffled))
    pysam.index(str(ordered))
    table = regions(3)
    np.testing.assert_array_equal(
        count_reads(shuffled, [table]).counts[0], count_reads(ordered, [table]).counts[0]
    )


def test_replicates_are_averaged_per_million(bam, make_bam, tmp_path):
    other = make_bam(tmp_path / "other.bam", 1000, seed=9)
    table = regions(1)
    files = [count_reads(path, [table]) for path in (bam, other)]
    counts, rpm = reads_per_million(files, 0)
    one, two = (1e6 * f.counts[0] / f.total for f in files)
    np.testing.assert_allclose(rpm, (one + two) / 2)
    np.testing.assert_allclose(counts, (files[0].counts[0] + files[1].counts[0]) / 2)


def test_bad_bams_are_refused(bam, tmp_path):
    with pytest.raises(UserError, match="chromosome names do not match: it has chr1, chr2"):
        count_reads(bam, [regions(1).assign(chrom="1")])
    text = tmp_path / "text.bam"
    text.write_text("not a bam")
    with pytest.raises(UserError, match="not a readable BAM"):
        count_reads(text, [regions(1)])
    cut = tmp_path / "cut.bam"
    cut.write_bytes(bam.read_bytes()[:20_000])
    with pytest.raises(UserError, match=r"cut\.bam"):
        count_reads(cut, [regions(1)])
    empty = tmp_path / "empty.bam"
    with (
        pysam.AlignmentFile(str(bam)) as file,
        pysam.AlignmentFile(str(empty), "wb", template=file),
    ):
        pass
    with pytest.raises(UserError, match="no mapped reads"):
        count_reads(empty, [regions(1)])


@pytest.mark.parametrize("damage", ["checksum", "cut in a block", "cut between blocks"])
def test_a_damaged_file_is_refused_not_counted(make_bam, tmp_path, damage):
    path = make_bam(tmp_path / "large.bam", 20_000, seed=3)
    data = bytearray(path.read_bytes())
    blocks, at = [], 0
    while at < len(data):
        blocks.append(at)
        at += int.from_bytes(data[at + 16 : at + 18], "little") + 1
    assert len(blocks) > 6
    if damage == "checksum":
        data[blocks[4] - 8] ^= 1
    else:
        del data[blocks[4] + (100 if damage == "cut in a block" else 0) :]
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"damaged|ends within a record"):
        count_reads(path, [regions(1)])
