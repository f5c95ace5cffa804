"""``gexpipe tables``: benchmark tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexpipe.cli.options import Benchmark, Published, Resolved, Seed, Title
from gexpipe.config import read_one_line
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.named import by_name, files_by_name, named

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Benchmark tables and figures.")
logger = get_logger(__name__)

Methods = Annotated[list[str], typer.Option("--method", help="NAME=LABEL of a method; repeat.")]
Out = Annotated[Path, typer.Option(help="Output file; .md and .html forms go beside a .tsv.")]
Metrics = Annotated[Path, typer.Option(help="Metrics of every run (gexpipe tables metrics).")]


@app.command()
def metrics(
    predictions: Annotated[list[Path], typer.Option(help="Prediction files; repeat.")],
    out: Annotated[Path, typer.Option(help="TSV to write.")],
    split: Annotated[str, typer.Option(help="Part of the fold to score.")] = "test",
    pool: Annotated[
        bool, typer.Option(help="Also score the genes of all folds of a run together.")
    ] = False,
    bootstrap: Annotated[
        int, typer.Option(help="Samples of genes for the error of Spearman; 0: none.", min=0)
    ] = 0,
    only: Annotated[
        Path | None, typer.Option(help="Score these genes: names, or a BED file around their TSS.")
    ] = None,
    genes: Annotated[Path | None, typer.Option(help="Gene table (genes.tsv), for --only.")] = None,
    ensemble: Annotated[
        bool, typer.Option(help="Also score the mean of the predictions of a method's seeds.")
    ] = False,
) -> None:
    """Metrics of every run, from its predictions; the path names the run."""
    from gexpipe.files import aside
    from gexpipe.reference.gene_sets import genes_of
    from gexpipe.reference.genes import read_genes
    from gexpipe.tables.runs import run_metrics

    if only is not None and genes is None:
        raise UserError("needs --genes", "--only")
    chosen = genes_of(only, read_genes(genes)) if only and genes else None
    table = run_metrics(predictions, split, pool, bootstrap, chosen, ensemble)
    if ensemble and not table["members"].gt(1).any():
        logger.warning("no mean of seeds: every method has one run")
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


@app.command()
def benchmark(
    metrics: Metrics,
    published: Published,
    lines: Resolved,
    metric: Annotated[list[str], typer.Option(help="Column, in order; repeat.")],
    cell: Benchmark,
    title: Title,
    out: Out,
    by_fold: Annotated[bool, typer.Option(help="A row per fold, and one pooled.")] = False,
    pooled: Annotated[bool, typer.Option(help="Genes of all folds as one set.")] = False,
) -> None:
    """Mean and sd over runs beside the published value and the difference."""
    from gexpipe.tables.build import benchmark_table
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.published import read_published
    from gexpipe.tables.runs import read_run_metrics
    from gexpipe.tables.write import to_markdown, write_table

    table = benchmark_table(
        read_run_metrics(metrics), read_published(published), read_lines(lines), metric,
        by_name(cell, "--cell", "CELL=CELL"), by_fold, pooled,
    )  # fmt: skip
    write_table(table, out, to_markdown(table, title, metric))
    made = int((table["runs"] > 0).sum())
    logger.info("%s: %d rows, %d with a reproduction", out, len(table), made)


@app.command()
def parameters(
    counts: Annotated[Path, typer.Option(help="Parameters of every model (gexpipe models --out).")],
    published: Published,
    lines: Resolved,
    title: Title,
    out: Out,
) -> None:
    """Parameter counts beside the published ones."""
    import pandas as pd

    from gexpipe.files import require
    from gexpipe.tables.build import parameter_table
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.published import read_published
    from gexpipe.tables.write import write_table

    found = pd.read_csv(require(counts, "parameter counts"), sep="\t")
    named = dict(zip(found["run"], found["parameters"], strict=True))
    table = parameter_table(named, read_published(published), read_lines(lines))
    write_table(table, out, f"# {title}\n\n{table.to_markdown(index=False, intfmt=',')}\n")


@app.command()
def reproduced(
    published: Published,
    table: Annotated[list[str], typer.Option(help="NAME=TABLE that was made; repeat.")],
    out: Out,
) -> None:
    """Every published number: computed here, left out, or what it needs."""
    from gexpipe.tables.published import read_published
    from gexpipe.tables.reproduced import reproduction, reproduction_markdown
    from gexpipe.tables.write import write_table
    from gexpipe.tabular import read_tsv

    text = (
        "setting",
        "note",
        *(f"published_{of}" for of in ("source", "cell", "method", "setting")),
    )
    made = {
        name: read_tsv(path, "table", ("label",), dtype=dict.fromkeys(text, str)).fillna(
            dict.fromkeys(text, "")
        )
        for name, path in by_name(table, "--table", "NAME=TABLE").items()
    }
    found = reproduction(read_published(published), made)
    write_table(found, out, reproduction_markdown(found))
    logger.info("%s: %s", out, dict(found["status"].value_counts()))


@app.command()
def figure(
    table: Annotated[Path, typer.Option(help="A table of `gexpipe tables benchmark`.")],
    metric: Annotated[str, typer.Option(help="Metric that is drawn.")],
    title: Annotated[str, typer.Option(help="Heading.")],
    out: Annotated[Path, typer.Option(help="PNG to write.")],
    x: Annotated[
        str | None, typer.Option(help="Key of the settings on the horizontal axis; else bars.")
    ] = None,
) -> None:
    """Draw a table beside its published values."""
    import pandas as pd

    from gexpipe.files import require
    from gexpipe.tables.figures import table_figure

    rows = pd.read_csv(require(table, "table"), sep="\t", dtype={"setting": str})
    rows["setting"] = rows["setting"].fillna("")
    table_figure(rows, metric, x, title, out)


@app.command()
def paired(
    predictions: Annotated[list[Path], typer.Option(help="Prediction files; repeat.")],
    lines: Resolved,
    out: Out,
    samples: Annotated[int, typer.Option(help="Bootstrap samples.", min=10)] = 1000,
    seed: Seed = 1,
) -> None:
    """Differences between all pairs of rows, with intervals over genes."""
    import pandas as pd

    from gexpipe.tables.figures import mean_predictions
    from gexpipe.tables.paired import paired_table
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.runs import run_of
    from gexpipe.tables.write import write_table

    files: dict[str, dict[tuple[str, str], list[Path]]] = {}
    for path in predictions:
        run = run_of(path)
        key = (str(run["method"]), str(run["test"]))
        files.setdefault(str(run["cell"]), {}).setdefault(key, []).append(path)
    tables = []
    for cell, runs in files.items():
        named = {
            f"{line.label} {line.setting}".strip(): mean_predictions(runs[(line.run, line.test)])
            for line in read_lines(lines)
            if (line.run, line.test) in runs and not line.reason
        }
        table = paired_table(named, samples, seed)
        table.insert(0, "cell", cell)
        tables.append(table)
    found = pd.concat(tables, ignore_index=True)
    text = "# Paired bootstrap over genes: a minus b, 95 % interval\n\n"
    write_table(found, out, text + found.to_markdown(index=False, floatfmt=".4f") + "\n")


@app.command()
def controls(
    metrics: Metrics,
    shuffled: Annotated[Path, typer.Option(help="Metrics with shuffled windows, TSV.")],
    method: Methods,
    out: Out,
) -> None:
    """Is the window used? Ordinary, shuffled and linear test error of every method.

    The metrics name the prediction files from which the interval of the difference comes.
    """
    from gexpipe.tables.build import controls_table
    from gexpipe.tables.metrics import read_predictions
    from gexpipe.tables.paired import error_increase
    from gexpipe.tables.runs import read_run_metrics
    from gexpipe.tables.write import write_table

    def increase(runs: pd.DataFrame, exchanged: pd.DataFrame) -> tuple[float, float]:
        before, after = (
            [read_predictions(Path(path), "test") for path in some["predictions"]]
            for some in (runs, exchanged)
        )
        return error_increase(before, after)

    table = controls_table(
        read_run_metrics(metrics),
        read_run_metrics(shuffled),
        by_name(method, "--method", "NAME=LABEL"),
        increase,
    )
    text = "# Controls: test MSE, with windows shuffled between genes, and of a linear model\n\n"
    write_table(table, out, text + table.to_markdown(index=False, floatfmt=".4f") + "\n")


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
    folds: dict[object, list[Path]] = {}
    for path in predictions:  # a run: the folds of one seed
        folds.setdefault(path.parent.name, []).append(path)
    runs = [mean_predictions(paths) for paths in folds.values()]
    single = [float(run["observed"].corr(run["predicted"])) for run in runs]
    r = draw(table, f"{title}, {cell}", out, single)
    logger.info("%s on %s: r = %.3f over %d genes", title, cell, r, len(table))


@app.command()
def curves(
    history: Annotated[list[str], typer.Option(help="LABEL=history.csv of a run; repeat.")],
    title: Title,
    out: Out,
) -> None:
    """Draw the error on the validation genes in the course of training."""
    from gexpipe.tables.figures import training_curves

    runs: dict[str, list[Path]] = {}
    for label, path in named(history, "--history", "LABEL=FILE"):
        runs.setdefault(label, []).append(Path(path))
    training_curves(runs, title, out)


@app.command()
def front(
    table: Annotated[Path, typer.Option(help="Table 1.")],
    metrics: Metrics,
    out: Annotated[Path, typer.Option(help="Page to write, in the folder of the results.")],
    controls: Annotated[Path | None, typer.Option(help="Table of the controls.")] = None,
    costs: Annotated[Path | None, typer.Option(help="Table of the costs.")] = None,
    figure: Annotated[list[Path] | None, typer.Option(help="Figure to show; repeat.")] = None,
    store: Annotated[
        list[str] | None,
        typer.Option(help="CELL=window store: the genes missed most are drawn; needs --genes."),
    ] = None,
    genes: Annotated[Path | None, typer.Option(help="Gene table.")] = None,
    links: Annotated[list[str] | None, typer.Option(help="CELL=ABC scores, drawn too.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Truth of a simulated genome.")] = None,
    length: Annotated[int, typer.Option(help="Bases that are drawn.", min=100)] = 20_000,
) -> None:
    """The first page of a run: its table, its genes, what it cost, what lies where."""
    from gexpipe.crispri.drawn_genes import drawn_genes
    from gexpipe.tables.front import best_and_worst, front_page, scored_rows
    from gexpipe.tables.page import write_page
    from gexpipe.tables.runs import read_run_metrics
    from gexpipe.tabular import read_tsv

    rows = scored_rows(read_tsv(table, "benchmark table"), read_run_metrics(metrics))
    loci: dict[str, list[str]] = {}
    if genes is not None:
        stores = files_by_name(store or [], "--store", "CELL=FILE")
        scores = files_by_name(links or [], "--links", "CELL=FILE")
        loci = drawn_genes(best_and_worst(rows), genes, stores, scores, truth, length)
    page = front_page(
        rows,
        out.parent,
        read_tsv(controls, "table of controls") if controls else None,
        read_tsv(costs, "table of costs") if costs else None,
        figure or (),
        loci,
    )
    write_page(page, out)
    logger.info("%s: %d rows", out, len(rows))


@app.command()
def costs(
    benchmarks: Annotated[Path, typer.Option(help="Folder with RULE/JOB.jsonl.")],
    out: Out,
) -> None:
    """Time and memory of every rule, from the benchmark files of its jobs."""
    from gexpipe.tables.costs import costs_markdown, costs_table, read_benchmarks
    from gexpipe.tables.write import write_table

    table = costs_table(read_benchmarks(benchmarks))
    write_table(table, out, costs_markdown(table))
    logger.info("%s: %d rules", out, len(table) - 1)


@app.command()
def provenance(
    file: Annotated[list[str], typer.Option(help="PATH=USE of a file of the sheets; repeat.")],
    config: Annotated[str, typer.Option(help="The whole configuration, YAML text.")],
    out: Out,
) -> None:
    """Where every file came from (TSV, .html), and a .json with the configuration too."""
    from gexpipe.tables.provenance import write_provenance

    used = {Path(path): use for path, use in by_name(file, "--file", "PATH=USE").items()}
    table = write_provenance(used, read_one_line(config, "--config"), out)
    logger.info("%s: %d files", out, len(table))
