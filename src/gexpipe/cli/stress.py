"""``gexpipe stress``: methods asked what changes of a gene's regulation do, where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Bootstrap, Checkpoint, Seed, Threads, Title, TrainedFold
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.named import named

app = typer.Typer(no_args_is_help=True, help="What methods use, where the truth is known.")


@app.command()
@takes_sources("sequence", "signals", "elements", "gene_activity", "links")
def answers(
    sources: Sources,
    checkpoint: Checkpoint,
    truth: Annotated[Path, typer.Option(help="Truth of the simulated genome.")],
    cell: Annotated[str, typer.Option(help="Cell type of the files.")],
    out: Annotated[Path, typer.Option(help="Table of answers to write (.tsv).")],
    other_cell: Annotated[str, typer.Option(help="Another cell type, or none.")] = "",
    other: Annotated[
        list[str] | None,
        typer.Option(help="OPTION=FILE: a file of it, by the name of the own one's; repeat."),
    ] = None,
    fold: TrainedFold = None,
    genes: Annotated[int, typer.Option(help="Most test genes that are asked.", min=1)] = 150,
    seed: Seed = 1,
    threads: Threads = 1,
) -> None:
    """Show a trained method changed genes, and write its answers beside the true ones."""
    from gexpipe.train.process import prepare

    prepare(threads)
    from gexpipe.stress.run import answer_files

    given = {
        name.replace("-", "_"): Path(file)
        for name, file in named(other or [], "--other", "OPTION=FILE")
    }
    second = None
    if other_cell and given:
        if sources.sequence is not None:
            given["sequence"] = sources.sequence
        second = Sources(**given)  # type: ignore[arg-type]
    cells = (cell, other_cell)
    table = answer_files(checkpoint, sources, second, truth, cells, fold, genes, seed)
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")


@app.command()
def table(
    answered: Annotated[
        list[str], typer.Option(help="CELL:METHOD=answers of a seed (.tsv); repeat.")
    ],
    title: Title,
    out: Annotated[Path, typer.Option(help="TSV to write; .md and .html forms go beside it.")],
    pictures: Annotated[Path, typer.Option(help="Folder of the pictures, one a test.")],
    label: Annotated[list[str] | None, typer.Option(help="METHOD=label; repeat.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="METHOD=why it is not asked; repeat.")
    ] = None,
    samples: Bootstrap = 1000,
    seed: Seed = 1,
) -> None:
    """One number and one picture a test: intervals over genes and seeds."""
    from gexpipe.stress.page import write_results

    form = "CELL:METHOD=FILE"
    files = []
    for key, file in named(answered, "--answered", form):
        cell, colon, method = key.partition(":")
        if not (cell and colon and method):
            raise UserError(f"{key!r} is not CELL:METHOD", "--answered")
        files.append(((cell, method), Path(file)))
    labels = dict(named(label or [], "--label", "METHOD=LABEL"))
    reasons = dict(named(without or [], "--without", "METHOD=REASON"))
    write_results(files, labels, reasons, title, out, pictures, samples, seed)


@app.command()
def order(
    stress: Annotated[Path, typer.Option(help="results/tables/stress.tsv.")],
    screen: Annotated[
        list[str],
        typer.Option(help="CELL=results/crispr/CELL.TABLE.tsv of a real screen; repeat."),
    ],
    match: Annotated[
        list[str], typer.Option(help="METHOD=predictor of the screen's table; repeat.")
    ],
    out: Annotated[Path, typer.Option(help="TSV to write.")],
    samples: Bootstrap = 1000,
    seed: Seed = 1,
) -> None:
    """Say whether the order of methods here foretells their order on CRISPRi screens."""
    from gexpipe.stress.order import write_order

    screens = {cell: Path(file) for cell, file in named(screen, "--screen", "CELL=FILE")}
    pairs = dict(named(match, "--match", "METHOD=PREDICTOR"))
    write_order(stress, screens, pairs, out, samples, seed)
