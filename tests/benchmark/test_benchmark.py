"""Intervals that hold what they promise, transfer between cell types, and the leaderboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.benchmark.cells import BASELINES, cross_cell
from gexpipe.benchmark.leaderboard import leaderboard
from gexpipe.benchmark.page import benchmark_page, by_chromosome, calibration
from gexpipe.benchmark.reliability import gene_intervals, reliability
from gexpipe.benchmark.runs import ensemble, read_ensembles
from gexpipe.errors import UserError
from gexpipe.tables.plan import Line
from tests.project import Project


def _table(
    seed: int, genes: int = 6000, wrong: float = 0.0, shift: float = 0.0, same: int = 0
) -> pd.DataFrame:
    """Genes whose noise grows with their level; half of them calibrate."""
    rng, measured = np.random.default_rng(seed), np.random.default_rng(same)
    truth = measured.normal(size=genes)
    observed = truth + measured.normal(size=genes) * (0.1 + 0.4 * (truth > 0))
    predicted = truth + wrong * rng.normal(size=genes)
    valid = np.arange(genes) < genes // 2
    observed = observed + np.where(valid, 0, shift)
    return pd.DataFrame(
        {
            "gene_id": [f"G{i}" for i in range(genes)], "symbol": "",
            "chrom": np.where(np.arange(genes) % 2, "chr21", "chr22"),
            "split": np.where(valid, "valid", "test"), "observed": observed,
            "predicted": predicted, "squared_error": (observed - predicted) ** 2,
        }
    )  # fmt: skip


def test_intervals_hold_90_percent_by_cell_type_and_by_predicted_level() -> None:
    size = 40_000  # a class of levels holds its share to half a percent
    table, genes = reliability(
        {("A", "M"): _table(1, size), ("B", "M"): _table(2, size, wrong=0.5, same=1)}
    )
    held = table[table["kind"].isin(["all", "predicted level"])]
    assert len(held) == 8
    assert held["coverage"].between(0.88, 0.92).all(), held
    assert (held["coverage_low"] < held["coverage"]).all()
    level = table[(table["cell"] == "A") & (table["kind"] == "predicted level")].set_index("group")
    assert level.loc["high", "width"] > 3 * level.loc["low", "width"], "noise is at high levels"
    assert genes["low"].lt(genes["high"]).all() and len(genes) == size


def test_test_genes_unlike_the_validation_genes_are_seen_in_the_coverage() -> None:
    table, _ = reliability({("A", "M"): _table(1, shift=1.0)})
    whole = table[table["kind"] == "all"].iloc[0]
    assert whole["coverage_high"] < 0.7 and whole["bias"] == pytest.approx(-1, abs=0.05)


def test_too_few_validation_genes_give_no_interval() -> None:
    few = _table(1, 16)
    assert gene_intervals(few)[["low", "high"]].isna().all(axis=None), "8 validation genes"
    enough = gene_intervals(_table(1, 40))
    assert enough[["low", "high"]].notna().all(axis=None)


def test_the_ensemble_is_the_mean_of_its_runs_and_its_error_is_smaller(tmp_path: Path) -> None:
    paths = []
    for seed in (1, 2):
        path = tmp_path / f"seed{seed}.parquet"
        _table(seed, 100, wrong=1.0).drop(columns="squared_error").to_parquet(path)
        paths.append(path)
    both = ensemble(paths)
    single = [_table(seed, 100, wrong=1.0) for seed in (1, 2)]
    np.testing.assert_allclose(
        both["predicted"], (single[0]["predicted"] + single[1]["predicted"]) / 2
    )
    assert ((both["observed"] - both["predicted"]) ** 2).mean() < both["squared_error"].mean()
    single[1].loc[3, "predicted"] = np.nan
    single[1].drop(columns="squared_error").to_parquet(paths[1])
    with pytest.raises(UserError, match="gene G3 has a value that is not finite"):
        ensemble(paths)
    single[1].loc[3, "predicted"] = 0.0
    single[1].iloc[1:].drop(columns="squared_error").to_parquet(paths[1])
    with pytest.raises(UserError, match="predicts other genes than"):
        ensemble(paths)


def test_two_methods_with_one_label_are_refused(tmp_path: Path) -> None:
    paths = []
    for method in ("one", "two"):
        paths.append(tmp_path / f"A/{method}/fold11/seed1/predictions.parquet")
        paths[-1].parent.mkdir(parents=True)
        _table(1, 100).drop(columns="squared_error").to_parquet(paths[-1])
    lines = [Line("Same", name, "", name, "", "", []) for name in ("one", "two")]
    with pytest.raises(UserError, match=r"two methods are called 'Same'.* in the file of two"):
        read_ensembles(paths, lines)
    assert set(read_ensembles(paths, lines[:1])) == {("A", "Same")}


def test_a_model_that_knows_the_change_is_told_from_one_that_copies() -> None:
    rng = np.random.default_rng(3)
    cells = ("A", "B", "C")
    base = rng.normal(size=400)
    observed = pd.DataFrame({cell: base + rng.normal(size=400) for cell in cells})
    knows = observed + 0.1 * rng.normal(size=observed.shape)
    copies = pd.DataFrame(dict.fromkeys(cells, observed["A"]))
    promoters = pd.DataFrame({"A": base, "B": base + 0.1, "C": rng.normal(size=400)}).clip(0)
    table = cross_cell(observed, {("Knows", ("A",)): knows, ("Copies", ("A",)): copies}, promoters)
    row = table.set_index(["label", "cell"])
    assert row.loc[("Knows", "B"), "change_pearson"] > 0.95
    assert row.loc[("Knows", "B"), "across_pearson"] > 0.9
    assert np.isnan(row.loc[("Copies", "B"), "change_pearson"]), "no change is predicted"
    assert row.loc[("Copies", "B"), "varying_mse"] > row.loc[("Copies", "B"), "mse"]
    here = table[table["cell"] == "B"]
    copied = here[(here["label"] == BASELINES["copied"]) & (here["trained_on"] == "A")].iloc[0]
    assert copied["mse"] == pytest.approx(row.loc[("Copies", "B"), "mse"])
    near = here[here["label"] == BASELINES["nearest"]].iloc[0]
    assert near["trained_on"] == "A"
    mean = here[here["label"] == BASELINES["mean"]].iloc[0]
    assert mean["mse"] == pytest.approx(
        ((observed["B"] - (observed["A"] + observed["C"]) / 2) ** 2).mean()
    )


def test_the_leaderboard_says_who_is_clearly_better_and_leaves_equals_alone() -> None:
    tables = {
        ("A", "Good"): _table(1, 2000), ("A", "Twin"): _table(2, 2000, wrong=0.01),
        ("A", "Bad"): _table(3, 2000, wrong=1.0),
    }  # fmt: skip
    known, _ = reliability(tables)
    found = leaderboard(tables, known).set_index("label")
    assert found.loc["Good", "better_than"] == found.loc["Twin", "better_than"] == "Bad"
    assert found.loc["Bad", "better_than"] == "" and found.loc["Bad", "rank"] == 3
    assert ((found["low"] < found["mse"]) & (found["mse"] < found["high"])).all()
    with pytest.raises(UserError, match="no row of 'Bad' on A"):
        leaderboard(tables, known[known["label"] != "Bad"])
    page = benchmark_page(found.reset_index(), tables, known, {"all": Path("benchmark.tsv")})
    assert "| 3 | Bad |" in page and "[benchmark.tsv](benchmark.tsv)" in page


def test_of_many_methods_the_best_have_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr("gexpipe.benchmark.page.embedded", lambda f, what: shown.append(f))
    tables = {("A", f"M{i}"): _table(i, 300, wrong=i / 5) for i in range(9)}
    calibration(tables)
    calibration({key: tables[key] for key in list(tables)[:3]})
    many, few = ([text.get_text() for text in f.axes[0].get_legend().texts] for f in shown)
    assert many == [*(f"M{i}" for i in range(6)), "other methods"] and few == ["M0", "M1", "M2"]


def test_a_method_is_drawn_on_each_chromosome_and_its_worst_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = []
    monkeypatch.setattr("gexpipe.benchmark.page.embedded", lambda f, what: shown.append(f))
    columns = ["cell", "label", "kind", "group", "mse"]
    rows = [
        ("SIM1", "Prism", "all", "all", 9.0), ("SIM1", "Prism", "chromosome", "chr22", 0.2),
        ("SIM1", "Prism", "chromosome", "chrX", 0.4), ("SIM1", "GTA", "chromosome", "chrX", 0.3),
    ]  # fmt: skip
    by_chromosome(pd.DataFrame(rows, columns=columns))
    (axis,) = shown[0].axes
    assert [sorted(line.get_xdata()) for line in axis.lines] == [[0.2, 0.4], [0.3]]
    assert [text.get_text() for text in axis.texts] == ["chrX", "chrX"]
    assert "log10" in axis.get_xlabel()


@pytest.mark.workflow
def test_the_page_is_made_by_one_target(finished: Project, few: dict[str, list[str]]) -> None:
    done = finished.run(
        "--quiet", "all", "--rerun-triggers", "mtime", "--", "results/benchmark.html", change=few
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = finished.folder / "results"
    board = pd.read_csv(results / "benchmark.tsv", sep="\t")
    assert set(board["cell"]) == {"SIM1", "SIM2"} and board["rank"].min() == 1
    across = pd.read_csv(results / "tables/cross_cell.tsv", sep="\t")
    moved = across[across["trained_on"].ne(across["cell"]) & across["trained_on"].notna()]
    assert {"Prism", "EPInformer", BASELINES["copied"]} <= set(moved["label"])
    assert across[["mse", "genes"]].notna().all(axis=None)
    text = (results / "benchmark.html").read_text()
    assert "Trained on another cell type, tested on this one" in text and "data:image/png" in text
