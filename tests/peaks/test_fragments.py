"""Single-cell fragments as the accessibility of one cell type; peaks that were called before."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path

import pandas as pd
import pyBigWig
import pytest
from typer.testing import CliRunner

from gexpipe.abc.counts import count_reads
from gexpipe.cli import peaks as cli
from gexpipe.errors import UserError
from gexpipe.peaks.fragments import coverage, pseudobulk, read_labels
from gexpipe.peaks.given import take_peaks

HEAD = "# id=library\n# description=made by hand\n"
ROWS = [
    ("chr1", 100, 300, "AAAC-1", 2),
    ("chr1", 150, 151, "AAAG-1", 1),
    ("chr2", 10, 60, "AAAC-1", 7),
    ("chrM", 5, 90, "AAAC-1", 1),
    ("chr2", 20, 80, "TTTT-1", 1),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "sizes").write_text("chr1\t1000\nchr2\t500\n")
    text = HEAD + "".join("\t".join(map(str, row)) + "\n" for row in ROWS)
    with gzip.open(tmp_path / "fragments.tsv.gz", "wt") as handle:
        handle.write(text)
    (tmp_path / "labels.csv").write_text(
        "barcode,label\nAAAC-1,CD4 T/naive\nAAAG-1,CD4 T/naive\nTTTT-1,B\n"
    )
    return tmp_path


def take(files: Path, **options: object) -> dict[str, int]:
    table, out = files / "fragments.tsv.gz", files / "out.tagAlign.gz"
    return pseudobulk(table, files / "sizes", out, **options)  # type: ignore[arg-type]


def test_insertions_of_one_cell_type_are_taken_once_a_fragment(files: Path) -> None:
    record = take(files, labels=files / "labels.csv", cell="CD4_T_naive")
    assert record == {
        "fragments": 5, "taken": 3, "other_cells": 1, "other_chromosomes": 1, "barcodes": 2,
        "listed": 2,
    }  # fmt: skip
    assert json.loads((files / "out.tagAlign.gz.json").read_text()) == record
    table = pd.read_csv(files / "out.tagAlign.gz", sep="\t", header=None)
    found = [tuple(row) for row in table[[0, 1, 2, 5]].itertuples(index=False)]
    assert found == [
        ("chr1", 100, 101, "+"), ("chr1", 299, 300, "-"), ("chr1", 150, 151, "+"),
        ("chr1", 150, 151, "-"), ("chr2", 10, 11, "+"), ("chr2", 59, 60, "-"),
    ]  # fmt: skip
    regions = pd.DataFrame({"chrom": ["chr1", "chr1"], "start": [100, 299], "end": [151, 300]})
    counted = count_reads(files / "out.tagAlign.gz", [regions], {"chr1": 1000, "chr2": 500})
    assert counted.counts[0].tolist() == [3, 1] and counted.total == 6


def test_without_labels_all_count_and_few_are_said(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "gexpipe"):
        assert take(files)["taken"] == 4
    assert "4 of 5 fragments, of 3 barcodes" in caplog.text
    assert "4 fragments, fewer than the 3000000" in caplog.text


def test_the_signal_is_insertions_within_75_bp_per_million(files: Path) -> None:
    take(files, labels=files / "labels.csv", cell="B")
    assert coverage([files / "out.tagAlign.gz"], files / "sizes", files / "out.bigWig") == 2
    with pyBigWig.open(str(files / "out.bigWig")) as track:
        values = track.values("chr2", 0, 200, numpy=True)
        assert track.chroms() == {"chr1": 1000, "chr2": 500}
    assert values[:95].tolist() == [5e5] * 4 + [1e6] * 91
    assert values[95:154].tolist() == [5e5] * 59 and values[154] != values[154]


def test_malformed_fragments_and_labels_are_one_line(files: Path) -> None:
    labels = files / "labels.csv"
    with pytest.raises(
        UserError, match=r"no barcode has the label 'K562'; there are B, CD4 T/naive"
    ):
        read_labels(labels, "K562")
    labels.write_text("barcode\tlabel\nAAAC-1\tA\nAAAC-1\tB\n")
    with pytest.raises(UserError, match=r"labels.csv, row 3: barcode AAAC-1 has several labels"):
        read_labels(labels, "A")
    labels.write_text("cell\tlabel\nAAAC-1\tA\n")
    with pytest.raises(UserError, match="missing column 'barcode'"):
        read_labels(labels, "A")
    labels.write_text("barcode\tlabel\nAAAC_1\tA\n")
    with pytest.raises(UserError, match="none of its barcodes is in the table of barcodes"):
        take(files, labels=labels, cell="A")
    assert not (files / "out.tagAlign.gz").exists()
    for text, words in (
        ("chr1\t5\t9\tAAAC-1\n", "row 1: 4 columns, expected 5"),
        ("chr1\t5\t9\tAAAC-1\t0\n", "row 1: column 5 is '0', expected how often"),
        ("chr1\t9\t5\tAAAC-1\t1\n", "expected 0 <= start < end"),
        ("chr1\t5\t5000\tAAAC-1\t1\n", "which has 1,000 bp: another assembly"),
        ("1\t5\t9\tAAAC-1\t1\n", "chromosome names do not match: it has 1; the genome has chr1"),
        ("# nothing\n", "no fragment in this file"),
    ):
        (files / "fragments.tsv.gz").write_bytes(gzip.compress(text.encode()))
        with pytest.raises(UserError) as error:
            take(files)
        assert words in str(error.value)


def test_barcodes_without_a_label_to_take_are_refused(files: Path) -> None:
    options = ["--fragments", "f", "--chrom-sizes", "s", "--out", "o", "--barcodes", "b"]
    done = CliRunner().invoke(cli.app, ["fragments", *options])
    assert isinstance(done.exception, UserError) and "--cell" in str(done.exception)


def test_given_peaks_are_checked_and_written_plain(tmp_path: Path) -> None:
    (tmp_path / "sizes").write_text("chr1\t1000\n")
    row = "chr1\t10\t90\tp\t5\t.\t1\t2\t3\t40\n"
    (tmp_path / "peaks.gz").write_bytes(gzip.compress(f"track name=x\n{row}".encode()))
    out = tmp_path / "peaks.narrowPeak"
    assert take_peaks(tmp_path / "peaks.gz", tmp_path / "sizes", (1, 5), out) == 1
    assert out.read_text() == row
    assert json.loads((tmp_path / "peaks.json").read_text())["in_expected_range"]
    (tmp_path / "peaks.gz").write_text("chr1\t10\t90\n")
    with pytest.raises(UserError, match="3 columns, expected 10"):
        take_peaks(tmp_path / "peaks.gz", tmp_path / "sizes", (1, 5), out)
