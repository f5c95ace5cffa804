"""The whole workflow on the tiny configuration: to table 1, and re-running only what it must."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE = "results/tables/table1.tsv"
TRAINING = {
    "train",
    "metrics",
    "table_metrics",
    "table",
    "shuffled",
    "shuffled_metrics",
    "controls",
    "scatter",
    "training_curves",
}
WINDOWS = {"sequence_store", "signal_store"}


def test_table_has_every_method_and_no_published_value_of_another_cell(finished: Project) -> None:
    table = pd.read_csv(finished.folder / TABLE, sep="\t")
    assert table.filter(like="_published").isna().all(axis=None), "a simulated cell has none"
    assert "published" not in (finished.folder / TABLE).with_suffix(".md").read_text()
    assert set(table["cell"]) == {"SIM1", "SIM2"}
    run = table[table["runs"] > 0]
    learned = {"caduceus_signals", "macs3", "epinformer", "seq2exp_soft", "prism", "gta"}
    assert set(run["method"]) == learned | {"linear"}
    assert run[["mse", "mae", "pearson"]].notna().all().all()
    waiting = table[table["runs"] == 0]
    assert set(waiting["method"]) >= {"enformer", "hyena", "mamba"}
    assert waiting[["mse", "mae", "pearson"]].isna().all().all()


def test_predictions_name_gene_fold_and_split(finished: Project) -> None:
    folder = finished.folder / "results/runs/SIM1/prism/fold11/seed2"
    table = pd.read_parquet(folder / "predictions.parquet")
    columns = ["gene_id", "symbol", "chrom", "fold", "split", "observed", "predicted"]
    assert list(table.columns) == columns
    masked = pd.read_parquet(str(folder).replace("prism", "macs3") + "/predictions.parquet")
    assert masked["mask_ratio"].between(0, 1).all()
    assert set(table.loc[table["split"] == "test", "chrom"]) <= {"chr22", "chrX"}
    assert set(table.loc[table["split"] == "valid", "chrom"]) <= {"chr3", "chr21"}
    assert json.loads((folder / "run.json").read_text())["seed"] == 2


def test_every_column_is_described(finished: Project) -> None:
    pages = re.split(r"^## (.+)$", (ROOT / "docs/files.md").read_text(), flags=re.M)[1:]
    named = zip(pages[::2], pages[1::2], strict=True)
    described = {name.strip("`"): text for name, text in named if re.fullmatch("`.+`", name)}
    assert len(described) == 14
    for name, text in described.items():
        cells = re.findall(r"^\| (`.+?) \| ", text, flags=re.M)
        words = [word for cell in cells for word in re.findall("`(.+?)`", cell)]
        path = finished.folder / name.format(cell="SIM1")
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                found = list(arrays)
        else:
            read = pd.read_parquet if path.suffix == ".parquet" else pd.read_table
            found = [c for c in read(path).columns if not re.fullmatch(r"fold_([2-9]|1[01])", c)]
        assert sorted(words) == sorted(found), name


def test_table_is_rebuilt_from_predictions_alone(finished: Project) -> None:
    before = (finished.folder / TABLE).read_bytes()
    hidden = finished.folder / "results/windows"
    hidden.rename(finished.folder / "hidden")
    try:
        done = finished.run(
            "--quiet",
            "all",
            "--allowed-rules",
            "table_metrics",
            "table",
            "--forcerun",
            "table_metrics",
            "--",
            TABLE,
        )
    finally:
        (finished.folder / "hidden").rename(hidden)
    assert done.returncode == 0, done.stderr
    assert (finished.folder / TABLE).read_bytes() == before


def test_a_table_of_changed_inputs_trains_nothing(finished: Project) -> None:
    name = "prism_table7"
    planned = finished.planned(f"results/tables/{name}.tsv")
    assert planned == {"tested": 3, "table_metrics": 1, "table": 1}
    done = finished.run("--quiet", "all", "--", f"results/figures/tables/{name}.png")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(finished.folder / f"results/tables/{name}.tsv", sep="\t")
    assert table["runs"].tolist() == [1] * 4
    assert table["mse"].nunique() > 1


def test_rows_of_tables_are_runs_of_their_own(finished: Project) -> None:
    planned = finished.planned("results/tables/prism_table2.tsv")
    assert planned == {"train": 1, "table_metrics": 1, "table": 1}
    text = finished.plan("results/tables/all")
    assert "table prism_table2: 2 trainings on one GPU each, about" in text
    assert "together: 13 trainings" in text


def test_nothing_reruns_without_a_change(finished: Project) -> None:
    assert finished.planned(TABLE) == {}


def test_learning_rate_reruns_training_and_below_only(finished: Project) -> None:
    rules = set(finished.planned(TABLE, {"train": {"learning_rate": 0.01}}))
    assert "train" in rules
    assert rules <= TRAINING


def test_window_length_reruns_windows_and_below_only(finished: Project) -> None:
    rules = set(finished.planned(TABLE, {"windows": {"length": 100_000}}))
    assert rules >= WINDOWS
    assert rules <= WINDOWS | TRAINING


def test_bins_rerun_their_features_and_below_only(finished: Project) -> None:
    change = {"gta": {"bins": 31}}
    rules, text = finished.planned(TABLE, change), finished.plan(TABLE, change)
    assert set(rules) == {"bin_features", "train", "table_metrics", "table"}
    assert rules["train"] == 2
    assert "Train gta on SIM1" in text and "Train prism" not in text


@pytest.fixture
def published_as(finished: Project) -> Iterator[None]:
    """The simulated cell types with published values beside them, for a while."""
    sheet = finished.folder / "simulated/config/samples.tsv"
    before = sheet.read_text()
    sheet.write_text(before.replace("stands_for", "published_as"))
    yield
    sheet.write_text(before)


@pytest.mark.usefixtures("published_as")
def test_geuvadis_beside_its_published_values(finished: Project) -> None:
    """Median expression, held-out genes and a narrower context: GTA's first table."""
    name = "results/tables/gta_table1.tsv"
    planned = finished.planned(name)
    assert planned.pop("download") == 3
    assert planned == {"geuvadis": 1, "train": 1, "table_metrics": 1, "table": 1}
    done = finished.run("--quiet", "all", "--", name)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(finished.folder / name, sep="\t", dtype={"setting": str})
    run = table[table["runs"] > 0].set_index("setting")
    assert list(run.index) == ["bins=51"]
    assert run["spearman_published"].tolist() == [0.6259]
    assert run["spearman_error"].gt(0).all() and run["note"].tolist() == [
        "5 bins, not 51; with a small random stand-in for the language model"
    ]
    others = table.set_index("label").loc[["Xpresso", "ExPecto", "Basenji", "Enformer"]]
    assert others["spearman_published"].tolist() == [0.2984, 0.5170, 0.5234, 0.5814]
    text = (finished.folder / name).with_suffix(".md").read_text()
    assert "(0.6259 ± 0.0256*, " in text and "bootstraps of the genes" in text


