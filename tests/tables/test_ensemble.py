"""The mean of a method's seeds as a row of a table, on request."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.benchmark.runs import read_ensembles
from gexpipe.tables.build import benchmark_table
from gexpipe.tables.front import closing_words, scored_rows
from gexpipe.tables.plan import Line
from gexpipe.tables.published import read_published
from gexpipe.tables.reproduced import reproduction
from gexpipe.tables.runs import ENSEMBLE, POOLED, run_metrics
from gexpipe.tables.write import to_markdown
from tests.conftest import ROOT
from tests.project import Project

LINES = [
    Line("Prism", "prism", "", "prism", "", "prism", ["1"], "prism"),
    Line("Linear", "linear", "", "linear", "", "", []),
]
CELLS = {"K562": "K562"}


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Two folds of two runs of one method, and one run of another."""
    made = []
    for method, seeds in (("prism", (2, 22)), ("linear", (2,))):
        for fold in (1, 2):
            for seed in seeds:
                rng = np.random.default_rng(100 * fold + seed)
                path = tmp_path / f"K562/{method}/fold{fold}/seed{seed}/predictions.parquet"
                path.parent.mkdir(parents=True)
                observed = np.arange(20.0) + fold
                genes = {"gene_id": [f"g{fold}_{i}" for i in range(20)], "split": "test"}
                pd.DataFrame(genes).assign(
                    symbol="", observed=observed, predicted=observed + rng.normal(size=20)
                ).to_parquet(path)
                made.append(path)
    return made


def test_the_row_is_the_leaderboards_predictor_and_stands_beside_nothing(
    paths: list[Path],
) -> None:
    published = read_published(ROOT / "config" / "published.tsv")
    of_fold = [path for path in paths if "fold1" in str(path)]
    metrics = run_metrics(of_fold, ensemble=True)
    table = benchmark_table(metrics, published, LINES, ["mse"], CELLS)
    plain = benchmark_table(run_metrics(of_fold), published, LINES, ["mse"], CELLS)
    assert table["label"].tolist() == ["Prism", "Prism, mean of 2 runs", "Linear"]
    assert table["ensemble"].tolist() == [0, 2, 0]
    rows = table[table["ensemble"] == 0].drop(columns="ensemble").reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, plain)
    mean = read_ensembles(of_fold, LINES)["K562", "Prism"]
    row = table.iloc[1]
    assert row["mse"] == pytest.approx(((mean["observed"] - mean["predicted"]) ** 2).mean())
    assert row["mse"] < table["mse"].iloc[0], "errors of two runs cancel in part"
    assert plain["mse_published"].notna().any() and np.isnan(row["mse_published"])
    assert (row["published_method"], row["published_source"]) == ("", "")
    assert "no published value" in row["note"]
    kept = reproduction(published, {"table1": table})
    pd.testing.assert_frame_equal(kept, reproduction(published, {"table1": plain}))
    text = to_markdown(table, "T", ["mse"])
    assert "| Prism, mean of 2 runs | 2 |" in text and "no published value" in text


def test_folds_and_their_genes_together(paths: list[Path]) -> None:
    metrics = run_metrics(paths, pool=True, ensemble=True)
    means = metrics[metrics["seed"] == ENSEMBLE]
    assert means["fold"].tolist() == [1, 2, POOLED] and set(means["members"]) == {2}
    assert means["n"].tolist() == [20, 20, 40]
    assert means["mse"].iloc[2] == pytest.approx(means["mse"].iloc[:2].mean())
    published = read_published(ROOT / "config" / "published.tsv")
    table = benchmark_table(metrics, published, LINES[:1], ["mse"], CELLS, by_fold=True)
    assert table["setting"].tolist() == ["fold=1", "fold=2", "fold=all"] * 2
    assert table["ensemble"].tolist() == [0, 0, 0, 2, 2, 2]
    rows = scored_rows(table, metrics)
    assert {row.label for row in rows} == {"Prism"} and len(rows[0].mean) == 40


@pytest.mark.workflow
def test_it_is_made_on_request(finished: Project, tmp_path: Path) -> None:
    project = Project(shutil.copytree(finished.folder, tmp_path / "tiny", symlinks=True))
    change = {
        "methods": ["linear"], "seeds": [2, 3],
        "tables": {"overrides": {"table1": {"ensemble": True}}},
    }  # fmt: skip
    target = "results/tables/table1.tsv"
    done = project.run("--quiet", "all", "--", target, change=change)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(project.folder / target, sep="\t")
    name = "Linear (9 gene features)"
    made = table[table["runs"] > 0]
    assert made["label"].tolist() == [name, f"{name}, mean of 2 runs"] * 2
    assert made["ensemble"].tolist() == [0, 2] * 2
    said = "\n".join(closing_words(project.folder / "results"))
    assert f"of 1 methods {name} has the smallest error" in said
