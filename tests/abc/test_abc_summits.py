"""Bins around H3K27ac summits: where they lie, which stay, what their activity is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from typer.testing import CliRunner

from gexpipe.abc.intervals import overlaps_any
from gexpipe.abc.summits import BinOptions, summit_bins
from gexpipe.cli.main import app
from gexpipe.config import load_yaml
from gexpipe.errors import UserError
from tests.abc.conftest import LENGTHS
from tests.project import ROOT

SETS = load_yaml(ROOT / "config/config.yaml")["summits"]["sets"]
SIZES = {"chr1": 100_000, "chr2": 50_000}
NOWHERE = pd.DataFrame({"chrom": [], "start": [], "end": []})


def peaks(*rows: tuple[str, int, float]) -> pd.DataFrame:
    """Peaks of 400 bp with their summit in the middle: (chrom, summit, signal)."""
    table = pd.DataFrame(rows, columns=["chrom", "at", "signal"])
    return table.assign(start=table["at"] - 200, end=table["at"] + 200, summit=200)


def options(name: str, **changes: float) -> BinOptions:
    chosen = {**SETS[name], **changes}
    return BinOptions(tuple(chosen.pop("offsets")), **chosen)


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        # 256 bp that overlap by 100 bp: 9,872 = 10,000 - 128, and 156 bp to either side.
        ("paper", [9716, 9872, 10_028]),
        ("repository", [9488, 9680, 9872, 10_064, 10_256]),
        ("released", [9872, 10_028]),
    ],
)
def test_bins_lie_where_each_recipe_has_them(name: str, starts: list[int]) -> None:
    table = summit_bins(peaks(("chr1", 10_000, 1.0)), SIZES, options(name, negatives=0.0), NOWHERE)
    assert sorted(table["start"]) == starts
    assert (table["end"] - table["start"] == 256).all()
    assert table["name"].is_unique


def test_what_leaves_a_chromosome_is_left_out_and_equal_bins_stay_once() -> None:
    found = peaks(
        ("chr1", 100, 9.0),  # its own bin begins before the chromosome
        ("chr1", 200, 8.0),  # the bin on the left does
        ("chr1", 20_000, 7.0),
        ("chr1", 20_156, 6.0),  # one stride away: two bins are those of the peak before
        ("chrUn", 5000, 5.0),
    )
    table = summit_bins(found, SIZES, options("paper"), NOWHERE)
    assert table["start"].tolist() == [72, 228, 19_716, 19_872, 20_028, 20_184]
    with pytest.raises(UserError, match="no peak is left"):
        summit_bins(found.tail(1), SIZES, options("paper"), NOWHERE)


def test_the_strongest_peaks_stay_and_background_keeps_its_distance() -> None:
    rng = np.random.default_rng(0)
    found = peaks(*[("chr1", int(at), float(s)) for s, at in enumerate(range(5000, 95_000, 9000))])
    avoid = pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [20_000]})
    chosen = options("repository", peaks=4, negatives=0.5)
    table = summit_bins(found.iloc[rng.permutation(len(found))], SIZES, chosen, avoid)
    background = table["name"].str.startswith("background")
    assert (~background).sum() == 4 * 5 and background.sum() == 2 * 5
    assert table.loc[~background, "start"].min() > found["at"].iloc[-4] - 1000
    near = found.assign(start=found["start"] - 1000, end=found["end"] + 1000)
    assert not overlaps_any(table[background], pd.concat([near, avoid])).any()
    again = summit_bins(found, SIZES, chosen, avoid)
    assert set(again["name"]) == set(table["name"])


def test_activity_is_that_of_the_bin_by_the_command(
    bam: Path, make_bam: Callable[..., Path], tmp_path: Path
) -> None:
    other = make_bam(tmp_path / "other.bam", 1500, seed=8)
    sizes, narrow = tmp_path / "sizes", tmp_path / "h3k27ac.narrowPeak"
    sizes.write_text("".join(f"{name}\t{size}\n" for name, size in LENGTHS.items()))
    narrow.write_text("chr1\t900\t1300\t.\t0\t.\t7.5\t-1\t-1\t150\n")
    out = tmp_path / "bins.parquet"
    done = CliRunner().invoke(
        app,
        ["abc", "summit-bins", "--peaks", str(narrow), "--dnase", str(bam), "--dnase", str(other),
         "--h3k27ac", str(other), "--chrom-sizes", str(sizes), "--out", str(out)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(out)
    assert table["start"].tolist() == [766, 922, 1078]

    def rpm(path: Path, start: int) -> float:
        with pysam.AlignmentFile(str(path)) as file:
            return 1e6 * file.count("chr1", start, start + 256) / file.mapped

    expected = [np.sqrt((rpm(bam, s) + rpm(other, s)) / 2 * rpm(other, s)) for s in table["start"]]
    np.testing.assert_allclose(table["activity_base"], expected)
    wrong = CliRunner().invoke(
        app,
        ["abc", "summit-bins", "--peaks", str(narrow), "--dnase", str(bam), "--offsets", "0;1",
         "--chrom-sizes", str(sizes), "--out", str(out)],
    )  # fmt: skip
    assert isinstance(wrong.exception, UserError)
    assert "expected whole numbers by commas" in str(wrong.exception)