def test_new_accession_reruns_its_cell_only(finished: Project) -> None:
    sheet = finished.folder / "simulated/config/files.tsv"
    changed = finished.folder / "simulated/config/changed.tsv"
    rows = pd.read_csv(sheet, sep="\t", dtype=str, keep_default_na=False)
    row = (rows["cell"] == "SIM1") & (rows["role"] == "h3k27ac_bigwig")
    rows.loc[row, "accession"] = "ENCFF999NEW"
    rows.to_csv(changed, sep="\t", index=False)
    change = {"files": "simulated/config/changed.tsv"}
    rules, text = finished.planned(TABLE, change), finished.plan(TABLE, change)
    changed.unlink()
    assert rules["signal_store"] == 1
    assert rules["train"] == 6
    assert rules["download"] == 1
    assert "sequence_store" not in rules
    assert "Train prism on SIM1" in text
    assert "SIM2" not in "".join(line for line in text.splitlines() if line.startswith("Job "))


def test_overriding_one_method_reruns_that_method_only(finished: Project) -> None:
    text = finished.plan(TABLE, {"overrides": {"prism": {"model": {"n_context": 3}}}})
    trained = [line for line in text.splitlines() if "Train " in line]
    assert trained and all("Train prism" in line for line in trained)


def test_a_method_brings_what_it_starts_from(finished: Project) -> None:
    target = "results/runs/SIM1/{}/fold11/seed2/predictions.parquet"
    settings = {"inputs": {"length": 512}, "model": {"share": 1}}
    small = {"overrides": {"seq2exp_retrain": settings}}
    change = {"methods": ["seq2exp_retrain", "epinformer_activity"], **small}
    text = finished.plan(target.format("seq2exp_retrain"), change)
    assert "Train seq2exp_retrain on SIM1" in text
    assert "Train seq2exp_soft" not in text, "trained already, as a method of its own"
    text = finished.plan(target.format("epinformer_activity"), change)
    assert "Train enhancer_encoder on SIM1" in text
    table = finished.plan(TABLE, change)
    assert "enhancer_encoder/fold11/seed2/predictions.parquet" not in table.split("rule table")[-1]


