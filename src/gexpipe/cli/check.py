"""``gexpipe check``: whether the input files speak of the same genome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Chromosomes, ChromSizes
from gexpipe.errors import UserError
from gexpipe.files import write_json
from gexpipe.log import get_logger
from gexpipe.named import named

app = typer.Typer(
    add_completion=False, help="Check that chromosome names and lengths agree between input files."
)
logger = get_logger(__name__)


@app.command()
def check(
    chrom_sizes: ChromSizes,
    chromosome: Chromosomes,
    file: Annotated[list[str], typer.Option(help="FORMAT=FILE, an input file; repeat.")],
    out: Annotated[Path, typer.Option(help="Output: what was compared, JSON.")],
) -> None:
    """Compare names and lengths of every file with the genome; stop at the first mismatch."""
    from gexpipe.reference.genome import read_sizes
    from gexpipe.reference.names import check_names

    pairs = [(path, format) for format, path in named(file, "--file", "FORMAT=FILE")]
    genome = read_sizes(chrom_sizes)
    absent = [name for name in chromosome if name not in genome]
    if absent:
        raise UserError(
            f"{absent[0]} is not in the genome, which has {', '.join(list(genome)[:5])} ...",
            "config: reference.chromosomes",
        )
    report = check_names(genome, pairs, chromosome)
    write_json(out, report)
    logger.info("%d files agree with the genome on %d chromosomes", len(report), len(chromosome))
