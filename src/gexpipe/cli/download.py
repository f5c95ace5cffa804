"""``gexpipe download``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.download.policy import Choice, Policy
from gexpipe.download.portals import Request

app = typer.Typer(add_completion=False)


@app.command()
def main(
    source: Annotated[str, typer.Option(help="encode, 4dn, fantom5, zenodo, url or path.")],
    accession: Annotated[
        str, typer.Option(help="Accession; a name of your own for zenodo, url and path.")
    ],
    file_format: Annotated[
        str, typer.Option("--format", help="bam, bigWig, hic, mcool, ctss, ...")
    ],
    out: Annotated[Path, typer.Option(help="File to write; OUT.json says where it came from.")],
    url: Annotated[str, typer.Option(help="Address (url), path, or RECORD/FILE (zenodo).")] = "",
    md5: Annotated[str, typer.Option(help="Expected md5, hex.")] = "",
    assembly: Annotated[str, typer.Option(help="Expected assembly; hg38 and GRCh38 agree.")] = "",
    mirror: Annotated[
        str, typer.Option(help="Folder or web address that answers for all portals.")
    ] = "",
    tries: Annotated[int, typer.Option(min=1, help="Attempts per request.")] = 6,
    address: Annotated[
        list[str] | None,
        typer.Option(help="BEGIN=OTHER: ask OTHER for addresses that begin so; repeat."),
    ] = None,
    on_archived: Annotated[Choice, typer.Option(help="An archived file.")] = Choice.WARN,
    on_revoked: Annotated[Choice, typer.Option(help="A withdrawn file.")] = Choice.REFUSE,
    on_assembly: Annotated[Choice, typer.Option(help="Another assembly.")] = Choice.REFUSE,
) -> None:
    """Fetch one file of the sheet: verified, resumable, recorded."""
    from gexpipe.download.one_file import download

    request = Request(source, accession, file_format, url, md5, assembly)
    instead = dict(entry.partition("=")[::2] for entry in address or [])
    policy = Policy(on_archived, on_revoked, on_assembly)
    download(request, out, mirror or None, tries, policy, instead)
