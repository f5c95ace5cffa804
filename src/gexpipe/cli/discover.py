"""``gexpipe discover``: what a model looks at, against the truth, and as browser tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli import discover_models, discover_screens
from gexpipe.cli.options import (
    Checkpoint,
    ChromSizes,
    Fold,
    Genes,
    Split,
    Threads,
    Title,
    TrainedFold,
)
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.named import named

app = typer.Typer(no_args_is_help=True, help="What a model looks at; is it true; tracks of it.")
log = get_logger(__name__)


@app.command()
@takes_sources("sequence", "signals", "elements", required=("sequence", "signals"))
def scores(
    sources: Sources,
    checkpoint: Checkpoint,
    candidates: Annotated[
        Path,
        typer.Option(help="Candidate elements (.parquet); EPInformer: its element table."),
    ],
    kind: Annotated[str, typer.Option(help="mask, saliency, perturbation or attention.")],
    links: Annotated[Path, typer.Option(help="Element scores to write (.parquet).")],
    bases: Annotated[
        Path | None, typer.Option(help="Base scores to write (.zarr.zip), of mask and saliency.")
    ] = None,
    fold: TrainedFold = None,
    split: Split = "test",
    steps: Annotated[int, typer.Option(help="Saliency: steps of integrated gradients.", min=1)] = 1,
    shuffle_windows: Annotated[
        int | None, typer.Option(metavar="SEED", help="Control: windows of other genes.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Score the elements (and bases) around the genes of a part of a fold."""
    from gexpipe.train.process import prepare

    prepare(threads)
    import torch

    from gexpipe.data.open import open_data
    from gexpipe.data.shuffled import ShuffledWindows
    from gexpipe.discovery import files
    from gexpipe.discovery import scores as run
    from gexpipe.models.checkpoint import open_checkpoint
    from gexpipe.tabular import read_parquet

    if kind not in run.KINDS:
        raise UserError(f"{kind!r}, expected {', '.join(run.KINDS)}", "--kind")
    model, config, trained = open_checkpoint(checkpoint, None)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    data = open_data(sources, config)
    part = fold or trained or 11
    rows = data.split(part, split)
    if shuffle_windows is not None:
        data = ShuffledWindows(data, part, shuffle_windows)
    table, size = read_parquet(candidates, "candidates"), config.train.batch_size
    found = None
    if config.inputs.elements:
        scored = run.score_elements(model, data, rows, table, kind, size)
    else:
        length = config.inputs.length
        scored, found = run.score_windows(model, data, rows, table, kind, length, size, steps)
    files.write_links(links, scored)
    if bases is not None:
        if found is None:
            raise UserError(f"{kind} gives no score for bases", "--bases")
        files.write_bases(bases, found, {"method": config.name, "kind": kind})
    log.info("%s of %s: %d elements of %d genes", kind, config.name, len(scored), len(rows))


@app.command()
def truth(
    folder: Annotated[Path, typer.Option(help="Truth of a simulated genome.")],
    cell: Annotated[str, typer.Option(help="Cell type.")],
    genes: Annotated[Path, typer.Option(help="Genes that are scored: example table (.parquet).")],
    fold: Fold,
    length: Annotated[int, typer.Option(help="Window in which elements count, bp.")],
    out: Annotated[Path, typer.Option(help="TSV to write.")],
    link: Annotated[
        list[str] | None, typer.Option(help="LABEL=element scores; LABEL=file:COLUMN; repeat.")
    ] = None,
    base: Annotated[
        list[str] | None, typer.Option(help="LABEL=base scores (.zarr.zip); repeat.")
    ] = None,
    split: Annotated[str, typer.Option(help="Part of the fold.")] = "test",
    reach: Annotated[
        int, typer.Option(help="Longer window, in which elements count whether seen or not, bp.")
    ] = 0,
) -> None:
    """Precision, enrichment and decoys of scores against a simulated genome's truth."""
    from gexpipe.discovery.compare import compare
    from gexpipe.files import aside

    table = compare(folder, cell, genes, fold, split, length, link or [], base or [], reach)
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.5g")
    shown = table[(table["level"] == "element") & (table["distance"] == "all")]
    for row in shown.itertuples():
        log.info("%s: AUPRC %.3f of prevalence %.3f", row.score, row.auprc, row.prevalence)


@app.command()
def table(
    measured: Annotated[list[Path], typer.Option(help="Tables of `discover truth`; repeat.")],
    title: Title,
    out: Annotated[Path, typer.Option(help="TSV to write; .md and .html forms go beside it.")],
) -> None:
    """Mean and sd over runs, beside the same scores on windows of other genes."""
    import pandas as pd

    from gexpipe.discovery.compare import summary
    from gexpipe.files import require
    from gexpipe.tables.write import write_table

    found = summary([pd.read_csv(require(path), sep="\t") for path in measured])
    shown = found.to_markdown(index=False, floatfmt=".3f")
    write_table(found, out, f"# {title}\n\n{shown}\n")


@app.command()
def tracks(
    links: Annotated[Path, typer.Option(help="Element scores of `discover scores`.")],
    genes: Genes,
    chrom_sizes: ChromSizes,
    bed: Annotated[Path, typer.Option(help="BED to write: the best elements.")],
    bedpe: Annotated[Path, typer.Option(help="bedpe to write: the best links.")],
    bases: Annotated[Path | None, typer.Option(help="Base scores, for --bigwig.")] = None,
    bigwig: Annotated[Path | None, typer.Option(help="bigWig to write.")] = None,
    share: Annotated[float, typer.Option(help="Share of links that are best.", min=0, max=1)] = 0.1,
) -> None:
    """Write scores for a genome browser. Where windows overlap, the largest score counts."""
    from gexpipe.discovery import tracks as writing
    from gexpipe.discovery.files import read_bases, read_links
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.genome import read_sizes

    table = read_genes(genes)
    scored = read_links(links)
    writing.write_bed(bed, scored, share)
    place = dict(zip(table["gene_id"], table["tss"], strict=True))
    writing.write_bedpe(bedpe, scored, place, share)
    if bigwig is not None:
        if bases is None:
            raise UserError("bigWig needs --bases", "--bigwig")
        writing.write_bigwig(bigwig, read_bases(bases), read_sizes(chrom_sizes))


@app.command()
def hub(
    track: Annotated[list[str], typer.Option(help="LABEL=file beside the hub; repeat.")],
    assembly: Annotated[str, typer.Option(help="Assembly name of the browser, as hg38.")],
    out: Annotated[Path, typer.Option(help="hub.txt to write.")],
    name: Annotated[str, typer.Option(help="Name of the hub.")] = "gexpipe",
) -> None:
    """Write the text of a track hub."""
    from gexpipe.discovery.tracks import Track, write_hub

    items = [Track(file, label) for label, file in named(track, "--track", "LABEL=FILE")]
    write_hub(out, name, assembly, items)


for command in (
    discover_models.weights,
    discover_models.motifs,
    discover_models.mutagenesis,
    discover_screens.crispri,
    discover_screens.screen,
    discover_screens.screened,
    discover_screens.tested,
    discover_screens.workbook,
    discover_screens.locus,
):
    app.command()(command)
