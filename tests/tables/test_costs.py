"""The cost table, from benchmark files as Snakemake writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gexpipe.errors import UserError
from gexpipe.tables.costs import (
    COLUMNS,
    costs_markdown,
    costs_table,
    duration,
    memory,
    read_benchmarks,
)


def write(path: Path, *lines: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "train/a.jsonl", {"s": 1.0, "cpu_time": 1.0, "max_rss": 9.0},
          {"s": 3600.0, "cpu_time": 7200.0, "max_rss": 500.0})  # fmt: skip
    write(tmp_path / "train/b.jsonl", {"s": 1800.0, "cpu_time": 1800.0, "max_rss": 700.0})
    write(tmp_path / "genes/all.jsonl", {"s": 0.36, "cpu_time": "NA", "max_rss": "NA"})
    return tmp_path


def test_hours_are_summed_and_memory_is_the_largest(folder: Path) -> None:
    table = costs_table(read_benchmarks(folder))
    assert list(table.columns) == COLUMNS
    assert list(table["rule"]) == ["train", "genes", "total"]
    train = table.iloc[0]
    assert (train["jobs"], train["hours"], train["longest_hours"]) == (2, 1.5, 1.0)
    assert (train["cpu_hours"], train["peak_memory_mb"]) == (2.5, 700)
    total = table.iloc[-1]
    assert total["jobs"] == 3 and total["hours"] == pytest.approx(1.5001)


def test_what_was_too_short_to_measure_is_a_dash_not_zero(folder: Path) -> None:
    table = costs_table(read_benchmarks(folder))
    genes = table.set_index("rule").loc["genes"]
    assert genes[["cpu_hours", "peak_memory_mb"]].isna().all()
    (line,) = [ln for ln in costs_markdown(table).splitlines() if ln.startswith("| genes")]
    assert [cell.strip() for cell in line.split("|")[5:7]] == ["-", "-"]


def test_bad_folders_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no benchmark file"):
        read_benchmarks(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.jsonl").write_text("")
    with pytest.raises(UserError, match="not a benchmark file"):
        read_benchmarks(tmp_path)


def test_times_and_memory_are_in_units_that_people_read() -> None:
    said = [duration(h) for h in (np.nan, 0.0001, 0.005, 0.25, 1.2, 26.0)]
    assert said == ["-", "below 1 s", "18 s", "15.0 min", "72.0 min", "26.0 h"]
    assert [memory(mb) for mb in (np.nan, 74.0, 12_345.0)] == ["-", "0.074 GB", "12 GB"]
