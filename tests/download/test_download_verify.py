from __future__ import annotations

import gzip
from pathlib import Path

import pysam
import pytest

from gexpipe.download.verify import check_format, digests
from gexpipe.errors import UserError

GOOD = {
    "bigWig": b"\x26\xfc\x8f\x88rest",
    "bigBed": b"\xeb\xf2\x89\x87rest",
    "hic": b"HIC\0\x09\0\0\0",
    "mcool": b"\x89HDF\r\n\x1a\nrest",
    "fasta": gzip.compress(b">chr1\nACGT\n"),
    "gtf": b"##provider: GENCODE\n",
    "ctss": gzip.compress(b"chr1\t1\t2\tx\t1\t+\n"),
    "bed": b"chr1\t1\t2\n",
}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", GOOD)
def test_right_bytes_pass_and_others_do_not(tmp_path: Path, name: str) -> None:
    check_format(write(tmp_path / "good", GOOD[name]), name, "good")
    for bad in (b"", b"<!DOCTYPE html>", b"\0\1\2\3", gzip.compress(b"<html>login")):
        with pytest.raises(UserError, match="bad"):
            check_format(write(tmp_path / "bad", bad), name, "bad")


def test_bam(tmp_path: Path) -> None:
    path = tmp_path / "x.bam"
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 100}]}
    with pysam.AlignmentFile(str(path), "wb", header=header):
        pass
    check_format(path, "bam", "x")
    with pytest.raises(UserError, match="cut off"):
        check_format(write(tmp_path / "cut.bam", path.read_bytes()[:-10]), "bam", "cut")
    with pytest.raises(UserError, match="expected bam"):
        check_format(write(tmp_path / "not.bam", gzip.compress(b"text")), "bam", "not")


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="known: bam, bed"):
        check_format(write(tmp_path / "x", b"text"), "sra", "x")


def test_digests(tmp_path: Path) -> None:
    found = digests(write(tmp_path / "x", b"abc"))
    assert found.size == 3
    assert found.md5 == "900150983cd24fb0d6963f7d28e17f72"
    assert found.sha256.startswith("ba7816bf")
