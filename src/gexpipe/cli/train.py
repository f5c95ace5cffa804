"""``gexpipe train``: one method, one cell type, one fold, one seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train one method on one cell type, one fold, one seed.")


@app.command()
def train(
    sequence: Annotated[Path, typer.Option(help="Window store of bases.")],
    signals: Annotated[Path, typer.Option(help="Window store of the cell type.")],
    examples: Annotated[Path, typer.Option(help="Example table of the cell type.")],
    method: Annotated[str, typer.Option(help="Merged method configuration: JSON text or a path.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    elements: Annotated[Path | None, typer.Option(help="Element store, if it is read.")] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint that the method starts from, if it does.")
    ] = None,
    fold: Annotated[int, typer.Option(help="Fold of the example table.")] = 11,
    seed: Annotated[int, typer.Option(help="Weights, batch order, noise.")] = 2,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    devices: Annotated[int, typer.Option(help="GPUs, where there are any.", min=1)] = 1,
) -> None:
    """Write best.ckpt, last.ckpt, history.csv, predictions.parquet and run.json to a folder.

    Run again with the same arguments, it continues from last.ckpt, to the same result.
    """
    from gexpipe.train.options import read_method
    from gexpipe.train.process import prepare

    config = read_method(method)
    prepare(threads)
    from gexpipe.train import run

    data = run.open_data(run.Sources(sequence, signals, examples, elements), config)
    run.train(config, data, fold, seed, out, devices, start_from=start_from)
