"""``gexpipe contacts``: contact rows of every TSS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import ChromSizes, Genes
from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.errors import UserError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Contact rows of every TSS.")


@app.callback()
def contacts() -> None:
    """Contact rows of every TSS, from .hic or .mcool, or from a power law."""


@app.command()
def rows(
    genes: Genes,
    chrom_sizes: ChromSizes,
    out: Annotated[Path, typer.Option(help="Output .npz; the meta data goes beside it as .json.")],
    matrix: Annotated[list[Path] | None, typer.Option(help=".hic, .mcool or .cool.")] = None,
    average: Annotated[
        Path | None, typer.Option(help="No matrix: average Hi-C (chrom, bin, bin, contact).")
    ] = None,
    powerlaw: Annotated[bool, typer.Option(help="No matrix: use the power law.")] = False,
    resolution: Annotated[int, typer.Option(help="Bin width, bp.")] = 5000,
    max_distance: Annotated[int, typer.Option(help="Keep contacts this far, bp.")] = 5_000_000,
    normalization: Annotated[
        list[str], typer.Option(help="Acceptable balancing; repeat, the first present is used.")
    ] = ["VC", "SCALE", "KR", "VC_SQRT"],  # noqa: B006 - typer copies the default
    row_sums: Annotated[
        str, typer.Option(help="Row sums over the whole 'chromosome', as ABC, or the 'band' only.")
    ] = "chromosome",
    backend: Annotated[str, typer.Option(help="Library for .hic: hictk or straw.")] = "hictk",
    gamma: Annotated[float, typer.Option(help="Exponent of the power law.")] = PowerLaw.gamma,
    scale: Annotated[float, typer.Option(help="Scale of the power law.")] = PowerLaw.scale,
) -> None:
    """Write the contact of every TSS bin with the bins within --max-distance."""
    if matrix and len(matrix) > 1:
        raise UserError(
            f"one matrix is used, {len(matrix)} are given: pool the reads of replicates before",
            "--matrix",
        )
    if [bool(matrix), average is not None, powerlaw].count(True) != 1:
        raise UserError(
            "give one of --matrix FILE, --average FILE and --powerlaw", "gexpipe contacts rows"
        )
    if row_sums not in ("chromosome", "band"):
        raise UserError(f"{row_sums!r} is not chromosome or band", "--row-sums")
    from gexpipe.contact.rows import powerlaw_rows, rows_from_matrix
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.genome import read_sizes

    table, sizes = read_genes(genes), read_sizes(chrom_sizes)
    if average is not None:
        from gexpipe.contact.average import rows_from_average

        result = rows_from_average(average, table, sizes, resolution, max_distance)
    elif not matrix:
        law = PowerLaw(gamma, scale, minimum=resolution)
        result = powerlaw_rows(table, sizes, resolution, max_distance, law)
    else:
        from gexpipe.contact.readers import open_matrix

        reader = open_matrix(matrix[0], resolution, backend)
        result = rows_from_matrix(reader, table, sizes, max_distance, normalization, row_sums)
    result.write(out)


@app.command()
def balance(
    matrix: Annotated[Path, typer.Option(help=".hic, .mcool or .cool with raw counts.")],
    out: Annotated[Path, typer.Option(help=".cool to write, with balancing KR.")],
    resolution: Annotated[int, typer.Option(help="Bin width, bp.")] = 5000,
) -> None:
    """Balance a matrix that carries no usable vectors, with FAN-C."""
    from gexpipe.contact.fanc import balance_with_fanc

    balance_with_fanc(matrix, resolution, out)
