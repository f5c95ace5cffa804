"""The page of every published number."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gexpipe.config import load_yaml
from gexpipe.study import Study, read_study
from gexpipe.tables.build import benchmark_table, parameter_table
from gexpipe.tables.published import read_published
from gexpipe.tables.reproduced import STATUS, reproduction, reproduction_markdown
from tests.conftest import ROOT

PUBLISHED = read_published(ROOT / "config" / "published.tsv")
NO_RUNS = pd.DataFrame(columns=["cell", "method", "test", "fold", "seed", "n", "predictions"])


@pytest.fixture(scope="module")
def study() -> Study:
    return read_study(load_yaml(ROOT / "config" / "config.yaml"), ROOT)


def tables_of(study: Study, metrics: pd.DataFrame = NO_RUNS) -> dict[str, pd.DataFrame]:
    """The shipped tables as the workflow makes them from metrics of runs."""
    made = {}
    for name, plan in study.plans.items():
        table = study.tables[name]
        if table["kind"] == "sizes":
            made[name] = parameter_table({"prism": 585_000}, PUBLISHED, plan.lines)
        elif table["kind"] == "runs":
            cells = {cell: cell for cell in plan.cells or table["cells"]}
            made[name] = benchmark_table(
                metrics, PUBLISHED, plan.lines, table["metrics"], cells,
                table.get("by_fold", False), table.get("pooled", False),
            )  # fmt: skip
    return made


def test_every_published_number_has_a_table_a_file_or_a_reason(study: Study) -> None:
    found = reproduction(PUBLISHED, tables_of(study))
    assert len(found) == len(PUBLISHED) and set(found["status"]) <= set(STATUS)
    silent = found[found["where"] == ""]
    assert silent.empty, silent[["paper", "table", "row", "setting", "metric"]].to_string()
    needs = found[found["status"] == "needs"]
    assert needs["where"].str.startswith("needs ").all() and len(needs) < 20


def test_a_run_stands_beside_every_place_that_prints_its_number(study: Study) -> None:
    scores = {"mse": 0.18, "mae": 0.3, "pearson": 0.87, "spearman": 0.9}
    run = {"cell": "K562", "method": "prism", "test": "", "fold": 11, "seed": 2, "n": 900, **scores}
    found = reproduction(PUBLISHED, tables_of(study, pd.DataFrame([run])))
    own = found[(found["row"] == "Prism") & (found["cell"] == "K562") & (found["metric"] == "mse")]
    plain = own[own["setting"] == ""]
    assert set(plain["status"]) == {"reproduced"} and set(plain["here"]) == {0.18}
    assert plain["difference"].round(4).isin([round(0.18 - 0.1789, 4)]).all()
    ours = found[(found["metric"] == "parameters") & (found["row"] == "Prism")]
    assert set(ours["here"]) == {585_000}


def test_the_page_counts_and_explains(study: Study, tmp_path: Path) -> None:
    text = reproduction_markdown(reproduction(PUBLISHED, tables_of(study)))
    assert "# Every published number" in text and "| prism" in text
    assert "needs Seq-GraphReg's predictions" in text
