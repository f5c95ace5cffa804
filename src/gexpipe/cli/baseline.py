"""``gexpipe baseline``: models on gene features, without a window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Examples, Fold, Seed
from gexpipe.log import get_logger
from gexpipe.methods.published import FEATURE_SETS

__all__ = ["app"]

logger = get_logger(__name__)

app = typer.Typer(no_args_is_help=True, help="Baselines on the gene features.")


@app.callback()
def baseline() -> None:
    """Baselines on the gene features."""


@app.command()
def train(
    examples: Examples,
    model: Annotated[str, typer.Option(help="linear or boosted.")],
    fold: Fold,
    seed: Seed,
    out: Annotated[Path, typer.Option(help="predictions.parquet")],
    features: Annotated[
        str, typer.Option(help=f"Feature sets joined by +: {', '.join(FEATURE_SETS)}.")
    ] = "promoter+mrna",
    gene_activity: Annotated[
        Path | None, typer.Option(help="genes.parquet of the ABC stage; for the set marks.")
    ] = None,
    elements: Annotated[
        Path | None, typer.Option(help="Element table; for the set contact.")
    ] = None,
) -> None:
    """Fit one model on one fold and write its predictions for all splits."""
    import numpy as np

    from gexpipe.baselines.fit import fit_predict
    from gexpipe.baselines.splits import prediction_table, rows_of
    from gexpipe.data.gene_tables import feature_table, read_gene_tables
    from gexpipe.tables.metrics import score
    from gexpipe.tabular import write_parquet

    tables = read_gene_tables(examples, gene_activity, elements)
    table = feature_table(tables, features.split("+"))
    rows = rows_of(tables.examples, fold)
    target = tables.examples["target"].to_numpy(np.float64)
    predicted = fit_predict(model, table, target, rows, seed)
    for name in ("valid", "test"):
        found = score(target[rows[name]], predicted[rows[name]])
        logger.info(
            "%s, fold %d, seed %d, %s: Pearson %.4f, MSE %.4f, MAE %.4f",
            *(model, fold, seed, name, found["pearson"], found["mse"], found["mae"]),
        )
    write_parquet(prediction_table(tables.examples, fold, rows, predicted), out)
