"""The first page of a run: its table, how sure the numbers are, its genes, what lies where."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from gexpipe.tables.costs import duration, memory
from gexpipe.tables.ensemble import mean_of_runs
from gexpipe.tables.metrics import read_predictions
from gexpipe.tables.paired import error_interval
from gexpipe.tabular import read_tsv

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = [
    "PLACES",
    "Row",
    "bars",
    "best_and_worst",
    "closing_words",
    "embedded",
    "front_page",
    "markdown_rows",
    "scored_rows",
]

# What a run leaves for people, in the order in which they look: path below results/, what it is.
PLACES = (
    ("tables/table1.html", "every method beside its published values"),
    ("benchmark.html", "which model to trust, where, and how far"),
    ("tables/controls.html", "does a method read its window: errors with windows exchanged"),
    ("figures/scatter", "predicted against observed expression, a figure for each method"),
    ("figures/training", "how the error fell in training, a figure for each cell type"),
    ("tables/published.html", "every published number: computed here, or what it needs"),
    ("tables/all", "the list of all tables that were built"),
    ("quality.html", "is each cell type's input what it should be"),
    ("tables/costs.html", "time and memory of every rule"),
    ("provenance.html", "where every file came from, with checksums and versions"),
    ("runs", "one folder a training: checkpoint, history, predictions.parquet"),
    ("windows", "window stores, for models of your own"),
)
NEXT = (
    (
        "`snakemake --cores N results/benchmark.html`",
        "the leaderboard, with intervals",
    ),
    ("`snakemake --cores N results/tables/all`", "all tables and figures of the papers"),
    ("`snakemake --report report.zip`", "this and every figure as one file to send to others"),
    ("`gexpipe discover --help`", "which elements a model looks at"),
    ("docs/add_a_cell.md, docs/add_a_method.md", "your own cell types and methods"),
)
EXTREMES = 5  # best and worst predicted genes that are shown
COSTLIEST = 5
APART = 20  # times the smallest error: bars that differ by more need a logarithmic axis


@dataclass(frozen=True)
class Row:
    """A method on a cell type: mean error over runs, and its interval over test genes.

    Attributes
    ----------
    cell, label : str
        Cell type; the method's label.
    runs, genes : int
        Trainings, and test genes of each.
    mse, low, high : float
        Mean squared error averaged over runs; 95 % interval over resampled genes.
    mean : DataFrame
        gene_id, symbol, observed, predicted (averaged over runs) of the test genes.
    """

    cell: str
    label: str
    runs: int
    genes: int
    mse: float
    low: float
    high: float
    mean: pd.DataFrame


def scored_rows(table: pd.DataFrame, metrics: pd.DataFrame) -> list[Row]:
    """The rows of a benchmark table that were run, the smallest error of a cell type first.

    Parameters
    ----------
    table : DataFrame
        `gexpipe.tables.build.benchmark_table`.
    metrics : DataFrame
        The metrics it was built from, which name the prediction files. Means of seeds in them are
        left out.
    """
    rows = []
    if "ensemble" in table:  # the leaderboard has them, with intervals of their own
        table = table[table["ensemble"] == 0]
    metrics = metrics[metrics["predictions"] != ""]  # neither those nor genes of several folds
    for line in table[table["runs"] > 0].to_dict("records"):
        runs = metrics[(metrics["cell"] == line["cell"]) & (metrics["method"] == line["run"])]
        if runs.empty:
            continue
        read = [read_predictions(Path(path), "test") for path in runs["predictions"]]
        low, high = error_interval(read)
        by_path = dict(zip(runs["predictions"], read, strict=True))
        folds = [
            mean_of_runs({path: by_path[path] for path in paths})
            for _, paths in runs.groupby("fold")["predictions"]
        ]
        mean = pd.concat(folds, ignore_index=True)
        rows.append(
            Row(
                line["cell"], line["label"], len(runs), len(mean), float(line["mse"]), low, high,
                mean,
            )
        )  # fmt: skip
    order = {cell: at for at, cell in enumerate(table["cell"].unique())}
    return sorted(rows, key=lambda row: (order[row.cell], row.mse))


def bars(rows: Sequence[Row]) -> str:
    """A bar a method and cell type, with its interval, as a picture within Markdown."""
    cells = list(dict.fromkeys(row.cell for row in rows))
    size = (1.5 + 4.5 * len(cells), 1.2 + 0.3 * max(sum(r.cell == c for r in rows) for c in cells))
    figure, axes = plt.subplots(1, len(cells), figsize=size, squeeze=False, layout="constrained")
    for axis, cell in zip(axes[0], cells, strict=True):
        own = [row for row in rows if row.cell == cell]
        mse = np.array([row.mse for row in own])
        around = np.array([[row.mse - row.low, row.high - row.mse] for row in own]).clip(0).T
        axis.barh(np.arange(len(own)), mse, xerr=around, color="#7a9cc6", ecolor="0.3")
        axis.set_yticks(np.arange(len(own)), [row.label for row in own], fontsize="small")
        axis.invert_yaxis()
        axis.set_title(cell)
        if mse.max() > APART * mse.min() > 0:
            axis.set_xscale("log")
        axis.spines[["top", "right"]].set_visible(False)
    words = "MSE of log10 expression on test genes (lines: 95 % interval over genes)"
    figure.supxlabel(words, fontsize="medium")
    return embedded(figure, "MSE of every method")


def embedded(figure: Any, what: str) -> str:
    """A figure, closed, as a picture within Markdown."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    return f"![{what}](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})"


