"""Methods of one's own, by every door, as the page that teaches them writes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from tests.docs.files import write_files
from tests.project import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE, CONTROLS = "results/tables/table1.tsv", "results/tables/controls.tsv"
CHANGE = {"methods": ["linear", "average", "ridge", "released"]}


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("own") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    write_files("docs/add_a_method.md", folder)
    released = folder / "released"
    released.mkdir()
    for path in folder.glob("results/runs/*/linear/fold*/seed*/predictions.parquet"):
        cell, _, fold, seed, _ = path.relative_to(folder / "results/runs").parts
        table = pd.read_parquet(path)[["gene_id", "predicted"]]
        table.to_csv(released / f"{cell}.{fold}.{seed}.tsv", sep="\t", index=False)
    return Project(folder)


def refused(project: Project, change: dict) -> str:
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=change)
    assert done.returncode != 0
    return " ".join((done.stdout + done.stderr).split())


def test_their_options_are_checked_by_the_dry_run(project: Project) -> None:
    wrong = {**CHANGE, "overrides": {"average": {"model": {"widht": 3}}}}
    assert "method average: model: unknown key 'widht'; did you mean 'width'?" in refused(
        project, wrong
    )
    wrong = {**CHANGE, "overrides": {"ridge": {"model": {"command": "x {exmples} {out}"}}}}
    assert "nothing stands for {exmples}; did you mean 'examples'?" in refused(project, wrong)
    (project.folder / "released").rename(project.folder / "elsewhere")
    assert "released/SIM1.fold11.seed2.tsv: no such file" in refused(project, CHANGE)
    (project.folder / "elsewhere").rename(project.folder / "released")


def test_they_stand_in_table_1_and_in_the_controls(project: Project) -> None:
    done = project.run("--", TABLE, CONTROLS, change=CHANGE)
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(project.folder / TABLE, sep="\t")
    for name, label in (("average", "Average signal"), ("ridge", "Ridge regression")):
        rows = table[table["method"] == name]
        assert rows["label"].tolist() == [label] * 2
        assert (rows["runs"] == 1).all()
        assert rows["mse"].notna().all()
    linear, released = (table[table["method"] == k]["mse"].tolist() for k in ("linear", "released"))
    assert linear == released
    controls = pd.read_csv(project.folder / CONTROLS, sep="\t")
    assert {"average", "ridge"} == set(controls["method"]) & set(CHANGE["methods"])

    # An edited model is another model: its runs, and only they, are made again.
    source = project.folder / "average_signal.py"
    source.write_text(source.read_text().replace("ReLU", "Tanh"))
    os.utime(source, (1, 1))
    planned = project.planned(TABLE, change=CHANGE)
    assert planned["train"] == 2 and "external" not in planned and "baseline" not in planned
    done = project.run("--", TABLE, change=CHANGE)
    assert done.returncode == 0, done.stderr[-3000:]
    after = pd.read_csv(project.folder / TABLE, sep="\t")
    changed = table.loc[table["mse"].notna() & (table["mse"] != after["mse"]), "method"]
    assert set(changed) == {"average"}


def test_the_model_keeps_its_promises(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gexpipe", "models", "check", "average"],
        cwd=project.folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NO" not in done.stdout
