"""``gexpipe benchmark``: what reviewers ask, answered from predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexpipe.cli.options import Genes
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.named import files_by_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["app"]

logger = get_logger(__name__)

app = typer.Typer(help="What reviewers ask of a benchmark.", add_completion=False)

Predictions = Annotated[
    list[Path], typer.Option(help="Prediction files (.../CELL/METHOD/foldF/seedS/...); repeat.")
]
Lines = Annotated[str, typer.Option(help="Rows of the table, resolved, JSON text.")]
Out = Annotated[Path, typer.Option(help="Table to write (.tsv; .md and .html beside it).")]
Page = Annotated[Path, typer.Option(help="Page to write (.html).")]


@app.command()
def reliability(
    predictions: Predictions,
    lines: Lines,
    out: Out,
    genes: Annotated[Path, typer.Option(help="Intervals of every test gene (.parquet).")],
    gene_table: Annotated[Path | None, typer.Option(help="Gene table, for --fasta.")] = None,
    fasta: Annotated[Path | None, typer.Option(help="Genome, for classes of promoters.")] = None,
) -> None:
    """Intervals of single genes, and errors, bias and coverage by kind of gene."""
    from gexpipe.benchmark.promoters import promoter_classes
    from gexpipe.benchmark.reliability import reliability as table_of
    from gexpipe.benchmark.runs import read_ensembles
    from gexpipe.files import aside
    from gexpipe.reference.genes import read_genes
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.write import write_table

    if fasta and not gene_table:
        raise UserError("needs --gene-table", "--fasta")
    classes = (
        {"promoter": promoter_classes(read_genes(gene_table), fasta)}
        if fasta and gene_table
        else {}
    )
    ensembles = read_ensembles(predictions, read_lines(lines))
    table, by_gene = table_of(ensembles, classes=classes)
    with aside(genes) as temporary:
        by_gene.to_parquet(temporary, index=False)
    write_table(table, out, _markdown("How far predictions can be trusted, by kind of gene", table))
    whole = table[table["kind"] == "all"]
    for row in whole.to_dict("records"):
        logger.info(
            "%s, %s: 90 %% intervals hold %.0f %% of %d test genes (from %d validation genes)",
            row["cell"], row["label"], 100 * row["coverage"], row["genes"], row["calibration"],
        )  # fmt: skip


@app.command()
def cells(
    predictions: Predictions,
    lines: Lines,
    examples: Annotated[list[str], typer.Option(help="CELL=EXAMPLES of a cell type; repeat.")],
    out: Out,
    joint: Annotated[
        str,
        typer.Option(help="Runs of several cell types: {RUN: [LABEL, [CELL, ...]]}, JSON text."),
    ] = "{}",
) -> None:
    """Methods tested on a cell type that they were not trained on, beside what needs no model."""
    import pandas as pd

    from gexpipe.benchmark.cells import cross_cell
    from gexpipe.benchmark.leave_out import read_joint
    from gexpipe.benchmark.runs import read_trained_on
    from gexpipe.schemas import EXAMPLES, read_stage
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.write import write_table

    observed, predicted = read_trained_on(predictions, read_lines(lines), read_joint(joint))
    tables = {
        cell: read_stage(path, EXAMPLES).set_index("gene_id")
        for cell, path in files_by_name(examples, "--examples", "CELL=FILE").items()
    }
    promoters = pd.DataFrame(
        {c: t["promoter_activity"] for c, t in tables.items() if "promoter_activity" in t}
    )
    table = cross_cell(observed, predicted, promoters)
    write_table(table, out, _markdown("Trained on one cell type, tested on another", table))
    logger.info("%s: %d rows, %d test genes", out, len(table), len(observed))


@app.command()
def leakage(
    predictions: Predictions,
    lines: Lines,
    genes: Genes,
    splits: Annotated[Path, typer.Option(help="Of gexpipe reference splits.")],
    length: Annotated[int, typer.Option(help="Length of the models' windows, bp.", min=2)],
    out: Out,
    by_gene: Annotated[Path, typer.Option(help="What is known of every gene (.tsv).")],
    fasta: Annotated[Path | None, typer.Option(help="Genome, to find look-alikes.")] = None,
    bases: Annotated[int, typer.Option(help="Bases around the TSS compared, bp.", min=2)] = 10_000,
    kmer: Annotated[int, typer.Option(help="Length of compared words, bp.", min=4, max=31)] = 16,
    similarity: Annotated[
        float, typer.Option(help="Share of a gene's words that a look-alike has.", min=0, max=1)
    ] = 0.1,
    paralogues: Annotated[Path | None, typer.Option(help="Gene ids and paralogues (.tsv).")] = None,
    seen: Annotated[
        list[str] | None, typer.Option(help="NAME=BED that a model was pre-trained on; repeat.")
    ] = None,
) -> None:
    """Errors with and without test genes of which the training has seen something."""
    from gexpipe.benchmark.leakage import ALL, Sources, error_by_leakage, gene_leakage
    from gexpipe.benchmark.runs import fold_of, read_ensembles
    from gexpipe.files import aside
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.splits import read_splits
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.write import write_table

    sources = Sources(
        fasta, bases, kmer, similarity, paralogues,
        files_by_name(seen or [], "--seen", "NAME=BED"),
    )  # fmt: skip
    parts = read_splits(splits).set_index("gene_id")[f"fold_{fold_of(predictions)}"]
    found = gene_leakage(read_genes(genes), parts, length, sources)
    table = error_by_leakage(read_ensembles(predictions, read_lines(lines)), found)
    with aside(by_gene) as temporary:
        found.to_csv(temporary, sep="\t", index=False, float_format="%.4f", lineterminator="\n")
    write_table(table, out, _markdown("Test genes of which the training has seen something", table))
    first = table[(table["cell"] == table["cell"].iloc[0]) & (table["label"] == table["label"][0])]
    for row in first[first["trace"] != ALL].to_dict("records"):
        logger.info("%s, %s: %d test genes", row["trace"], row["has"], row["genes"])


@app.command()
def page(
    predictions: Predictions,
    lines: Lines,
    reliability: Annotated[Path, typer.Option(help="Of gexpipe benchmark reliability.")],
    out: Out,
    html: Page,
    cells: Annotated[Path | None, typer.Option(help="Of gexpipe benchmark cells.")] = None,
    controls: Annotated[Path | None, typer.Option(help="Table of the controls.")] = None,
    leakage: Annotated[Path | None, typer.Option(help="Of gexpipe benchmark leakage.")] = None,
) -> None:
    """The leaderboard: a table, and a page for readers."""
    from gexpipe.benchmark.leaderboard import leaderboard
    from gexpipe.benchmark.page import benchmark_page
    from gexpipe.benchmark.runs import read_ensembles
    from gexpipe.files import aside
    from gexpipe.tables.page import write_page
    from gexpipe.tables.plan import read_lines
    from gexpipe.tabular import read_tsv

    ensembles = read_ensembles(predictions, read_lines(lines))
    trusted = read_tsv(reliability, "table of reliability")
    across = read_tsv(cells, "table of cell types") if cells else None
    tested = read_tsv(controls, "table of controls") if controls else None
    traced = read_tsv(leakage, "table of leakage") if leakage else None
    table = leaderboard(ensembles, trusted, across, tested, traced)
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    files = {
        "the leaderboard for programs": out,
        "error, bias and coverage by kind of gene": reliability,
        "trained on one cell type, tested on another": cells,
        "errors with windows exchanged between genes": controls,
        "errors with and without genes of which the training has seen something": leakage,
        "what the training has seen of every gene": leakage and leakage.with_suffix(".genes.tsv"),
    }
    beside = {
        what: path.relative_to(html.parent) for what, path in files.items() if path is not None
    }
    write_page(benchmark_page(table, ensembles, trusted, beside), html)
    logger.info("%s: %d rows", html, len(table))


def _markdown(title: str, table: pd.DataFrame) -> str:
    return f"# {title}\n\n{table.to_markdown(index=False, floatfmt='.4f')}\n"
