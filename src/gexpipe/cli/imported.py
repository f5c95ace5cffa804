"""``gexpipe import``: an archive of `gexpipe export`, verified and used by a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError
from gexpipe.log import get_logger

log = get_logger(__name__)
app = typer.Typer(add_completion=False)


@app.command()
def imported(
    archive: Annotated[Path, typer.Argument(help="Folder, .zip or .tar of `gexpipe export`.")],
    folder: Annotated[Path, typer.Option(help="Working directory of the project.")] = Path(),
    only: Annotated[
        str, typer.Option(help="A file of imported data to put in its place; the workflow asks.")
    ] = "",
) -> None:
    """Compare every checksum of an archive, and make a project use it.

    Prepared data: the workflow links them instead of downloading and preparing; a folder without a
    project becomes one, with the archive's configuration and sheets. A model: its checkpoint lies
    in models/NAME.
    """
    from gexpipe.archive.imported import import_archive, start_project
    from gexpipe.cli.init import SNAKEFILE
    from gexpipe.home import home

    if only:
        _put(archive, only, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    place = import_archive(archive, folder)
    if (place / "config").is_dir():
        started = start_project(place, folder, home(), SNAKEFILE)
        what = "a project of its configuration" if started else "the project there reads it"
        log.info("%s: %s; next: snakemake --cores 2 results/tables/table1.tsv", folder, what)
    else:
        log.info("%s: gexpipe predict --checkpoint %s/best.ckpt ...", place, place)


def _put(archive: Path, path: str, folder: Path) -> None:
    from gexpipe.archive.prepared import place
    from gexpipe.prepared import open_prepared

    prepared = open_prepared(archive)
    if prepared is None:
        raise UserError("no such folder of imported data", archive)
    place(prepared, path, folder)
    log.info("%s: from %s", path, archive)
