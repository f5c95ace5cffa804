"""The benchmarks' two ways agree, on small inputs; nothing is timed here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("measure", "counting", "abc_scores", "contacts"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_counting(tmp_path):
    import counting

    given = counting.inputs("small", tmp_path)
    np.testing.assert_array_equal(counting.ours(*given), counting.plain(*given))


def test_abc_scores(tmp_path):
    import abc_scores

    elements, genes = abc_scores.inputs("small")
    given = (elements[:300], genes[:20])
    pairs, total = abc_scores.plain(*given, str(tmp_path / "plain.tsv.gz"))
    assert abc_scores.ours(*given, str(tmp_path / "ours.parquet"))[0] == pairs
    found = abc_scores.total_score(str(tmp_path / "ours.parquet"))
    np.testing.assert_allclose(found, total, rtol=1e-5)


def test_contacts(tmp_path):
    import contacts

    matrix, genes, length = contacts.inputs("small", tmp_path)
    records = str(tmp_path / "records.csv")
    contacts.plain_read(matrix, records)
    rows = contacts.ours_read(matrix, genes, length)
    plain = contacts.plain_feature(records, genes[:3])
    np.testing.assert_allclose(contacts.expanded(rows)[:3], plain, rtol=1e-6)
    assert contacts.stored(rows).shape == (20, 41)


def test_the_cost_of_a_call_is_its_own():
    import measure

    cost = measure.measure(np.zeros, 3_000_000)
    assert cost.result.shape == (3_000_000,)
    assert cost.cpu < 5
    line = measure.row(
        "small", "step", measure.Cost(2.0, 90.0, None), measure.Cost(0.5, 30.0, None)
    )
    assert line == ["small", "step", 2.0, 0.5, 4.0, 90.0, 30.0, 3.0]
    assert "| small" in measure.table([line])