def test_shipped_configuration_plans_everything_without_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(tmp_path), "--dry-run", "--cores", "32", TABLE,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    for cell in ("K562", "GM12878"):
        for seed in (2, 22, 222, 2222, 22222):
            assert f"Train prism on {cell}, fold 11, seed {seed}" in text
    assert "resources/files/4DNFITUOMFUQ.hic" in text
    assert list(tmp_path.glob("results/*")) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cells": ["SIM9"]}, "config: cells: unknown cell 'SIM9'"),
        ({"methods": ["prysm"]}, "config: methods: unknown method 'prysm'"),
        ({"seed": 3}, "unknown key 'seed'"),
        ({"train": {"learning_rate": "fast"}}, "train.learning_rate: 'fast' is not of type"),
        ({"windows": {"length": 2001}}, "windows.length: 2001 is not a multiple of 8"),
        ({"splits": {"fold": 13}}, "splits.fold: 13"),
        ({"files": "nowhere.tsv"}, "nowhere.tsv: no such sheet"),
        ({"overrides": {"prism": {"modle": {}}}}, "unknown key 'modle'"),
    ],
)
def test_bad_configuration_is_one_clear_line(
    finished: Project, change: dict[str, object], expected: str
) -> None:
    done = finished.run("--dry-run", "--nolock", "--", TABLE, change=change)
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if expected in line]
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("cell", "SIM7", "cell 'SIM7' is not in simulated/config/samples.tsv"),
        ("accession", "", "row 2: accession: ''"),
        ("role", "dnase_bma", "row 2: role"),
        ("format", "bem", "row 2: format: 'bem' is not one of"),
    ],
)
def test_bad_sheet_names_the_row(finished: Project, column: str, value: str, expected: str) -> None:
    rows = pd.read_csv(
        finished.folder / "simulated/config/files.tsv", sep="\t", dtype=str, keep_default_na=False
    )
    rows.loc[0, column] = value
    broken = finished.folder / "broken.tsv"
    rows.to_csv(broken, sep="\t", index=False)
    done = finished.run("--dry-run", "--nolock", "--", TABLE, change={"files": "broken.tsv"})
    broken.unlink()
    assert done.returncode != 0
    assert [line for line in (done.stdout + done.stderr).splitlines() if expected in line]


def test_snakemake_lint_is_clean() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--lint"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_copying_the_results_keeps_them(finished: Project, tmp_path: Path) -> None:
    """Dates change in a copy; checksums and provenance decide that nothing re-runs."""
    copy = tmp_path / "copy"
    shutil.copytree(finished.folder, copy)
    assert Project(copy).planned(TABLE) == {}
