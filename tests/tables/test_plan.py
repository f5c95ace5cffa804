"""Tables as declarations: which runs they need, which they share, and what they cannot run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from gexpipe.config import load_yaml
from gexpipe.errors import UserError
from gexpipe.methods.merged import method_settings
from gexpipe.tables.build import benchmark_table
from gexpipe.tables.cost import estimate, recorded_seconds
from gexpipe.tables.declared import plans, read_tables
from gexpipe.tables.plan import Plan, change_id, run_id
from gexpipe.tables.published import read_published
from gexpipe.tables.reproduced import reproduction
from gexpipe.tables.runs import POOLED, run_of
from tests.conftest import ROOT

SCHEMAS = ROOT / "workflow" / "schemas"


def settings_of(name: str) -> dict[str, Any]:
    config = load_yaml(ROOT / "config" / "config.yaml")
    return method_settings(ROOT / "config" / "methods", name, config["train"], {}, SCHEMAS)


def resolved(**changes: Any) -> dict[str, Plan]:
    config = load_yaml(ROOT / "config" / "config.yaml") | changes
    tables = read_tables([ROOT / "config" / "tables"], SCHEMAS, config)
    cells = {"K562": "K562", "GM12878": "GM12878"}
    return plans(tables, config, settings_of, cells, ["rnaseq", "geuvadis"])


@pytest.fixture(scope="module")
def shipped() -> dict[str, Plan]:
    return resolved()


def test_every_row_of_the_shipped_tables_names_published_values(shipped: dict[str, Plan]) -> None:
    published = read_published(ROOT / "config" / "published.tsv")
    for name, plan in shipped.items():
        for line in plan.lines:
            if not line.paper:
                continue
            known = published[
                (published["paper"] == line.paper)
                & published["table"].isin(line.tables)
                & (published["method"] == line.known_as)
            ]
            assert len(known), (name, line)
            if not name.startswith("epinformer"):  # it prints numbers for some of its variants
                assert line.published_setting in set(known["setting"]), (name, line)


def test_published_values_of_every_row_agree(shipped: dict[str, Plan]) -> None:
    metrics = pd.DataFrame(columns=["cell", "method", "test", "fold", "seed", "n"])
    names = ["mse", "mae", "pearson", "spearman"]
    published = read_published(ROOT / "config" / "published.tsv")
    cells = {"K562": "K562", "GM12878": "GM12878"}
    for plan in shipped.values():
        assert len(benchmark_table(metrics, published, plan.lines, names, cells))
        lines = [
            replace(line, setting=f"{line.setting}; fold=all".strip("; ")) for line in plan.lines
        ]
        assert len(benchmark_table(metrics, published, lines, names, cells))


SHIPPED = load_yaml(ROOT / "config" / "config.yaml")
OTHER_SPLITS = {
    "fold": {"splits": {"fold": 3, "folds": "auto"}},
    "balanced": {"splits": {"fold": 11, "folds": "balanced"}},
    "file": {"splits": {"fold": 1, "folds": "file"}},
    "fold of a table": {
        "tables": SHIPPED["tables"] | {"overrides": {"table1": {"folds": [3, 11]}}}
    },
    "chromosomes": {
        "reference": SHIPPED["reference"] | {"chromosomes": ["chr1", "chr2", "chr3", "chr22"]}
    },
}


def made(plan: Plan, runs: pd.DataFrame, metric: str = "pearson", **how: bool) -> pd.DataFrame:
    published = read_published(ROOT / "config" / "published.tsv")
    return benchmark_table(runs, published, plan.lines, [metric], {"K562": "K562"}, **how)


def runs_of(run: str, *folds: int) -> pd.DataFrame:
    one = {"cell": "K562", "method": run, "test": "", "seed": 2, "n": 5, "pearson": 0.8}
    return pd.DataFrame([one | {"fold": fold} for fold in folds])


@pytest.mark.parametrize("changes", OTHER_SPLITS.values(), ids=OTHER_SPLITS)
def test_no_published_value_stands_beside_another_split(changes: dict[str, Any]) -> None:
    runs = runs_of("prism", changes.get("splits", SHIPPED["splits"])["fold"])
    before = made(resolved()["table1"], runs).set_index("label")
    assert before["pearson_published"].notna().all() and before.loc["Prism", "note"] == ""
    table = made(resolved(**changes)["table1"], runs).set_index("label")
    assert table[["pearson_published", "pearson_difference"]].isna().all(axis=None)
    assert table.loc["Prism", "pearson"] == 0.8 and table["published_source"].eq("").all()
    assert table["note"].str.contains("another split, the papers' fold 11").all()
    published = read_published(ROOT / "config" / "published.tsv")
    told = reproduction(published, {"table1": table.reset_index()}).query("row == 'Prism'")
    own = told[(told["setting"] == "") & (told["cell"] == "K562") & (told["metric"] == "pearson")]
    assert len(own) and set(own["status"]) == {"not run"} and own["here"].isna().all()
    assert own["where"].str.contains("another split").all()


def test_pooled_genes_of_some_folds_are_not_those_of_all() -> None:
    name, label = "epinformer_folds", "EPInformer-PE-Activity-HiC"

    def rows(folds: list[int], **changes: Any) -> pd.DataFrame:
        tables = SHIPPED["tables"] | {"overrides": {name: {"folds": folds}}}
        plan = resolved(tables=tables, **changes)[name]
        run = next(line.run for line in plan.lines if "HiC; target=rnaseq" in line.setting)
        table = made(plan, runs_of(run, *folds, POOLED), by_fold=True)
        known = table[(table["label"] == label) & (table["runs"] > 0)].set_index("setting")
        return known.rename(index=lambda setting: setting.split("; ")[-1])

    every = rows([*range(1, 13)])
    assert every["pearson_published"].notna().all() and every["note"].eq("").all()
    some = rows([11, 12])
    assert some.loc[["fold=11", "fold=12"], "pearson_published"].notna().all()
    assert np.isnan(some.loc["fold=all", "pearson_published"])
    assert "another split, the papers' folds 1-12" in some.loc["fold=all", "note"]
    own = rows([11, 12], splits={"fold": 11, "folds": "balanced"})
    assert own["pearson_published"].isna().all()


def test_what_depends_on_no_fold_keeps_its_published_value() -> None:
    """Geuvadis' genes are held out by its evaluation; Seq2Exp's EPInformer is of one of twelve."""
    plans = resolved(splits={"fold": 3, "folds": "auto"})
    gta = (
        runs_of("gta", 3)
        .assign(cell="GM12878", pearson=0.6)
        .rename(columns={"pearson": "spearman"})
    )
    published = read_published(ROOT / "config" / "published.tsv")
    cells = {"GM12878": "GM12878"}
    table = benchmark_table(gta, published, plans["gta_table1"].lines, ["spearman"], cells)
    assert table["spearman_published"].notna().all()
    recipes = made(plans["epinformer_recipes"], runs_of("epinformer", 10, 11), by_fold=True)
    known = recipes.set_index("setting")["pearson_published"]
    assert known["recipe=seq2exp; target=cage; fold=11"] == pytest.approx(0.8473)
    assert np.isnan(known["recipe=seq2exp; target=cage; fold=10"])


def test_rows_at_published_settings_are_the_method_itself(shipped: dict[str, Plan]) -> None:
    runs = {line.setting: line.run for line in shipped["prism_table2"].lines}
    assert runs["n=2"] == runs["alpha=1"] == runs["beta=1"] == "prism"
    assert len(set(runs.values())) == 11
    assert all(run.startswith("prism-") for setting, run in runs.items() if setting == "n=4")


def test_equal_runs_of_two_tables_are_one(shipped: dict[str, Plan]) -> None:
    last = shipped["prism_table5"].lines[-1]
    assert (last.setting, last.published_setting) == ("train_length=200000", "")
    assert last.run == "caduceus_signals"  # figure 1d ends with a run of table 1
    short = {line.run for line in shipped["prism_table5"].lines}
    assert short == {line.run for line in shipped["infer_table3"].lines}
    short -= {"seq2exp_soft", "caduceus_signals"}
    assert short < {line.run for line in shipped["prism_table14"].lines}
    retrained = shipped["prism_table12"].lines[0].run
    assert retrained == next(
        line.run
        for line in shipped["prism_table14"].lines
        if line.method == "caduceus_signals" and line.setting == "train_length=2000"
    )


def test_runs_that_others_start_from_are_counted(shipped: dict[str, Plan]) -> None:
    runs = [run for _, run, _, _ in shipped["epinformer_folds"].trainings()]
    assert len(runs) == 9 * 2 * 12  # eight rows and the encoder, two cell types, twelve folds
    assert runs.count("enhancer_encoder") == 24
    assert ("K562", "seq2exp_soft", 11, 2) in shipped["seq2exp_table2"].trainings()


def test_changes_at_test_time_train_nothing(shipped: dict[str, Plan]) -> None:
    plan = shipped["prism_table4"]
    assert {run for _, run, _, _ in plan.trainings()} == {"seq2exp_soft"}
    assert len(plan.trainings()) == 5
    assert "results/tested/length2000/K562/seq2exp_soft/fold11/seed2/predictions.parquet" in (
        plan.predictions()
    )
    drops = [line.test for line in shipped["prism_table7"].lines]
    assert drops == ["dropH3K27ac", "dropDNase", "dropcontact", ""]


@pytest.mark.parametrize(
    ("table", "setting", "reason"),
    [
        ("prism_table11", "signals=H3K4me3", "no signal H3K4me3 in windows.signals"),
        ("gta_table1", "", "by an external method of this name"),
        ("prism_table15", "train_length=2000", "its cell type is not in the configuration"),
        ("prism_table10", "pretrained=yes", "no pre-trained enformer in the configuration"),
        (
            "epinformer_holdout",
            "variant=PE-Activity; target=cage; split=enformer_holdout",
            "no row with role holdout in the reference sheet",
        ),
    ],
)
def test_what_cannot_be_run_says_why(
    shipped: dict[str, Plan], table: str, setting: str, reason: str
) -> None:
    line = next(line for line in shipped[table].lines if line.setting == setting)
    assert reason in line.reason


def test_only_and_lengths_and_seeds_of_a_small_configuration() -> None:
    small = resolved(
        tables={
            "lengths": {200000: 4000, 2000: 1000},
            "bins": {51: 31},
            "overrides": {
                "all": {"seeds": 1},
                "prism_table2": {"only": ["n=1"], "folds": [11, 12]},
            },
            "build": None,
        }
    )
    plan = small["prism_table2"]
    assert [line.setting for line in plan.lines if not line.reason] == ["n=1"]
    assert (plan.folds, plan.seeds) == ([11, 12], [2])
    line = small["infer_table7"].lines[1]
    assert small["infer_table7"].settings[line.run]["inputs"]["length"] == 1000
    assert line.note == "trained on 1000 bp, not 2000"
    table = small["gta_table1"]
    line = next(line for line in table.lines if line.setting == "bins=51")
    assert table.settings[line.run]["model"]["bins"] == 31
    assert line.note == "31 bins, not 51"


def test_mixed_cell_types_are_those_of_the_configuration() -> None:
    config = load_yaml(ROOT / "config" / "config.yaml")
    tables = read_tables([ROOT / "config" / "tables"], SCHEMAS, config)
    config["cells"] = ["SIM1", "SIM2"]
    known = {"SIM1": "K562", "SIM2": "GM12878"}
    plan = plans(tables, config, settings_of, known, [])["prism_table13"]
    mixed = plan.settings[plan.lines[2].run]
    assert mixed["inputs"]["mixed_cells"] == ["SIM1", "SIM2"]
    config["cells"] = ["SIM1"]
    line = plans(tables, config, settings_of, known, [])["prism_table13"].lines[2]
    assert line.reason == "its cell type is not in the configuration"


def test_one_mixed_model_predicts_both_cell_types() -> None:
    config = load_yaml(ROOT / "config" / "config.yaml")
    tables = read_tables([ROOT / "config" / "tables"], SCHEMAS, config)
    cells = {"K562": "K562", "GM12878": "GM12878"}
    plan = plans(tables, config, settings_of, cells, [])["prism_table13"]
    mixed = plan.lines[2].run
    assert {cell for cell, run, *_ in plan.trainings() if run == mixed} == {"K562"}
    read = {path.split(f"/{mixed}/")[0] for path in plan.predictions() if mixed in path}
    assert read == {"results/runs/K562", "results/predicted/GM12878/from_K562"}
    found = [run_of(path) for path in plan.predictions() if f"/{mixed}/" in path]
    assert {(run["cell"], run["method"]) for run in found} == {(cell, mixed) for cell in cells}


def test_hold_out_genes_train_what_the_folds_train() -> None:
    config = load_yaml(ROOT / "config" / "config.yaml")
    tables = read_tables([ROOT / "config" / "tables"], SCHEMAS, config)
    cells = {"K562": "K562", "GM12878": "GM12878"}
    found = plans(tables, config, settings_of, cells, [], {"holdout"})
    held = found["epinformer_holdout"].trainings()
    assert len(held) == 5 * 12 * 2  # four variants and the encoder, twelve folds, two cell types
    assert held == found["epinformer_folds"].trainings()


def test_the_name_of_a_run_does_not_hang_on_labels() -> None:
    base = settings_of("prism")
    assert run_id("prism", base, base | {"label": "Other"}) == "prism"
    other = run_id("prism", base, base | {"model": {"n_context": 9}})
    assert other == run_id("prism", base, {"label": "x"} | base | {"model": {"n_context": 9}})
    assert other.startswith("prism-")
    assert change_id({"length": 2000, "drop": ["DNase"]}) == "length2000-dropDNase"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"overrides": {"prism_tabel2": {}}}, "did you mean 'prism_table2'"),
        ({"build": ["nothing"]}, "no table 'nothing'"),
        ({"overrides": {"prism_table2": {"seeds": 0}}}, "tables.overrides.prism_table2"),
    ],
)
def test_wrong_names_are_one_line(change: dict[str, Any], message: str) -> None:
    base: dict[str, Any] = {"lengths": {}, "bins": {}, "overrides": {}, "build": None}
    with pytest.raises(UserError, match=message):
        resolved(tables=base | change)


def test_a_date_in_a_row_is_refused_as_any_other_value(tmp_path: Path) -> None:
    text = "{method: prism, label: Mine, overrides: {model: {n_context: 2024-01-02}}}"
    (tmp_path / "mine.yaml").write_text(f"title: Mine\nmetrics: [mse]\nrows: [{text}]\n")
    config = load_yaml(ROOT / "config" / "config.yaml")
    tables = read_tables([tmp_path], SCHEMAS, config)
    with pytest.raises(UserError, match=r"table mine, row 'Mine': .*n_context: found 'datetime"):
        plans(tables, config, settings_of, {"K562": "K562", "GM12878": "GM12878"}, [])


def test_a_declaration_is_checked(tmp_path: Path) -> None:
    row = {"method": "prism", "label": "Prism", "nap": 1}
    text = yaml.safe_dump({"title": "T", "metrics": ["mse"], "rows": [row]})
    (tmp_path / "mine.yaml").write_text(text)
    config = {"tables": {"lengths": {}, "bins": {}, "overrides": {}, "build": None}}
    with pytest.raises(UserError, match=r"mine\.yaml: rows\.0: unknown key 'nap'"):
        read_tables([tmp_path], SCHEMAS, config)


def test_hours_come_from_recorded_runs(tmp_path: Path) -> None:
    for seed, seconds in ((2, 3600), (22, 7200)):
        record = tmp_path / f"K562.prism.fold11.seed{seed}.jsonl"
        record.write_text(json.dumps({"s": seconds}) + "\n")
    known = recorded_seconds(tmp_path)
    assert known == {"prism": 5400}
    runs = [("K562", "prism", 11, 2), ("K562", "prism-00000000", 11, 2), ("K562", "hyena", 11, 2)]
    text = estimate(runs, known)
    assert text.startswith("3 trainings on one GPU each, about 3.0 h")
    assert text.endswith("unknown for 1 of them")
    assert "hours unknown" in estimate(runs, {})
    assert estimate([], {}) == "nothing to train on a GPU"