def markdown_rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table in Markdown, and a blank one."""
    head = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return [*head, *(f"| {' | '.join(cell.replace('|', ' ') for cell in r)} |" for r in rows), ""]


def _by_error(row: Row) -> pd.DataFrame:
    """Test genes, the smallest error of the mean prediction first."""
    error = (row.mean["predicted"] - row.mean["observed"]).abs()
    return row.mean.assign(error=error).sort_values("error", kind="stable")


def best_and_worst(rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """Cell type -> id and symbol of the genes that its best method predicts best and worst."""
    best = {row.cell: _by_error(row) for row in reversed(rows)}
    return {
        cell: dict(best[cell].iloc[[0, -1]][["gene_id", "symbol"]].to_numpy())
        for cell in dict.fromkeys(row.cell for row in rows)
    }


def _genes(best: Row) -> list[str]:
    ordered = _by_error(best)
    lines = [
        f"### {best.cell}: {best.label}", "",
        "Expression is log10 of the signal; the error is |predicted - observed|.", "",
    ]  # fmt: skip
    shown = [("best", ordered.head(EXTREMES)), ("worst", ordered.iloc[::-1].head(EXTREMES))]
    records: list[list[str]] = []
    for which, part in shown:
        for gene in part.to_dict("records"):
            numbers = [f"{gene[name]:.3f}" for name in ("observed", "predicted", "error")]
            records.append([which, str(gene["symbol"] or gene["gene_id"]), *numbers])
    return lines + markdown_rows(["", "gene", "observed", "predicted", "error"], records)


def _uses(controls: pd.DataFrame | None, row: Row) -> str:
    if controls is None:
        return "-"
    own = controls[(controls["cell"] == row.cell) & (controls["label"] == row.label)]
    if own.empty:
        return "-"
    return "yes" if bool(own["uses_window"].iloc[0]) else "no sign of it"


def front_page(
    rows: Sequence[Row],
    results: Path,
    controls: pd.DataFrame | None = None,
    costs: pd.DataFrame | None = None,
    figures: Sequence[Path] = (),
    loci: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The page as Markdown.

    Parameters
    ----------
    rows : sequence of Row
        Of `scored_rows`.
    results : Path
        The folder in which the page will lie; `PLACES` that exist there are listed.
    controls, costs : DataFrame, optional
        Tables of the run.
    figures : sequence of Path
        Figures to show, below ``results``.
    loci : mapping, optional
        Cell type -> pictures of `best_and_worst` genes, as Markdown.
    """
    lines = ["# What this run found", ""]
    if rows:
        lines += [bars(rows), ""]
        lines += markdown_rows(
            ["cell", "method", "runs", "test genes", "MSE (95 % interval)", "reads its window"],
            [
                [
                    row.cell, row.label, str(row.runs), f"{row.genes:,}",
                    f"{row.mse:.4f} ({row.low:.4f} - {row.high:.4f})", _uses(controls, row),
                ]
                for row in rows
            ],
        )  # fmt: skip
        lines += [
            "MSE: mean squared error of log10 expression, averaged over runs; its interval comes "
            "from resampling the test genes. `reads its window`: the error grows when windows are "
            "exchanged between genes, beyond chance; `-`: not tested (no window, or no control).",
            "",
        ]
        best = {row.cell: row for row in reversed(rows)}
        lines += ["## Best and worst predicted genes", ""]
        for cell in dict.fromkeys(row.cell for row in rows):
            lines += _genes(best[cell])
            if loci and cell in loci:
                lines += [
                    "What lies around the best and the worst of them: genes, signals, contact, ABC "
                    "scores, and, in a simulated genome, what acts on the gene.", "",
                    *(line for picture in loci[cell] for line in (picture, "")),
                ]  # fmt: skip
    if figures:
        lines += ["## Predicted against observed", ""]
        lines += [f"![{path.stem}]({path.relative_to(results).as_posix()})" for path in figures]
        lines.append("")
    if costs is not None:
        lines += ["## What it cost", ""]
        total = costs[costs["rule"] == "total"]
        shown = pd.concat([costs[costs["rule"] != "total"].head(COSTLIEST), total])
        lines += markdown_rows(
            ["rule", "jobs", "time", "CPU time", "peak memory"],
            [
                [
                    str(r["rule"]), f"{r['jobs']:.0f}", duration(r["hours"]),
                    duration(r["cpu_hours"]), memory(r["peak_memory_mb"]),
                ]
                for r in shown.to_dict("records")
            ],
        )  # fmt: skip
    lines += ["## Where everything lies", ""]
    lines += markdown_rows(
        ["below this folder", "what"], [[_link(p), what] for p, what in _there(results)]
    )
    lines += ["## What to do next", ""]
    lines += markdown_rows(["command or page", "what for"], [list(pair) for pair in NEXT])
    return "\n".join(lines)


