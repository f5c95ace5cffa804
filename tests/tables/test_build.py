"""Benchmark tables and figures from tiny metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.tables import app
from gexpipe.errors import UserError
from gexpipe.tables import build, figures
from gexpipe.tables.figures import mean_predictions, scatter, table_figure
from gexpipe.tables.paired import error_increase, paired_table
from gexpipe.tables.plan import Line, written_lines
from gexpipe.tables.published import read_published
from gexpipe.tables.runs import POOLED, run_metrics, run_of
from gexpipe.tables.write import to_markdown, write_table
from tests.conftest import ROOT

LINES = [
    Line("Prism", "prism", "", "prism", "", "prism", ["1"], "prism"),
    Line("Seq2Exp-retrain", "seq2exp_retrain", "", "seq2exp_retrain", "", "seq2exp", ["2"],
         "seq2exp_retrain", "the method is not in the configuration"),
    Line("Linear", "linear", "", "linear", "", "", []),
]  # fmt: skip
LABELS = {"prism": "Prism (ours)", "linear": "Linear"}


@pytest.fixture
def metrics() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("K562", "prism", 11, 2, 800, 0.18, 0.30, 0.87, 0.80),
            ("K562", "prism", 11, 22, 800, 0.20, 0.32, 0.85, 0.82),
            ("K562", "linear", 11, 2, 800, 0.25, 0.40, 0.70, 0.71),
            ("H1", "prism", 11, 2, 700, 0.30, 0.41, 0.60, 0.61),
        ],
        columns=["cell", "method", "fold", "seed", "n", "mse", "mae", "pearson", "spearman"],
    ).assign(test="", predictions="")


@pytest.fixture
def table(metrics: pd.DataFrame) -> pd.DataFrame:
    published = read_published(ROOT / "config" / "published.tsv")
    return build.benchmark_table(
        metrics, published, LINES, ["mse", "pearson"], {"K562": "K562", "mine": "GM12878"}
    )


def test_rows_and_order(table: pd.DataFrame) -> None:
    assert table["cell"].tolist() == ["K562"] * 3 + ["mine"] * 3
    assert table["method"].tolist() == ["prism", "seq2exp_retrain", "linear"] * 2
    assert table["label"].tolist()[:3] == ["Prism", "Seq2Exp-retrain", "Linear"]
    assert table["runs"].tolist() == [2, 0, 1, 0, 0, 0]
    assert table["genes"].dropna().tolist() == [800, 800]
    assert table["published_source"].tolist()[:3] == ["prism table 1", "seq2exp table 2", ""]


def test_mean_sample_sd_and_difference(table: pd.DataFrame) -> None:
    row = table.iloc[0]
    assert row["mse"] == pytest.approx(0.19)
    assert row["mse_sd"] == pytest.approx(0.02 / 2**0.5)
    assert row["mse_published"] == 0.1789
    assert row["mse_published_sd"] == 0.0041
    assert row["mse_difference"] == pytest.approx(0.0111)
    assert row["pearson"] == pytest.approx(0.86)
    assert row["pearson_difference"] == pytest.approx(0.86 - 0.8751)


def test_method_without_runs_keeps_its_published_value(table: pd.DataFrame) -> None:
    row = table.iloc[1]
    assert row["mse_published"] == 0.1979
    assert row[["mse", "mse_sd", "mse_difference", "mse_published_sd"]].isna().all()


def test_method_that_is_not_declared_has_no_published_value(table: pd.DataFrame) -> None:
    row = table.iloc[2]
    assert row["mse"] == 0.25
    assert row[["mse_sd", "mse_published", "mse_published_sd", "mse_difference"]].isna().all()


def test_cell_whose_published_values_stand_beside(table: pd.DataFrame) -> None:
    assert table["mse_published"].tolist()[3:5] == [0.1759, 0.1887]
    assert table["published_cell"].tolist()[3] == "GM12878"


def test_markdown(table: pd.DataFrame) -> None:
    lines = to_markdown(table, "Tiny", ["mse", "pearson"]).splitlines()
    assert lines[0] == "# Tiny"
    assert "| method | runs | MSE | Pearson |" in lines
    assert (
        "| Prism | 2 | 0.1900 ± 0.0141 (0.1789, +0.0111) | 0.8600 ± 0.0141 (0.8751, -0.0151) |"
        in lines
    )
    assert "| Seq2Exp-retrain | 0 | - (0.1979) | - (0.8623) |" in lines
    assert "| Linear | 1 | 0.2500 | 0.7000 |" in lines
    assert "## mine (published values are those of GM12878)" in lines
    assert "## K562" in lines


def test_written_table_reads_back(table: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "tables" / "tiny.tsv"
    write_table(table, out, "# Tiny\n")
    again = pd.read_csv(out, sep="\t")
    assert again["mse"].tolist()[:1] == [0.19]
    assert list(again) == list(table)
    assert out.with_suffix(".md").read_text() == "# Tiny\n"


def test_controls(metrics: pd.DataFrame) -> None:
    mixed = metrics[metrics["method"] == "prism"].assign(mse=[0.26, 0.28, 0.29])

    def increase(runs: pd.DataFrame, exchanged: pd.DataFrame) -> tuple[float, float]:
        grown = exchanged["mse"].mean() - runs["mse"].mean()
        return grown - 0.01, grown + 0.01

    table = build.controls_table(metrics, mixed, LABELS, increase).set_index("cell")
    assert table["method"].tolist() == ["prism", "prism"]
    assert table["label"].tolist() == ["Prism (ours)"] * 2
    first = table.loc["K562"]
    assert first["mse"] == pytest.approx(0.19)
    assert first["mse_shuffled"] == pytest.approx(0.27)
    assert first["mse_linear"] == 0.25
    assert first["uses_window"]
    assert first["beats_linear"]
    # Shuffling does not hurt, and no linear model was run: nothing can be said about it.
    assert not table.loc["H1", "uses_window"]
    assert pd.isna(table.loc["H1", "beats_linear"])


def test_only_an_interval_above_zero_says_that_the_window_is_used() -> None:
    rng = np.random.default_rng(0)
    genes = [f"g{i}" for i in range(300)]
    observed = rng.normal(size=300)

    def run(noise: float, seed: int) -> pd.DataFrame:
        drawn = np.random.default_rng(seed).normal(scale=noise, size=300)
        return pd.DataFrame(
            {"gene_id": genes, "observed": observed, "predicted": observed + drawn}
        ).sample(frac=1, random_state=seed)

    low, high = error_increase([run(0.5, 1), run(0.5, 2)], [run(1, 3), run(1, 4)])
    assert 0 < low < 0.75 < high < 1.1
    constant = run(0, 1).assign(predicted=0.3)
    jittered = constant.assign(predicted=0.3 + 1e-7 * rng.normal(size=300))
    low, high = error_increase([constant], [jittered])
    assert low <= 0 <= high, "a constant prediction reads no window"


def test_controls_without_shuffled_runs(metrics: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="no method has both"):
        build.controls_table(metrics, metrics.iloc[:0], LABELS, lambda a, b: (0, 0))


def test_run_is_read_from_the_path() -> None:
    run = run_of("results/runs/K562/prism/fold11/seed22/predictions.parquet")
    assert run == {"test": "", "cell": "K562", "method": "prism", "fold": 11, "seed": 22}
    tested = "results/tested/length2000/K562/prism-0a1b2c3d/fold1/seed2/predictions.parquet"
    assert run_of(tested)["test"] == "length2000"
    assert run_of(tested)["method"] == "prism-0a1b2c3d"
    with pytest.raises(UserError, match=r"elsewhere\.parquet: the path does not end"):
        run_of("elsewhere.parquet")


def test_a_changed_test_is_another_row(metrics: pd.DataFrame) -> None:
    changed = metrics.assign(test="dropDNase", mse=9.0)
    line = Line("Prism", "prism", "dropped=DNase", "prism", "dropDNase", "", [])
    both = pd.concat([metrics, changed])
    published = read_published(ROOT / "config" / "published.tsv")
    table = build.benchmark_table(both, published, [LINES[0], line], ["mse"], {"K562": "K562"})
    assert table["mse"].tolist() == [pytest.approx(0.19), 9.0]
    assert "| Prism | dropped=DNase | 2 | 9.0000 ± 0.0000 |" in to_markdown(table, "T", ["mse"])


def test_folds_apart_and_pooled(tmp_path: Path) -> None:
    paths = []
    for fold, shift in ((1, 0.0), (2, 3.0)):
        path = tmp_path / f"K562/epinformer_hic/fold{fold}/seed2/predictions.parquet"
        path.parent.mkdir(parents=True)
        observed = np.array([0.0, 1.0, 3.0]) + shift
        table = pd.DataFrame({"gene_id": [f"g{fold}{i}" for i in range(3)], "split": "test"})
        table.assign(observed=observed, predicted=[0.1, 0.4, 0.2]).to_parquet(path)
        paths.append(path)
    found = run_metrics(paths, pool=True)
    assert found["fold"].tolist() == [1, 2, POOLED]
    assert found["n"].tolist() == [3, 3, 6]
    setting = "variant=PE-Activity-HiC; target=rnaseq"
    line = Line("HiC", "epinformer", setting, "epinformer_hic", "", "epinformer", ["notebooks"],
                "epinformer")  # fmt: skip
    published = read_published(ROOT / "config" / "published.tsv")
    cells = {"K562": "K562"}
    table = build.benchmark_table(found, published, [line], ["pearson"], cells, by_fold=True)
    assert [text.split("; ")[-1] for text in table["setting"]] == ["fold=1", "fold=2", "fold=all"]
    assert table["pearson_published"].tolist() == [
        pytest.approx(0.87794, abs=1e-5), pytest.approx(0.88854, abs=1e-5),
        pytest.approx(0.86307, abs=1e-5),
    ]  # fmt: skip
    x, y = np.array([0, 1, 3, 3, 4, 6.0]), np.array([0.1, 0.4, 0.2] * 2)
    assert table["pearson"].iloc[2] == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_parameters_beside_the_published_number() -> None:
    line = Line(
        "Seq2Exp-soft", "seq2exp_soft", "", "seq2exp_soft", "", "prism", ["3"], "seq2exp_soft"
    )
    published = read_published(ROOT / "config" / "published.tsv")
    row = build.parameter_table({"seq2exp_soft": 1_114_249}, published, [line]).iloc[0]
    assert (row["parameters"], row["parameters_published"]) == (1_114_249, 1_100_000)
    assert row["parameters_difference"] == 14_249


def test_paired_bootstrap_tells_a_better_predictor_from_an_equal_one() -> None:
    draw = np.random.default_rng(0)
    genes, observed = [f"g{i}" for i in range(300)], draw.normal(size=300)

    def predictor(noise: float) -> pd.DataFrame:
        values = observed + draw.normal(scale=noise, size=300)
        return pd.DataFrame({"gene_id": genes, "observed": observed, "predicted": values})

    good, poor = predictor(0.3), predictor(1.0)
    table = paired_table({"good": good, "poor": poor, "twin": good.iloc[::-1]}, samples=200)
    table = table.set_index(["a", "b", "metric"])
    row = table.loc[("good", "poor", "mse")]
    assert row["difference"] == pytest.approx(row["value_a"] - row["value_b"])
    assert row["high"] < 0
    assert row["p"] == pytest.approx(2 / 200)
    assert table.loc[("good", "poor", "pearson"), "low"] > 0
    assert table.loc[("good", "twin", "mse"), "difference"] == 0
    assert table.loc[("good", "twin", "mse"), "p"] == 1


def test_figures_of_tables(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}
    kept = lambda figure: drawn.update(axes=figure.axes, height=figure.get_figheight())  # noqa: E731
    monkeypatch.setattr(figures.plt, "close", kept)
    table_figure(table, "pearson", None, "Bars", tmp_path / "bars.png")
    first, second = drawn["axes"]
    assert [text.get_text() for text in first.get_yticklabels()] == [
        "Prism", "Seq2Exp-retrain", "Linear",
    ]  # fmt: skip
    assert first.get_xlabel() == "Pearson"
    assert "published, GM12878" in second.get_legend_handles_labels()[1]
    lines = table.assign(setting=[f"test_length={i}" for i in range(1, len(table) + 1)])
    table_figure(lines, "mse", "test_length", "Lines", tmp_path / "lines.png")
    axis = drawn["axes"][0]
    assert axis.get_xlabel() == "test length (bp)"
    assert axis.get_ylabel() == "MSE of log10(1 + expression)"
    for name in ("bars.png", "lines.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


def test_figure_shows_what_there_is(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes: list[Any] = []
    monkeypatch.setattr(figures.plt, "close", lambda figure: axes.append(figure.axes[0]))
    table = table.assign(pearson_published=np.nan, label=[str(i) for i in range(len(table))])
    table.loc[1, "pearson"] = np.nan
    table_figure(table, "pearson", None, "Bars", tmp_path / "bars.png")
    first = table[table["cell"] == table["cell"].iloc[0]]
    names = [text.get_text() for text in axes[0].get_yticklabels()]
    assert names == first.dropna(subset="pearson")["label"].tolist() and "1" not in names
    assert axes[0].get_legend() is None


def test_figure_of_folds_has_a_bar_for_the_pooled_genes(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes: list[Any] = []
    monkeypatch.setattr(figures.plt, "close", lambda figure: axes.extend(figure.axes))
    own = pd.concat([table[:1]] * 3, ignore_index=True)
    own["setting"] = ["variant=PE; fold=1", "variant=PE; fold=2", "variant=PE; fold=all"]
    own["pearson"] = [0.5, 0.7, 0.6]
    table_figure(own, "pearson", None, "Folds", tmp_path / "folds.png")
    (axis,) = axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["Prism\nvariant=PE"]
    assert [patch.get_width() for patch in axis.patches] == [0.6]
    (dots,) = (line for line in axis.lines if line.get_marker() == ".")
    assert dots.get_xdata().tolist() == [0.5, 0.7]


def test_command_line(metrics: pd.DataFrame, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.parquet" for number in range(len(metrics))]
    genes = {"gene_id": ["g1", "g2"], "split": "test", "observed": [0.1, 0.4]}
    for path in paths:
        pd.DataFrame({**genes, "predicted": [0.2, 0.3]}).to_parquet(path)
    metrics = metrics.assign(predictions=[str(path) for path in paths])
    metrics.to_csv(tmp_path / "metrics.tsv", sep="\t", index=False)
    common = ["--metrics", str(tmp_path / "metrics.tsv")]
    benchmark = [
        "benchmark", *common, "--published", str(ROOT / "config" / "published.tsv"),
        "--lines", written_lines(LINES), "--title", "Table 1",
        "--metric", "mse", "--cell", "K562=K562", "--out", str(tmp_path / "table1.tsv"),
    ]  # fmt: skip
    controls = [
        "controls", *common, "--shuffled", str(tmp_path / "metrics.tsv"),
        "--method", "prism=Prism", "--out", str(tmp_path / "controls.tsv"),
    ]  # fmt: skip
    figure = ["figure", "--table", str(tmp_path / "table1.tsv"), "--metric", "mse",
              "--title", "T", "--out", str(tmp_path / "table1.png")]  # fmt: skip
    for arguments in (benchmark, controls, figure):
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert len(pd.read_csv(tmp_path / "table1.tsv", sep="\t")) == 3
    assert "| Prism | 2 | 0.1900 ± 0.0141 (0.1789, +0.0111)" in (tmp_path / "table1.md").read_text()
    assert (tmp_path / "controls.md").read_text().count("| prism") == 2
    with pytest.raises(UserError, match="neither YAML nor JSON"):
        CliRunner().invoke(app, [*benchmark[:6], "{", *benchmark[7:]], catch_exceptions=False)


@pytest.fixture
def predictions(tmp_path: Path) -> list[Path]:
    paths = []
    for shift in (-0.1, 0.1):
        table = pd.DataFrame(
            {
                "gene_id": ["g3", "g1", "g2", "g4"],
                "split": ["test", "test", "test", "valid"],
                "observed": [0.0, 1.0, 2.0, 9.0],
                "predicted": np.array([0.5, 1.5, 1.0, 9.0]) + shift,
            }
        )
        paths.append(tmp_path / f"{shift}.parquet")
        table.to_parquet(paths[-1])
    return paths


def test_mean_predictions(predictions: list[Path]) -> None:
    table = mean_predictions(predictions)
    assert table["gene_id"].tolist() == ["g3", "g1", "g2"]
    assert table["predicted"].tolist() == pytest.approx([0.5, 1.5, 1.0])
    with pytest.raises(UserError, match="no predictions of the train split"):
        mean_predictions(predictions, "train")


def test_scatter(predictions: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "figures" / "scatter.png"
    assert scatter(mean_predictions(predictions), "Prism, K562", out) == pytest.approx(0.5)
    assert out.read_bytes().startswith(b"\x89PNG")
    first = out.read_bytes()
    scatter(mean_predictions(predictions), "Prism, K562", out)
    assert out.read_bytes() == first


def test_scatter_of_a_constant_has_no_correlation(tmp_path: Path) -> None:
    flat = pd.DataFrame({"observed": [0.0, 1.0, 2.0], "predicted": [1.0, 1.0, 1.0]})
    assert np.isnan(scatter(flat, "flat", tmp_path / "flat.png"))
    alone = pd.DataFrame({"observed": [1.0], "predicted": [1.0]})
    assert np.isnan(scatter(alone, "one gene", tmp_path / "alone.png"))


def test_chosen_genes_of_all_folds_as_one_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"E{i}" for i in range(40)]
    for fold in (1, 2, 3):
        path = tmp_path / f"K562/prism/fold{fold}/seed2/predictions.parquet"
        path.parent.mkdir(parents=True)
        own = names[10 * fold : 10 * fold + 10]
        observed = rng.normal(size=10)
        found = pd.DataFrame({"gene_id": own, "split": "test", "observed": observed})
        found.assign(predicted=observed + rng.normal(size=10)).to_parquet(path)
    (tmp_path / "holdout").write_text("\n".join(names[:25]))
    genes = pd.DataFrame({"gene_id": names, "symbol": names, "chrom": "chr1", "tss": 1})
    genes = genes.assign(start=0, end=9, strand="+", source="gtf")
    genes.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    files = sorted(tmp_path.glob("K562/prism/*/*/predictions.parquet"))
    command = ["metrics", "--pool", "--only", str(tmp_path / "holdout"), "--out"]
    command += [str(tmp_path / "m.tsv"), "--genes", str(tmp_path / "genes.tsv")]
    command += [part for path in files for part in ("--predictions", str(path))]
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    metrics = pd.read_csv(tmp_path / "m.tsv", sep="\t").assign(test="")
    assert metrics[["fold", "n"]].to_numpy().tolist() == [[1, 10], [2, 5], [POOLED, 15]]
    published = read_published(ROOT / "config" / "published.tsv")
    given = (metrics, published, LINES[:1], ["pearson"], {"K562": "K562"})
    table = build.benchmark_table(*given, pooled=True)
    assert table["genes"].tolist() == [15] and table["runs"].tolist() == [1]
    assert table["pearson"].item() == metrics["pearson"].iloc[2]
    both = pd.concat([pd.read_parquet(path) for path in files])
    both = both[both["gene_id"].isin(names[:25])]
    assert table["pearson"].item() == pytest.approx(both["observed"].corr(both["predicted"]))


def test_a_published_value_of_one_fold_stands_beside_that_fold_alone() -> None:
    published = read_published(ROOT / "config" / "published.tsv")
    where = ("recipe=seq2exp", "epinformer", "", "seq2exp", ["1"], "epinformer")
    of_fold: dict[str, Any] = {"known_setting": "", "known_folds": [11], "tested": [11]}
    line = Line("Seq2Exp's run", "epinformer", *where, **of_fold)
    runs = [
        {"cell": "K562", "method": "epinformer", "test": "", "fold": fold, "seed": 2, "n": 5,
         "pearson": 0.8}
        for fold in (10, 11, POOLED)
    ]  # fmt: skip
    cells = {"K562": "K562"}
    table = build.benchmark_table(
        pd.DataFrame(runs), published, [line], ["pearson"], cells, by_fold=True
    )
    known = table.set_index("setting")["pearson_published"]
    assert known["recipe=seq2exp; fold=11"] == pytest.approx(0.8473)
    assert known.drop("recipe=seq2exp; fold=11").isna().all()
