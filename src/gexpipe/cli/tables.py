"""``gexpipe tables``: benchmark tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError
from gexpipe.log import get_logger

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Benchmark tables and figures.")
logger = get_logger(__name__)

Methods = Annotated[list[str], typer.Option("--method", help="NAME=LABEL of a method; repeat.")]
Out = Annotated[Path, typer.Option(help="Output file; a .md form goes beside a .tsv.")]
Metrics = Annotated[Path, typer.Option(help="Metrics of every run, TSV.")]


def _pairs(items: list[str], flag: str) -> dict[str, str]:
    pairs = dict(item.partition("=")[::2] for item in items)
    if "" in pairs or "" in pairs.values():
        raise UserError(f"{items} are not NAME=VALUE", flag)
    return pairs


@app.command()
def benchmark(
    metrics: Metrics,
    published: Annotated[Path, typer.Option(help="Published values, TSV.")],
    declaration: Annotated[Path, typer.Option(help="The table's file, config/tables/NAME.yaml.")],
    method: Methods,
    cell: Annotated[list[str], typer.Option(help="CELL=CELL whose published values stand beside.")],
    out: Out,
) -> None:
    """Mean and sd over seeds beside the published value and the difference."""
    from gexpipe.config import load_yaml
    from gexpipe.tables import build
    from gexpipe.tables.published import read_published
    from gexpipe.tables.runs import read_run_metrics

    declared = load_yaml(declaration)
    table = build.benchmark_table(
        read_run_metrics(metrics), read_published(published), declared,
        _pairs(method, "--method"), _pairs(cell, "--cell"),
    )  # fmt: skip
    build.write_table(table, out, build.to_markdown(table, declared["title"], declared["metrics"]))
    logger.info(
        "%s: %d rows, %d with a reproduction", out, len(table), int((table["runs"] > 0).sum())
    )


@app.command()
def controls(
    metrics: Metrics,
    shuffled: Annotated[Path, typer.Option(help="Metrics with shuffled windows, TSV.")],
    method: Methods,
    out: Out,
) -> None:
    """Is the window used? Ordinary, shuffled and linear test error of every method."""
    from gexpipe.tables import build
    from gexpipe.tables.runs import read_run_metrics

    table = build.controls_table(
        read_run_metrics(metrics), read_run_metrics(shuffled), _pairs(method, "--method")
    )
    text = "# Controls: test MSE, with windows shuffled between genes, and of a linear model\n\n"
    build.write_table(table, out, text + table.to_markdown(index=False, floatfmt=".4f") + "\n")


@app.command()
def scatter(
    predictions: Annotated[list[Path], typer.Option(help="Predictions of one method; repeat.")],
    title: Annotated[str, typer.Option(help="Method label.")],
    cell: Annotated[str, typer.Option(help="Cell type.")],
    out: Out,
) -> None:
    """Predicted against observed expression, averaged over seeds."""
    from gexpipe.tables.figures import mean_predictions
    from gexpipe.tables.figures import scatter as draw

    table = mean_predictions(predictions)
    r = draw(table, f"{title}, {cell}", out)
    logger.info("%s on %s: r = %.3f over %d genes", title, cell, r, len(table))


@app.command()
def costs(
    benchmarks: Annotated[Path, typer.Option(help="Folder with RULE/JOB.jsonl.")],
    out: Out,
) -> None:
    """Time and memory of every rule, from the benchmark files of its jobs."""
    from gexpipe.tables.build import write_table
    from gexpipe.tables.costs import costs_markdown, costs_table, read_benchmarks

    table = costs_table(read_benchmarks(benchmarks))
    write_table(table, out, costs_markdown(table))
    logger.info("%s: %d rules", out, len(table) - 1)
