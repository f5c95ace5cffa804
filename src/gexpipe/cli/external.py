"""``gexpipe external``: predictions of a method that gexpipe does not train."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Examples, Fold, Seed, store_folder
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.named import by_name

__all__ = ["app"]

log = get_logger(__name__)
app = typer.Typer(help="Predictions of a method that gexpipe does not train.")


@app.command()
def external(
    method: Annotated[str, typer.Option(help="Merged method configuration: JSON text or a path.")],
    examples: Examples,
    cell: Annotated[str, typer.Option(help="Cell type.")],
    fold: Fold,
    seed: Seed,
    out: Annotated[Path, typer.Option(help="predictions.parquet")],
    path: Annotated[
        list[str] | None,
        typer.Option(help="NAME=PATH of sequence, signals, elements or genome; repeat."),
    ] = None,
    exchange_windows: Annotated[
        int | None, typer.Option(help="Seed: every gene gets the window of another of its part.")
    ] = None,
) -> None:
    """Run a method's command, or read its file, check what it delivers, write predictions.parquet.

    The command never sees what was observed in a test gene.
    """
    import numpy as np

    from gexpipe.baselines.external import ask, delivered
    from gexpipe.baselines.splits import prediction_table, rows_of
    from gexpipe.methods.merged import read_method
    from gexpipe.schemas import EXAMPLES, read_stage
    from gexpipe.tables.metrics import score
    from gexpipe.tabular import write_parquet

    config = read_method(method)
    table = read_stage(examples, EXAMPLES, "symbol", "target")
    rows = rows_of(table, fold)
    options = config.options
    run = {"cell": cell, "fold": str(fold), "seed": str(seed)}
    with tempfile.TemporaryDirectory(prefix="gexpipe-external-") as folder:
        if options.command:
            stores = by_name(path or [], "--path", "NAME=PATH")
            values = {**run, **{name: str(store_folder(Path(p))) for name, p in stores.items()}}
            try:
                found = ask(options.command, table, fold, values, exchange_windows, Path(folder))
            except KeyError as error:
                raise UserError(f"its command names {{{error.args[0]}}}", "--path") from error
        else:
            found = Path(options.predictions.format(**run)).expanduser()
        predicted = delivered(found, table, fold)
    target = table["target"].to_numpy(np.float64)
    for part in ("valid", "test"):
        said = score(target[rows[part]], predicted[rows[part]])
        log.info(
            "%s, fold %d, seed %d, %s: Pearson %.4f, MSE %.4f",
            *(config.name, fold, seed, part, said["pearson"], said["mse"]),
        )
    kept = {part: rows[part] for part in ("valid", "test")}
    write_parquet(prediction_table(table, fold, kept, predicted), out)
