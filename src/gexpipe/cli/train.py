"""``gexpipe train``: one method, one cell type, one fold, one seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Fold
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError

app = typer.Typer(help="Train one method on one cell type, one fold, one seed.")


@app.command()
@takes_sources(
    "sequence",
    "signals",
    "elements",
    "activity",
    "genome",
    "bins",
    "bin_signals",
    "prompts",
    "gene_activity",
    "links",
)
def train(
    context: typer.Context,
    sources: Sources,
    method: Annotated[str, typer.Option(help="Merged method configuration: JSON text or a path.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    mixed_signals: Annotated[
        list[Path] | None, typer.Option(help="Window store of a further cell type; repeat.")
    ] = None,
    mixed_examples: Annotated[
        list[Path] | None, typer.Option(help="Its example table; repeat in the same order.")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint that the method starts from, if it does.")
    ] = None,
    fold: Fold = 11,
    seed: Annotated[int, typer.Option(help="Weights, batch order, noise.")] = 2,
    devices: Annotated[
        int | None, typer.Option(help="GPUs, where there are any; default: the method's.", min=1)
    ] = None,
    anew: Annotated[
        bool, typer.Option("--replace", help="Start anew if last.ckpt is of another run.")
    ] = False,
) -> None:
    """Write best.ckpt, last.ckpt, history.csv, predictions.parquet and run.json to a folder.

    Run again with the same arguments, it continues from last.ckpt, to the same result. With others
    it refuses, unless --replace lets it start anew.
    """
    from gexpipe.devices import hold
    from gexpipe.methods.merged import read_method
    from gexpipe.ranks import join, run_ranks
    from gexpipe.train.process import prepare

    config = read_method(method)
    held = context.with_resource(hold(devices or config.train.devices))  # before CUDA is used
    if not join() and len(held) > 1:
        run_ranks(len(held))
        return
    prepare(config.train.threads)  # before anything loads torch or numba
    from gexpipe.data.open import open_data
    from gexpipe.train.run import train as run

    others = (mixed_signals or [], mixed_examples or [])
    if len(others[0]) != len(others[1]):
        raise UserError("give as many --mixed-examples as --mixed-signals", "--mixed-examples")
    sources = replace(sources, mixed=tuple(zip(*others, strict=True)))
    data = open_data(sources, config)
    run(config, data, fold, seed, out, start_from=start_from, replace=anew)
