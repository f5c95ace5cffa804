"""One cell type left out: what is trained for it, and how it is scored."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gexpipe.benchmark.cells import ALL_OTHERS, BASELINES, ONE, cross_cell
from gexpipe.benchmark.leave_out import joint_models, leave_one_out, read_joint
from gexpipe.benchmark.runs import read_trained_on
from gexpipe.config import load_yaml
from gexpipe.errors import UserError
from gexpipe.methods.merged import check_settings, method_settings
from gexpipe.tables.plan import Line
from tests.project import ROOT, Project
from tests.workflow.every_row import add_third_cell

CELLS = ("A", "B", "C")
ASKED = {"benchmark": {"leave_one_cell_out": ["prism"]}}
THIRD = {
    "cells": ["SIM1", "SIM2", "SIM3"], "target": {"cells": {"SIM3": {"source": "cage"}}},
    "methods": ["prism"],
}  # fmt: skip


def _settings(name: str) -> dict[str, Any]:
    train = load_yaml(ROOT / "config/config.yaml")["train"]
    return method_settings(ROOT / "config/methods", name, train, {}, ROOT / "workflow/schemas")


def test_each_cell_type_is_left_out_of_one_training() -> None:
    methods = {name: _settings(name) for name in ("prism", "epinformer", "linear")}
    runs = leave_one_out(["prism"], methods, CELLS)
    mixed = [tuple(settings["inputs"]["mixed_cells"]) for settings in runs.values()]
    assert mixed == [("B", "C"), ("A", "C"), ("A", "B")] and "prism" not in runs
    assert read_joint(joint_models(runs)) == dict(
        zip(runs, [("Prism", cells) for cells in mixed], strict=True)
    )
    assert leave_one_out(["prism"], methods, CELLS[:2]) == {}, "training on the other is the same"
    for wrong, said in (
        ("epinformer", "reads more than windows"), ("linear", "no weights"),
        ("prim", "did you mean 'prism'"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said):
            leave_one_out([wrong], methods, CELLS)
    own = methods | {"prism": methods["prism"] | {"target": "rnaseq"}}
    with pytest.raises(UserError, match="prism has a target of its own"):
        leave_one_out(["prism"], own, CELLS)
    elements = methods["epinformer"]
    elements = elements | {"inputs": elements["inputs"] | {"mixed_cells": ["A", "B"]}}
    with pytest.raises(UserError, match="mixed for windows only"):
        check_settings(elements)


def test_what_is_hard_is_the_change_from_the_mean_of_the_training_cells() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(size=400)
    observed = pd.DataFrame({cell: base + rng.normal(size=400) for cell in CELLS})
    knows = observed + 0.1 * rng.normal(size=observed.shape)
    mean = observed[["A", "B"]].mean(axis=1)
    same = pd.DataFrame(dict.fromkeys(CELLS, mean))
    predicted = {("Knows", ("A", "B")): knows, ("Same", ("A", "B")): same, ("One", ("A",)): knows}
    promoters = pd.DataFrame({"A": base, "B": base[::-1], "C": base + 0.1}).clip(0)
    table = cross_cell(observed, predicted, promoters)
    left = table[table["training"] == ALL_OTHERS].set_index("label")
    for label in ("Knows", "Same"):
        own = left.loc[label]
        assert (own["trained_on"], own["cell"]) == ("A, B", "C"), "the one left out, alone"
    change = observed["C"] - mean
    assert left.loc["Knows", "change_pearson"] == pytest.approx(
        np.corrcoef(change, knows["C"] - knows[["A", "B"]].mean(axis=1))[0, 1]
    )
    assert np.isnan(left.loc["Same", "change_pearson"]), "no change is predicted"
    most = change.abs() >= change.abs().quantile(0.75)
    assert left.loc["Same", "varying_mse"] == pytest.approx((change[most] ** 2).mean())
    assert left.loc["Knows", "across_pearson"] > 0.9
    # The mean of the others is what the model that says the same everywhere does.
    for name in ("mse", "varying_mse"):
        assert left.loc["Same", name] == pytest.approx(
            left[left["cell"] == "C"].loc[BASELINES["mean"], name]
        )
    near = left[left["cell"] == "C"].loc[BASELINES["nearest"]]
    assert near["trained_on"] == "A"
    assert near["change_pearson"] == pytest.approx(np.corrcoef(change, observed["A"] - mean)[0, 1])
    alone = table[table["training"] == ONE]
    assert set(alone[alone["label"] == "One"]["cell"]) == set(CELLS)
    without = cross_cell(observed, {("One", ("A",)): knows}, promoters)
    assert set(without["training"]) == {ONE}


def test_a_run_on_several_cell_types_is_known_by_them(tmp_path: Path) -> None:
    paths = []
    for place in ("runs/A", "predicted/B/from_A", "predicted/C/from_A"):
        for run in ("one", "one-abc"):
            paths.append(tmp_path / f"results/{place}/{run}/fold11/seed1/predictions.parquet")
            paths[-1].parent.mkdir(parents=True)
            genes = {"gene_id": ["G1", "G2"], "symbol": "", "chrom": "chr1", "split": "test"}
            pd.DataFrame(
                {**genes, "observed": [1.0, 2.0], "predicted": [1.0, 2.0 + (run != "one")]}
            ).to_parquet(paths[-1])
    lines = [Line("One", "one", "", "one", "", "", [])]
    _, predicted = read_trained_on(paths, lines, {"one-abc": ("One", ("A", "B"))})
    assert set(predicted) == {("One", ("A",)), ("One", ("A", "B"))}
    assert predicted["One", ("A", "B")].loc["G2"].tolist() == [3.0] * 3


@pytest.mark.workflow
def test_with_two_cell_types_nothing_more_is_trained(finished: Project) -> None:
    target = "results/tables/cross_cell.tsv"
    text = finished.plan(target, change=ASKED)
    assert "of two, a model of all but one is a model of the other" in text
    assert finished.planned(target) == finished.planned(target, change=ASKED)
    refused = finished.run(
        "--dry-run", "--", target, change={"benchmark": {"leave_one_cell_out": ["epinformer"]}}
    )
    assert "epinformer cannot be trained on several cell types" in refused.stdout + refused.stderr


@pytest.mark.workflow
@pytest.mark.slow
def test_three_cell_types_are_each_left_out_once(finished: Project, tmp_path: Path) -> None:
    project = Project(shutil.copytree(finished.folder, tmp_path / "tiny", symlinks=True))
    add_third_cell(project.folder / "simulated/config")
    change = THIRD | ASKED
    target = "results/tables/cross_cell.tsv"
    assert "benchmark.leave_one_cell_out: 3 trainings" in project.plan(target, change=change)
    (project.folder / target).unlink(missing_ok=True)  # of the cell types before
    done = project.run("--quiet", "all", "--rerun-triggers", "mtime", "--", target, change=change)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(project.folder / target, sep="\t")
    left = table[(table["training"] == ALL_OTHERS) & (table["label"] == "Prism")]
    assert dict(zip(left["cell"], left["trained_on"], strict=True)) == {
        "SIM1": "SIM2, SIM3", "SIM2": "SIM1, SIM3", "SIM3": "SIM1, SIM2",
    }  # fmt: skip
    assert left[["mse", "varying_mse", "change_pearson", "across_pearson"]].notna().all(axis=None)
    known = set(table[table["training"] == ALL_OTHERS]["label"])
    assert known == {"Prism", *BASELINES.values()}
