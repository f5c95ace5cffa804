"""``gexpipe windows``: build and inspect the zarr stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import ChromSizes, Fasta, Genes, Published, StoreOut, Threads, store_folder
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.named import by_name, files_by_name

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Zarr stores of windows around each TSS."
)
logger = get_logger(__name__)

Length = Annotated[int, typer.Option(help="Window, bp, centred on the TSS; a multiple of 8.")]


@app.command()
def sequence(
    fasta: Fasta,
    genes: Genes,
    length: Length,
    out: StoreOut,
    threads: Threads = 1,
) -> None:
    """Write the base codes of every gene's window; shared by all cell types."""
    from gexpipe.reference.genes import read_genes
    from gexpipe.windows.sequence import build_sequence

    table = read_genes(genes)
    build_sequence(fasta, table, length, store_folder(out), threads)
    logger.info("bases of %d windows of %d bp", len(table), length)


@app.command()
def signals(
    signal: Annotated[
        list[str], typer.Option(help="NAME=bigWig, bigBed or BAM; repeat, in order.")
    ],
    genes: Genes,
    chrom_sizes: ChromSizes,
    contacts: Annotated[Path, typer.Option(help="Contact rows (`gexpipe contacts rows`).")],
    length: Length,
    out: StoreOut,
    peaks: Annotated[Path | None, typer.Option(help="narrowPeak for the peak mask.")] = None,
    blacklist: Annotated[Path | None, typer.Option(help="BED for the blacklist mask.")] = None,
    elements: Annotated[Path | None, typer.Option(help="ABC candidates for the mask.")] = None,
    contact_gamma: Annotated[
        float, typer.Option(help="Power-law exponent of the pseudocount.")
    ] = 0.87,
    contact_coverage: Annotated[
        float, typer.Option(help="Contact around the TSS below which it counts as missing.")
    ] = 0.01,
    threads: Threads = 1,
) -> None:
    """Write signals, masks and contact of every gene's window for one cell type."""
    from gexpipe.contact.rows import read_rows
    from gexpipe.contact.window import window_contact
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.genome import read_sizes
    from gexpipe.windows.signals import SignalSources, build_signals

    files = files_by_name(signal, "--signal")
    table = read_genes(genes)
    rows = read_rows(contacts)
    if rows.gene_id.tolist() != table["gene_id"].tolist():
        raise UserError("its genes are not those of the gene table, in the same order", contacts)
    if rows.tss.tolist() != table["tss"].tolist():
        raise UserError("its TSSs are not those of the gene table", contacts)
    contact = window_contact(rows, length, gamma=contact_gamma, coverage_threshold=contact_coverage)
    sources = SignalSources(files, peaks, blacklist, elements)
    build_signals(
        sources, table, read_sizes(chrom_sizes), length, contact, store_folder(out),
        resolution=rows.resolution, workers=threads,
        settings={"contact": rows.meta, "contact_gamma": contact_gamma,
                  "contact_coverage": contact_coverage},
    )  # fmt: skip
    logger.info("%s and contact of %d windows of %d bp", ", ".join(files), len(table), length)


@app.command()
def released(
    folder: Annotated[Path, typer.Argument(help="Root of Seq2Exp's data (promo_enhan_inter).")],
    cell: Annotated[str, typer.Option(help="K562, GM12878 or H1.")],
    genes: Genes,
    chrom_sizes: ChromSizes,
    length: Length,
    out: StoreOut,
    blacklist: Annotated[Path | None, typer.Option(help="BED for the blacklist mask.")] = None,
    elements: Annotated[Path | None, typer.Option(help="ABC candidates for the mask.")] = None,
    threads: Threads = 1,
) -> None:
    """Write the store of one cell type from the folder that Seq2Exp and Prism read."""
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.genome import read_sizes
    from gexpipe.windows.released import build_released

    table = read_genes(genes)
    build_released(
        folder, cell, table, read_sizes(chrom_sizes), length, store_folder(out),
        blacklist=blacklist, elements=elements, workers=threads,
    )  # fmt: skip
    logger.info("signals, peaks and contact of %d windows of %d bp", len(table), length)


@app.command()
def elements(
    table: Annotated[Path, typer.Option(help="Element table (`gexpipe abc elements`), parquet.")],
    fasta: Fasta,
    genes: Genes,
    out: StoreOut,
    slot: Annotated[int, typer.Option(help="Bases per element, bp.")] = 2000,
    max_elements: Annotated[
        int, typer.Option(help="Most elements per gene; 0: as many as the table has.", min=0)
    ] = 60,
) -> None:
    """Write the bases of every distinct element once, and the gene-element links."""
    from gexpipe.reference.genes import read_genes
    from gexpipe.schemas import NEAR, read_stage
    from gexpipe.windows.elements import build_elements

    links = read_stage(table, NEAR, "chrom")
    most = max_elements or int(links["rank"].max()) + 1
    build_elements(links, fasta, read_genes(genes), slot, most, store_folder(out))
    logger.info("%d gene-element links", len(links))


@app.command()
def inspect(
    store: Annotated[Path, typer.Argument(help="Window store (folder or manifest).")],
    gene: Annotated[
        str | None, typer.Argument(help="Gene id or symbol whose tracks to draw.")
    ] = None,
    out: Annotated[Path, typer.Option(help="PNG to write for a gene.")] = Path("gene.png"),
) -> None:
    """Print what a store holds; with a gene, draw that gene's tracks to a PNG."""
    from gexpipe.windows.inspect import describe, draw_gene

    for line in describe(store):
        typer.echo(line)
    if gene is not None:
        draw_gene(store, gene, out)
        typer.echo(f"drew {gene} to {out}")


@app.command()
def verify(
    store: Annotated[list[Path], typer.Argument(help="Stores (folders or manifests).")],
) -> None:
    """Compare every byte of finished stores with what was recorded when they were written."""
    from gexpipe.windows import store as stores

    for path in store:
        logger.info("%s: %d files are as they were written", path, stores.verify(path))


@app.command("long-range")
def long_range(
    store: Annotated[list[str], typer.Option(help="CELL=window store; repeat.")],
    published: Published,
    out: Annotated[Path, typer.Option(help="TSV to write; .md and .html forms go beside it.")],
    elements: Annotated[
        list[str] | None, typer.Option(help="CELL=element table (.parquet); repeat.")
    ] = None,
    cell: Annotated[
        list[str] | None, typer.Option(help="CELL=cell type of the paper to compare with; repeat.")
    ] = None,
) -> None:
    """How far the contact of promoters reaches, beside Prism's table 8."""
    from gexpipe.tables.long_range import BEYOND, beside_published
    from gexpipe.tables.long_range import long_range as measure
    from gexpipe.tables.published import read_published
    from gexpipe.tables.write import write_table
    from gexpipe.tabular import read_parquet

    tables = files_by_name(elements or [], "--elements", "CELL=FILE")
    linked = {
        name: read_parquet(path, "element table", ["gene_id"]) for name, path in tables.items()
    }
    found = {
        (name, setting): measure(path, beyond, linked.get(name))
        for name, path in files_by_name(store, "--store", "CELL=STORE").items()
        for setting, beyond in BEYOND.items()
    }
    known_as = by_name(cell or [], "--cell", "CELL=CELL")
    table = beside_published(found, read_published(published), known_as)
    shown = table.to_markdown(index=False, floatfmt=".10g")
    note = "Distances and `beyond` in bp; genes are shares, partners are positions of the window.\n"
    write_table(table, out, f"# Long-range contact (Prism, table 8)\n\n{shown}\n\n{note}")