def _there(results: Path) -> list[tuple[str, str]]:
    return [(path, what) for path, what in PLACES if (results / path).exists()]


def _link(path: str) -> str:
    return f"[{path}]({path})"


def closing_words(results: Path, since: float = 0.0) -> list[str]:
    """What the terminal says when a run ended well: the best methods, and what lies where.

    A table that is older than ``since`` (seconds, as of `time.time`) is not of this run, and
    nothing is said of its methods.
    """
    lines = ["gexpipe: finished."]
    table = results / "tables/table1.tsv"
    if table.exists() and table.stat().st_mtime >= since:
        found = read_tsv(table, "benchmark table")
        if "ensemble" in found:
            found = found[found["ensemble"] == 0]
        for cell, own in found.dropna(subset=["mse"]).groupby("cell", sort=False):
            best: dict[Any, Any] = own.sort_values("mse").iloc[0].to_dict()
            lines.append(
                f"  {cell}: of {len(own)} methods {best['label']} has the smallest error, MSE "
                f"{best['mse']:.4f}, Pearson {best['pearson']:.3f} ({best['genes']:.0f} test genes)"
            )
    page = results / "index.html"
    if page.exists():
        lines.append(f"  Open first: {page}")
    lines += [f"  {results / path}: {what}" for path, what in _there(results)[:5]]
    return lines
