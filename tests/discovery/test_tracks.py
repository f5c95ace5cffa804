"""Scores as browser files: what other readers find in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from typer.testing import CliRunner

from gexpipe.cli.discover import app
from gexpipe.discovery.files import BaseScores, write_bases, write_links
from gexpipe.discovery.tracks import Track, write_bigwig, write_hub
from gexpipe.errors import UserError

SIZES = {"chr1": 1000, "chr2": 300}


def found() -> BaseScores:
    """Windows of 100 bp: two that overlap by 40, one apart, one over a chromosome's end."""
    genes = pd.DataFrame(
        {"gene_id": ["a", "b", "c", "d"], "chrom": ["chr1", "chr1", "chr1", "chr2"]}
    ).assign(tss=[210, 150, 700, 280])
    scores = np.zeros((4, 100), np.float32)
    scores[0, :30] = 0.5  # 160-190
    scores[1, 50:80] = 0.25  # 150-180
    scores[2] = np.arange(100) / 128
    scores[3, 60:] = 1  # 290-330; the chromosome ends at 300
    return BaseScores(genes, scores)


def test_bigwig_holds_the_largest_score_of_overlapping_windows(tmp_path: Path) -> None:
    write_bigwig(tmp_path / "a.bw", found(), SIZES)
    with pyBigWig.open(str(tmp_path / "a.bw")) as track:
        assert track.chroms() == SIZES
        values = np.array(track.values("chr1", 0, 1000))
        end = np.array(track.values("chr2", 0, 300))
    expected = np.full(1000, np.nan)
    expected[100:260] = 0
    expected[150:180] = 0.25
    expected[160:190] = 0.5
    expected[650:750] = np.arange(100) / 128
    np.testing.assert_array_equal(values, expected)
    assert np.isnan(end[:230]).all()
    assert end[230:290].max() == 0
    assert end[290:].min() == 1


def test_a_chromosome_without_length_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no length of chr2"):
        write_bigwig(tmp_path / "a.bw", found(), {"chr1": 1000})
    assert not (tmp_path / "a.bw").exists()


def test_command_writes_bed_and_links(tmp_path: Path) -> None:
    links = pd.DataFrame(
        {
            "gene_id": ["a", "b", "a", "c"], "chrom": "chr1", "start": [120, 120, 180, 660],
            "end": [140, 140, 200, 690], "distance": 1, "score": [0.5, 1.0, -3.0, 0.25],
        }
    )  # fmt: skip
    write_links(tmp_path / "l.parquet", links)
    write_bases(tmp_path / "b.zarr.zip", found(), {})
    genes = found().genes.assign(symbol="s", strand="+", start=1, end=2, source="x", biotype="y")
    genes.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    (tmp_path / "sizes").write_text("chr1\t1000\nchr2\t300\n")
    done = CliRunner().invoke(
        app,
        [
            "tracks", "--links", str(tmp_path / "l.parquet"), "--share", "0.75",
            "--genes", str(tmp_path / "genes.tsv"), "--chrom-sizes", str(tmp_path / "sizes"),
            "--bases", str(tmp_path / "b.zarr.zip"), "--bigwig", str(tmp_path / "s.bw"),
            "--bed", str(tmp_path / "s.bed"), "--bedpe", str(tmp_path / "s.bedpe"),
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    bed = (tmp_path / "s.bed").read_text().splitlines()
    assert bed == ["chr1\t120\t140\tb\t1000", "chr1\t660\t690\tc\t250"]
    first = (tmp_path / "s.bedpe").read_text().splitlines()[0].split("\t")
    assert first == ["chr1", "120", "140", "chr1", "210", "211", "a", "0.5", ".", "."]
    assert pyBigWig.open(str(tmp_path / "s.bw")).isBigWig()


def test_hub_names_its_tracks(tmp_path: Path) -> None:
    write_hub(tmp_path / "hub.txt", "mine", "hg38", [Track("K562/a.bw", "Seq2Exp-soft mask, K562")])
    text = (tmp_path / "hub.txt").read_text()
    assert "useOneFile on" in text
    assert "genome hg38" in text
    assert "bigDataUrl K562/a.bw\nshortLabel Seq2Exp-soft mask\n" in text
