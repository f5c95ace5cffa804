"""``gexpipe train``: one method, one cell type, one fold, one seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError

app = typer.Typer(help="Train one method on one cell type, one fold, one seed.")


@app.command()
def train(
    context: typer.Context,
    examples: Annotated[Path, typer.Option(help="Example table of the cell type.")],
    method: Annotated[str, typer.Option(help="Merged method configuration: JSON text or a path.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    sequence: Annotated[Path | None, typer.Option(help="Window store of bases.")] = None,
    signals: Annotated[Path | None, typer.Option(help="Window store of the cell type.")] = None,
    elements: Annotated[Path | None, typer.Option(help="Element store, if it is read.")] = None,
    activity: Annotated[
        Path | None, typer.Option(help="Enhancer encoder: element table of the cell type.")
    ] = None,
    genome: Annotated[Path | None, typer.Option(help="Enhancer encoder: indexed FASTA.")] = None,
    mixed_signals: Annotated[
        list[Path] | None, typer.Option(help="Window store of a further cell type; repeat.")
    ] = None,
    mixed_examples: Annotated[
        list[Path] | None, typer.Option(help="Its example table; repeat in the same order.")
    ] = None,
    bins: Annotated[Path | None, typer.Option(help="GTA: store of bin features.")] = None,
    bin_signals: Annotated[
        Path | None, typer.Option(help="GTA: store of bin signals, if they are read.")
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="GTA: table of prompts.")] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint that the method starts from, if it does.")
    ] = None,
    fold: Annotated[int, typer.Option(help="Fold of the example table.")] = 11,
    seed: Annotated[int, typer.Option(help="Weights, batch order, noise.")] = 2,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    devices: Annotated[
        int | None, typer.Option(help="GPUs, where there are any; default: the method's.", min=1)
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Start anew if last.ckpt is of another run.")
    ] = False,
) -> None:
    """Write best.ckpt, last.ckpt, history.csv, predictions.parquet and run.json to a folder.

    Run again with the same arguments, it continues from last.ckpt, to the same result. With others
    it refuses, unless --replace lets it start anew.
    """
    from gexpipe.devices import hold
    from gexpipe.train.process import prepare

    prepare(threads)  # before anything loads torch or numba
    from gexpipe.methods.settings import read_method

    config = read_method(method)
    devices = devices or config.train.devices
    context.with_resource(hold(devices))  # before CUDA is used
    from gexpipe.train import run

    others = (mixed_signals or [], mixed_examples or [])
    if len(others[0]) != len(others[1]):
        raise UserError("give as many --mixed-examples as --mixed-signals", "--mixed-examples")
    mixed = tuple(zip(*others, strict=True))
    sources = run.Sources(
        examples, sequence, signals, elements, activity, genome, mixed, bins, bin_signals, prompts
    )
    data = run.open_data(sources, config)
    run.train(config, data, fold, seed, out, devices, start_from=start_from, replace=replace)
