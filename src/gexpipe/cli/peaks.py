"""``gexpipe peaks``: MACS3 peaks of one cell type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import ChromSizes, Threads
from gexpipe.errors import UserError

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Call MACS3 peaks on DNase or ATAC alignments."
)


@app.command()
def index(
    bam: Annotated[Path, typer.Option(help="Alignments sorted by coordinate.")],
) -> None:
    """Write the .bai index of a BAM file beside it."""
    from gexpipe.peaks.macs import index_bam

    index_bam(bam)


@app.command()
def sort(
    bam: Annotated[Path, typer.Option(help="Alignments in any order.")],
    out: Annotated[Path, typer.Option(help="BAM in order, a link where it is; .bai beside it.")],
    threads: Threads = 1,
    memory_mb: Annotated[int, typer.Option(min=1, help="Memory of the sort, MB a thread.")] = 768,
) -> None:
    """Give alignments in order of coordinate with their index, sorted only where needed."""
    from gexpipe.peaks.sort import coordinate_bam

    coordinate_bam(bam, out, threads, memory_mb)


@app.command()
def convert(
    cram: Annotated[Path, typer.Option(help="Alignments in CRAM; their order is kept.")],
    out: Annotated[Path, typer.Option(help="BAM to write.")],
    fasta: Annotated[
        Path | None, typer.Option(help="Indexed genome; needed unless the CRAM embeds it.")
    ] = None,
) -> None:
    """Convert CRAM to BAM, which peak calling and counting read."""
    from gexpipe.peaks.cram import cram_to_bam

    cram_to_bam(cram, fasta, out)


@app.command()
def call(
    bam: Annotated[
        list[Path], typer.Option(help="Sorted BAM or tagAlign; repeat to pool replicates.")
    ],
    out: Annotated[Path, typer.Option(help="narrowPeak to write; a .json record goes beside it.")],
    pvalue: Annotated[float, typer.Option(help="MACS3 p-value threshold.")] = 0.1,
    shift: Annotated[int, typer.Option(help="Shift of each cut site, bp.")] = -75,
    extsize: Annotated[int, typer.Option(help="Extension of each cut site, bp.")] = 150,
    genome_size: Annotated[str, typer.Option(help="bp, or `covered`.")] = "covered",
    expected: Annotated[
        tuple[int, int], typer.Option(help="Expected number of peaks, low and high.")
    ] = (50_000, 1_000_000),
    pairs: Annotated[str, typer.Option(help="ends (-f BAM) or fragments (-f BAMPE).")] = "ends",
) -> None:
    """Call peaks with summits on pooled alignments."""
    from gexpipe.peaks.macs import call_peaks

    if pairs not in ("ends", "fragments"):
        raise UserError(f"{pairs!r} is not ends or fragments", "--pairs")

    call_peaks(
        bam, out, pvalue=pvalue, shift=shift, extsize=extsize, genome_size=genome_size,
        expected=expected, pairs=pairs,
    )  # fmt: skip


@app.command()
def given(
    peaks: Annotated[Path, typer.Option(help="narrowPeak with summits.")],
    chrom_sizes: ChromSizes,
    out: Annotated[Path, typer.Option(help="narrowPeak to write; a .json record goes beside it.")],
    expected: Annotated[
        tuple[int, int], typer.Option(help="Expected number of peaks, low and high.")
    ] = (50_000, 1_000_000),
) -> None:
    """Take peaks that were called before, checked."""
    from gexpipe.peaks.given import take_peaks

    take_peaks(peaks, chrom_sizes, expected, out)


@app.command()
def fragments(
    table: Annotated[Path, typer.Option("--fragments", help="fragments.tsv.gz of 10x.")],
    chrom_sizes: ChromSizes,
    out: Annotated[Path, typer.Option(help="tagAlign.gz to write; a .json record beside it.")],
    barcodes: Annotated[
        Path | None, typer.Option(help="Table with columns barcode and label.")
    ] = None,
    cell: Annotated[str, typer.Option(help="Label to take; needed with --barcodes.")] = "",
) -> None:
    """Take the Tn5 insertions of one cell type from single-cell fragments."""
    from gexpipe.peaks.fragments import pseudobulk

    if barcodes and not cell:
        raise UserError("give the label to take (--cell)", "--barcodes")
    pseudobulk(table, chrom_sizes, out, barcodes, cell)


@app.command()
def coverage(
    tags: Annotated[list[Path], typer.Option(help="tagAlign of `peaks fragments`; repeat.")],
    chrom_sizes: ChromSizes,
    out: Annotated[Path, typer.Option(help="bigWig to write.")],
) -> None:
    """Write insertions within 75 bp, per million, as the signal of windows."""
    from gexpipe.peaks.fragments import coverage as write_coverage

    write_coverage(tags, chrom_sizes, out)
