"""The first page of a run, and what the terminal says at its end."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.tables.failed import failed_jobs, failed_words
from gexpipe.tables.front import best_and_worst, closing_words, front_page, scored_rows
from gexpipe.tables.page import write_page

ERRORS = {"good": 0.1, "bad": 0.8}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table and metrics of two methods with two runs each; predictions lie where they say."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    observed = rng.normal(size=200)
    metrics, lines = [], []
    for method, spread in ERRORS.items():
        for seed in (1, 2):
            noise = spread * rng.normal(size=200)
            noise[7] = 5 * spread  # the gene that every run misses
            path = Path(f"results/runs/A/{method}/fold11/seed{seed}/predictions.parquet")
            path.parent.mkdir(parents=True)
            pd.DataFrame(
                {
                    "gene_id": [f"G{i:03}" for i in range(200)],
                    "symbol": [f"S{i:03}" for i in range(200)],
                    "chrom": "chr22", "fold": 11, "split": "test",
                    "observed": observed, "predicted": observed + noise,
                }
            ).to_parquet(path)  # fmt: skip
            mse = float((noise**2).mean())
            metrics.append(
                {"cell": "A", "method": method, "test": "", "fold": 11, "seed": seed, "n": 200,
                 "predictions": str(path), "mse": mse}
            )  # fmt: skip
        mse = float(np.mean([m["mse"] for m in metrics if m["method"] == method]))
        lines.append(
            {"cell": "A", "run": method, "label": method.title(), "runs": 2, "genes": 200,
             "mse": mse, "pearson": 0.9}
        )  # fmt: skip
    lines.append({"cell": "A", "run": "later", "label": "Later", "runs": 0, "genes": np.nan,
                  "mse": np.nan, "pearson": np.nan})  # fmt: skip
    return pd.DataFrame(lines), pd.DataFrame(metrics)


def test_rows_that_ran_are_shown_with_an_interval_that_holds_the_mean(
    run: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    rows = scored_rows(*run)
    assert [row.label for row in rows] == ["Good", "Bad"], "smallest error first"
    for row in rows:
        assert row.low < row.mse < row.high and row.genes == 200 and row.runs == 2
    assert rows[0].high < rows[1].low


def test_the_page_names_the_genes_that_are_missed_and_what_is_there_only(
    run: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    controls = pd.DataFrame({"cell": ["A"], "label": ["Good"], "uses_window": [True]})
    rows = scored_rows(*run)
    (best, worst) = best_and_worst(rows)["A"].items()
    assert worst == ("G007", "S007") and best != worst
    assert "a picture" in front_page(rows, tmp_path / "results", loci={"A": ["a picture"]})
    text = front_page(rows, tmp_path / "results", controls)
    (worst,) = (line for line in text.splitlines() if line.startswith("| worst | S007"))
    assert worst.endswith("| 0.500 |")
    good, bad = (line for line in text.splitlines() if line.startswith("| A |"))
    assert good.endswith("| yes |") and bad.endswith("| - |")
    assert "](runs)" in text and "](quality.html)" not in text
    page = tmp_path / "results/index.html"
    write_page(text, page)
    assert '<img src="data:image/png;base64,' in page.read_text()


def test_the_end_of_a_run_says_the_best_method_and_the_page(
    run: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "results/tables").mkdir()
    run[0].to_csv(tmp_path / "results/tables/table1.tsv", sep="\t", index=False)
    (tmp_path / "results/index.html").touch()
    words = closing_words(tmp_path / "results")
    assert "A: of 2 methods Good has the smallest error" in words[1]
    assert words[2].startswith("  Open first: ") and words[2].endswith("index.html")
    assert len(words) <= 10
    later = time.time() + 60
    assert not any("smallest error" in line for line in closing_words(tmp_path / "results", later))


def test_a_failed_job_shows_the_end_of_its_log_and_no_progress_bar(tmp_path: Path) -> None:
    job = tmp_path / "logs/train.log"
    job.parent.mkdir()
    job.write_text("begun\n" + "".join(f"\r{i} %" for i in range(50)) + "\nerror: no memory\n")
    words = failed_words([("train", [job])])
    assert words[0] == f"gexpipe: train failed. The end of its log, {job}:"
    assert words[1:4] == ["  begun", "  49 %", "  error: no memory"]
    assert failed_words([]) == failed_jobs(object()) == []
