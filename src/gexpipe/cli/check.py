"""``gexpipe check``: whether the input files speak of the same genome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError
from gexpipe.files import write_json
from gexpipe.log import get_logger

app = typer.Typer(
    add_completion=False, help="Check that chromosome names and lengths agree between input files."
)
logger = get_logger(__name__)


@app.command()
def check(
    sizes: Annotated[Path, typer.Option(help="Chromosome sizes of the genome.")],
    chromosome: Annotated[list[str], typer.Option(help="Chromosome in use; repeat.")],
    file: Annotated[list[str], typer.Option(help="FORMAT=PATH of an input file; repeat.")],
    out: Annotated[Path, typer.Option(help="Output: what was compared, JSON.")],
) -> None:
    """Compare names and lengths of every file with the genome; stop at the first mismatch."""
    from gexpipe.reference.genome import read_sizes
    from gexpipe.reference.names import check_names

    pairs = []
    for item in file:
        format, separator, path = item.partition("=")
        if not separator:
            raise UserError(f"{item!r} is not FORMAT=PATH", "--file")
        pairs.append((path, format))
    genome = read_sizes(sizes)
    absent = [name for name in chromosome if name not in genome]
    if absent:
        raise UserError(
            f"{absent[0]} is not in the genome, which has {', '.join(list(genome)[:5])} ...",
            "config: reference.chromosomes",
        )
    report = check_names(genome, pairs, chromosome)
    write_json(out, report)
    logger.info("%d files agree with the genome on %d chromosomes", len(report), len(chromosome))
