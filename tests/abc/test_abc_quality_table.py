"""Quality tables: what stages recorded, with expected ranges, of one cell and of all."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.abc.quality_table import cell_quality, joined_quality, read_quality
from gexpipe.cli.abc import app
from gexpipe.errors import UserError

ACTIVITY = {
    "elements": {"value": 5, "expected": [60_000, 250_000], "ok": False},
    "genes": {"value": 7, "expected": None, "ok": True},
}
PEAKS = {"peaks": 120_000, "expected": [50_000, 1_000_000]}
CONTACTS = {"source": "matrix", "genes": 7, "genes_with_contact": 6}


def test_every_record_becomes_rows_with_ranges():
    table = cell_quality(ACTIVITY, PEAKS, CONTACTS).set_index("measure")
    assert list(table["ok"]) == ["yes", "no", "", "no"]
    assert table.loc["peaks", ["value", "low", "high"]].tolist() == [120_000, 50_000, 1_000_000]
    assert table.loc["contact_coverage", "value"] == pytest.approx(6 / 7)
    assert pd.isna(table.loc["genes", "low"])


def test_a_power_law_and_counts_say_nothing_of_contact_and_peaks():
    table = cell_quality(ACTIVITY, None, {"source": "powerlaw"})
    assert list(table["measure"]) == ["elements", "genes"]


def test_cells_are_joined_through_the_commands(tmp_path):
    for name, record in {"a": ACTIVITY, "p": PEAKS, "c": CONTACTS}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    one, two, out = (tmp_path / name for name in ("one.tsv", "two.tsv", "all.tsv"))
    given = ["quality", "--activity", str(tmp_path / "a.json")]
    more = ["--peaks", str(tmp_path / "p.json"), "--contacts", str(tmp_path / "c.json")]
    runs = [
        [*given, "--out", str(one)],
        [*given, *more, "--out", str(two)],
        ["quality-table", "--cell", f"A={one}", "--cell", f"B={two}", "--out", str(out)],
    ]
    for arguments in runs:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(read_quality(two), cell_quality(ACTIVITY, PEAKS, CONTACTS))
    joined = pd.read_csv(out, sep="\t").set_index("cell")
    assert joined["outside"].tolist() == ["elements", "elements,contact_coverage"]
    assert joined.loc["B", "peaks"] == 120_000
    assert pd.isna(joined.loc["A", "peaks"])
    one.write_text("measure\tvalue\n")
    with pytest.raises(UserError, match="missing column 'low'"):
        read_quality(one)


def test_no_cell_outside_is_an_empty_field():
    good = cell_quality({}, PEAKS, None)
    assert joined_quality({"A": good})["outside"].tolist() == [""]
