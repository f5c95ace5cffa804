"""``gexpipe extract``: what an expression model of others says of every gene."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gexpipe.cli.options import Fasta, Genes, StoreOut, Threads, store_folder

app = typer.Typer(help="What an expression model of others says at every TSS.")


@app.command()
def extract(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Entry of the configuration's extractors.")],
    extractor: Annotated[str, typer.Option(help="Its settings, JSON.")],
    fasta: Fasta,
    genes: Genes,
    out: StoreOut,
    threads: Threads = 1,
) -> None:
    """Tracks summed and embeddings averaged at every gene's TSS; a cut run goes on where it was."""
    from gexpipe.devices import hold
    from gexpipe.extractors.settings import check_extractor, read_settings
    from gexpipe.train.process import prepare

    said = json.loads(extractor)
    check_extractor(name, said)
    context.with_resource(hold())
    prepare(threads)
    from gexpipe.extractors.store import build_extracted
    from gexpipe.reference.genes import read_genes

    build_extracted(name, read_settings(name, said), fasta, read_genes(genes), store_folder(out))
