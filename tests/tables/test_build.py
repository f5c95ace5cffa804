"""Benchmark tables and figures from tiny metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.tables import app
from gexpipe.errors import UserError
from gexpipe.tables import build
from gexpipe.tables.figures import mean_predictions, scatter
from gexpipe.tables.published import read_published
from gexpipe.tables.runs import read_run_metrics
from tests.conftest import ROOT

DECLARATION = {
    "title": "Tiny",
    "metrics": ["mse", "pearson"],
    "rows": [
        {"method": "prism", "label": "Prism", "published": {"paper": "prism", "tables": ["1"]}},
        {
            "method": "seq2exp_retrain",
            "label": "Seq2Exp-retrain",
            "published": {"paper": "seq2exp", "tables": ["2"]},
        },
    ],
}
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
    )


@pytest.fixture
def table(metrics: pd.DataFrame) -> pd.DataFrame:
    published = read_published(ROOT / "config" / "published.tsv")
    return build.benchmark_table(
        metrics, published, DECLARATION, LABELS, {"K562": "K562", "mine": "GM12878"}
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
    lines = build.to_markdown(table, "Tiny", ["mse", "pearson"]).splitlines()
    assert lines[0] == "# Tiny"
    assert "| method | runs | MSE | Pearson |" in lines
    assert (
        "| Prism | 2 | 0.1900 ± 0.0141 (0.1789, +0.0111) | 0.8600 ± 0.0141 (0.8751, -0.0151) |"
        in lines
    )
    assert "| Seq2Exp-retrain | 0 | - (0.1979) | - (0.8623) |" in lines
    assert "| Linear | 1 | 0.2500 | 0.7000 |" in lines
    assert "## mine (in brackets GM12878, to compare the form only)" in lines
    assert "## K562" in lines


def test_written_table_reads_back(table: pd.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "tables" / "tiny.tsv"
    build.write_table(table, out, "# Tiny\n")
    again = pd.read_csv(out, sep="\t")
    assert again["mse"].tolist()[:1] == [0.19]
    assert list(again) == list(table)
    assert out.with_suffix(".md").read_text() == "# Tiny\n"


def test_controls(metrics: pd.DataFrame) -> None:
    mixed = metrics[metrics["method"] == "prism"].assign(mse=[0.26, 0.28, 0.29])
    table = build.controls_table(metrics, mixed, LABELS).set_index("cell")
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


def test_controls_without_shuffled_runs(metrics: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="no method has both"):
        build.controls_table(metrics, metrics.iloc[:0], LABELS)


def test_run_is_read_from_the_path(tmp_path: Path) -> None:
    file = tmp_path / "metrics.tsv"
    path = "results/runs/K562/prism/fold11/seed22/predictions.parquet"
    file.write_text(f"predictions\tmse\n{path}\t0.2\n")
    row = read_run_metrics(file).iloc[0]
    assert row[["cell", "method", "fold", "seed", "mse"]].tolist() == ["K562", "prism", 11, 22, 0.2]
    file.write_text("predictions\tmse\nelsewhere.parquet\t0.2\n")
    with pytest.raises(UserError, match=r"metrics\.tsv: the path elsewhere\.parquet does not end"):
        read_run_metrics(file)


def test_command_line(metrics: pd.DataFrame, tmp_path: Path) -> None:
    runs = metrics.assign(
        predictions=[
            f"results/runs/{row.cell}/{row.method}/fold{row.fold}/seed{row.seed}/predictions.parquet"
            for row in metrics.itertuples()
        ]
    ).drop(columns=["cell", "method", "fold", "seed"])
    runs.to_csv(tmp_path / "metrics.tsv", sep="\t", index=False)
    common = ["--metrics", str(tmp_path / "metrics.tsv"), "--method", "prism=Prism"]
    benchmark = [
        "benchmark", *common, "--published", str(ROOT / "config" / "published.tsv"),
        "--declaration", str(ROOT / "config" / "tables" / "table1.yaml"),
        "--cell", "K562=K562", "--out", str(tmp_path / "table1.tsv"),
    ]  # fmt: skip
    controls = [
        "controls", *common, "--shuffled", str(tmp_path / "metrics.tsv"),
        "--out", str(tmp_path / "controls.tsv"),
    ]  # fmt: skip
    for arguments in (benchmark, controls):
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert len(pd.read_csv(tmp_path / "table1.tsv", sep="\t")) == 12
    assert "| Prism | 2 | 0.1900 ± 0.0141 (0.1789, +0.0111)" in (tmp_path / "table1.md").read_text()
    assert (tmp_path / "controls.md").read_text().count("| prism") == 2


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
