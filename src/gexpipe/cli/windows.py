"""``gexpipe windows``: build and inspect the zarr stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError
from gexpipe.log import get_logger

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Zarr stores of windows around each TSS."
)
logger = get_logger(__name__)

Genes = Annotated[Path, typer.Option(help="Gene table.")]
Length = Annotated[int, typer.Option(help="Window, bp, centred on the TSS; a multiple of 8.")]
Out = Annotated[Path, typer.Option(help="Store to write; its manifest.json is written last.")]
Workers = Annotated[
    int, typer.Option(help="Processes, one signal of one chromosome each at a time.")
]


def _store(out: Path) -> Path:
    """The store folder, also when its manifest is named (as the rules do)."""
    return out.parent if out.name == "manifest.json" else out


@app.command()
def sequence(
    fasta: Annotated[Path, typer.Option(help="Genome, plain FASTA.")],
    genes: Genes,
    length: Length,
    out: Out,
    workers: Workers = 1,
) -> None:
    """Write the base codes of every gene's window; shared by all cell types."""
    from gexpipe.reference.genes import read_genes
    from gexpipe.windows.sequence import build_sequence

    table = read_genes(genes)
    build_sequence(fasta, table, length, _store(out), workers)
    logger.info("bases of %d windows of %d bp", len(table), length)


@app.command()
def signals(
    signal: Annotated[
        list[str], typer.Option(help="NAME=bigWig, bigBed or BAM; repeat, in order.")
    ],
    genes: Genes,
    sizes: Annotated[Path, typer.Option(help="Chromosome sizes.")],
    contacts: Annotated[Path, typer.Option(help="Contact rows (`gexpipe contacts rows`).")],
    length: Length,
    out: Out,
    peaks: Annotated[Path | None, typer.Option(help="narrowPeak for the peak mask.")] = None,
    blacklist: Annotated[Path | None, typer.Option(help="BED for the blacklist mask.")] = None,
    elements: Annotated[Path | None, typer.Option(help="ABC candidates for the mask.")] = None,
    contact_gamma: Annotated[
        float, typer.Option(help="Power-law exponent of the pseudocount.")
    ] = 0.87,
    contact_coverage: Annotated[
        float, typer.Option(help="Contact around the TSS below which it counts as missing.")
    ] = 0.01,
    workers: Workers = 1,
) -> None:
    """Write signals, masks and contact of every gene's window for one cell type."""
    from gexpipe.contact.rows import read_rows
    from gexpipe.contact.window import window_contact
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.genome import read_sizes
    from gexpipe.windows.signals import SignalSources, build_signals

    named = dict(item.split("=", 1) for item in signal if "=" in item)
    if len(named) != len(signal):
        raise UserError(f"{signal} are not NAME=FILE with distinct names", "--signal")
    table = read_genes(genes)
    rows = read_rows(contacts)
    if rows.gene_id.tolist() != table["gene_id"].tolist():
        raise UserError("its genes are not those of the gene table, in the same order", contacts)
    if rows.tss.tolist() != table["tss"].tolist():
        raise UserError("its TSSs are not those of the gene table", contacts)
    contact = window_contact(rows, length, gamma=contact_gamma, coverage_threshold=contact_coverage)
    sources = SignalSources(
        {name: Path(path) for name, path in named.items()}, peaks, blacklist, elements
    )
    build_signals(
        sources, table, read_sizes(sizes), length, contact, _store(out),
        resolution=rows.resolution, workers=workers,
        settings={"contact": rows.meta, "contact_gamma": contact_gamma,
                  "contact_coverage": contact_coverage},
    )  # fmt: skip
    logger.info("%s and contact of %d windows of %d bp", ", ".join(named), len(table), length)


@app.command()
def elements(
    table: Annotated[Path, typer.Option(help="Element table (`gexpipe abc elements`), parquet.")],
    fasta: Annotated[Path, typer.Option(help="Genome, plain FASTA.")],
    genes: Genes,
    out: Out,
    slot: Annotated[int, typer.Option(help="Bases per element, bp.")] = 2000,
    max_elements: Annotated[int, typer.Option(help="Most elements per gene.")] = 60,
) -> None:
    """Write the bases of every distinct element once, and the gene-element links."""
    from gexpipe.reference.genes import read_genes
    from gexpipe.tabular import read_parquet
    from gexpipe.windows.elements import build_elements

    links = read_parquet(table, "element table", ["gene_id", "chrom", "start", "end"])
    build_elements(links, fasta, read_genes(genes), slot, max_elements, _store(out))
    logger.info("%d gene-element links", len(links))


@app.command()
def inspect(
    store: Annotated[Path, typer.Argument(help="Window store (folder or manifest).")],
    gene: Annotated[str | None, typer.Argument(help="Gene id whose tracks to draw.")] = None,
    out: Annotated[Path, typer.Option(help="PNG to write for a gene.")] = Path("gene.png"),
) -> None:
    """Print what a store holds; with a gene id, draw that gene's tracks to a PNG."""
    from gexpipe.windows.inspect import describe, draw_gene

    for line in describe(store):
        typer.echo(line)
    if gene is not None:
        draw_gene(store, gene, out)
        typer.echo(f"drew {gene} to {out}")


@app.command("long-range")
def long_range(
    store: Annotated[list[str], typer.Option(help="CELL=window store; repeat.")],
    published: Annotated[Path, typer.Option(help="Published values.")],
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

    tables = dict(item.split("=", 1) for item in elements or [])
    found = {}
    for item in store:
        name, _, path = item.partition("=")
        linked = (
            read_parquet(tables[name], "element table", ["gene_id"]) if name in tables else None
        )
        for setting, beyond in BEYOND.items():
            found[name, setting] = measure(Path(path), beyond, linked)
    known_as = dict(item.split("=", 1) for item in cell or [])
    table = beside_published(found, read_published(published), known_as)
    shown = table.to_markdown(index=False, floatfmt=".10g")
    note = "Distances and `beyond` in bp; genes are shares, partners are positions of the window.\n"
    write_table(table, out, f"# Long-range contact (Prism, table 8)\n\n{shown}\n\n{note}")
