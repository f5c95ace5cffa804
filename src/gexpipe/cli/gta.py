"""``gexpipe gta``: what GTA reads, and figures of what it looks at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import (
    ChromSizes,
    Fasta,
    Genes,
    StoreOut,
    Threads,
    TrainedFold,
    Transform,
    store_folder,
)
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.named import files_by_name

app = typer.Typer(no_args_is_help=True, help="GTA: bin features, prompts, target, figures.")


@app.command()
def genes(
    genes: Genes,
    tss: Annotated[list[str], typer.Option(help="mane, canonical, longest or genes; repeat.")],
    out: Annotated[Path, typer.Option(help="TSV to write.")],
    gtf: Annotated[Path | None, typer.Option(help="Gene models with tags.")] = None,
) -> None:
    """The genes that have a TSS from one of the sources, in their order."""
    from gexpipe.reference.bin_centres import centred_genes
    from gexpipe.reference.genes import read_genes, write_table

    write_table(centred_genes(read_genes(genes), gtf, tss), out)


@app.command()
def features(
    context: typer.Context,
    fasta: Fasta,
    genes: Genes,
    bins: Annotated[int, typer.Option(help="Bins of the widest context, odd.")],
    extractor: Annotated[str, typer.Option(help="JSON: name, and what it is given.")],
    out: StoreOut,
    threads: Threads = 1,
) -> None:
    """Features of the bins around every TSS, with the extractor of the configuration."""
    from gexpipe.devices import hold
    from gexpipe.train.process import prepare

    context.with_resource(hold())
    prepare(threads)
    from gexpipe.bins.extract import open_extractor
    from gexpipe.bins.store import build_features
    from gexpipe.reference.genes import read_genes

    extract = open_extractor(json.loads(extractor))
    build_features(fasta, read_genes(genes), bins, extract, store_folder(out))


@app.command()
def signals(
    signal: Annotated[list[str], typer.Option(help="NAME=FILE; repeat.")],
    genes: Genes,
    chrom_sizes: ChromSizes,
    bins: Annotated[int, typer.Option(help="Bins, as many as the features have.")],
    out: StoreOut,
    width: Annotated[int, typer.Option(help="Bases of a bin.", min=1)] = 4096,
) -> None:
    """Mean signals over the same bins, as further features."""
    from gexpipe.bins.store import build_signals
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.genome import read_sizes

    paths = files_by_name(signal, "--signal")
    build_signals(paths, read_genes(genes), read_sizes(chrom_sizes), bins, width, store_folder(out))


@app.command()
def prompts(
    genes: Genes,
    info: Annotated[Path, typer.Option(help="NCBI's gene_info.")],
    summaries: Annotated[Path, typer.Option(help="NCBI's gene_summary.")],
    cells: Annotated[str, typer.Option(help="Where expression was measured, in words.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
) -> None:
    """NCBI's record of every gene, and the prompt made from it."""
    from gexpipe.files import aside
    from gexpipe.log import get_logger
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.prompts import gene_records

    table = gene_records(read_genes(genes), info, summaries, cells)
    with aside(out) as temporary:
        table.to_parquet(temporary, index=False)
    known, summed = int((table["found"] != "").sum()), int((table["summary"] != "").sum())
    get_logger(__name__).info("%d genes, %d known, %d with summary", len(table), known, summed)


@app.command()
def geuvadis(
    table: Annotated[Path, typer.Option(help="Expression: a gene a row, an individual a column.")],
    genes: Genes,
    held_out: Annotated[Path, typer.Option(help="Gene ids or symbols, one a line: the test.")],
    out: Annotated[Path, typer.Option(help="Example table (parquet) to write.")],
    individuals: Annotated[
        Path | None, typer.Option(help="Individuals to use, one a line; all by default.")
    ] = None,
    transform: Transform = "log10p1",
    tss: Annotated[
        list[str] | None, typer.Option(help="Only genes whose TSS is from there; repeat.")
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of the other genes.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the draw of validation genes.")] = 1,
) -> None:
    """Median expression over individuals, held-out genes, and a split of the others."""
    from gexpipe.files import aside
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.geuvadis import examples, median_expression, read_list

    people = read_list(individuals) if individuals else []
    target = median_expression(table, people, transform)
    made = examples(
        read_genes(genes), target, read_list(held_out), tss or ["mane"], validation, seed
    )
    with aside(out) as temporary:
        made.to_parquet(temporary, index=False)


@app.command()
def sei(
    archive: Annotated[Path, typer.Option(help="sei_model.tar.gz of Sei's release.")],
    out: Annotated[Path, typer.Option(help="Folder for sei.pth and projvec_targets.npy.")],
) -> None:
    """Unpack the two files of Sei's release that are read."""
    from gexpipe.bins.release import unpack

    unpack(archive, out)


@app.command("stand-ins")
def stand_ins(
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    seed: Annotated[int, typer.Option(help="Of the random weights.")] = 1,
) -> None:
    """A narrow Sei and a tiny language model with random weights, for tests and demos."""
    from gexpipe.bins.stand_ins import write_stand_ins

    write_stand_ins(out, seed)


@app.command()
@takes_sources("bins", "bin_signals", "prompts", required=("bins",))
def attention(
    context: typer.Context,
    sources: Sources,
    checkpoint: Annotated[Path, typer.Option(help="best.ckpt of a run of GTA.")],
    out: Annotated[Path, typer.Option(help="PNG: prototypes over bins, best and worst gene.")],
    heads: Annotated[Path, typer.Option(help="PNG: heads over features.")],
    selected: Annotated[Path, typer.Option(help="PNG: how often bins are selected.")],
    numbers: Annotated[Path, typer.Option(help="TSV of what the last two draw.")],
    fold: TrainedFold = None,
    threads: Threads = 1,
) -> None:
    """Draw what a trained GTA looks at, on the genes of the test part."""
    from gexpipe.devices import hold
    from gexpipe.train.process import prepare

    context.with_resource(hold())
    prepare(threads)
    import torch

    from gexpipe.data.bins import BinData
    from gexpipe.data.open import open_data
    from gexpipe.discovery import bin_figures as figures
    from gexpipe.discovery.bin_attention import look
    from gexpipe.models.checkpoint import open_checkpoint

    model, config, trained = open_checkpoint(checkpoint, None)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    data = open_data(sources, config)
    if not isinstance(data, BinData):
        raise UserError(f"a run of {config.name}, expected one of GTA", checkpoint)
    rows = data.split(fold or trained or 11, "test")
    found = look(model, data, rows, data.labels, config.train.batch_size)
    title = f"{config.name}, {len(rows)} test genes"
    figures.draw_attention(found, data.width, title, out)
    figures.draw_heads(found, title, heads)
    figures.draw_selected(found, data.width, title, selected)
    figures.write_numbers(found, data.width, numbers)
