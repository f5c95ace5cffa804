"""``gexpipe baseline``: models on gene features, or on what a model of others says at the TSS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexpipe.cli.options import Examples, Fold, Seed, store_folder
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.methods.gene_features import FEATURE_SETS

if TYPE_CHECKING:
    import numpy as np

__all__ = ["app"]

logger = get_logger(__name__)

app = typer.Typer(
    no_args_is_help=True, help="Baselines on gene features, or on models of others at the TSS."
)


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
    from gexpipe.tabular import write_parquet

    tables = read_gene_tables(examples, gene_activity, elements)
    table = feature_table(tables, features.split("+"))
    rows = rows_of(tables.examples, fold)
    target = tables.examples["target"].to_numpy(np.float64)
    predicted = fit_predict(model, table, target, rows, seed)
    _say(f"{model}, fold {fold}, seed {seed}", target, predicted, rows)
    write_parquet(prediction_table(tables.examples, fold, rows, predicted), out)


@app.command()
def extracted(
    method: Annotated[str, typer.Option(help="Merged method configuration: JSON text or a path.")],
    store: Annotated[Path, typer.Option(help="What its model says (`gexpipe extract`).")],
    examples: Examples,
    cell: Annotated[str, typer.Option(help="Cell type, as descriptions of tracks call it.")],
    fold: Fold,
    out: Annotated[Path, typer.Option(help="predictions.parquet")],
) -> None:
    """Predictions from what a model of others says at the TSS: zero-shot, or ridge regression."""
    import numpy as np

    from gexpipe.baselines.extracted import fit_ridge, ridge_features, zero_shot
    from gexpipe.baselines.splits import prediction_table, rows_of
    from gexpipe.extractors.reading import ExtractedStore
    from gexpipe.methods.merged import read_method
    from gexpipe.schemas import EXAMPLES, read_stage
    from gexpipe.tabular import write_parquet

    config = read_method(method)
    table = read_stage(examples, EXAMPLES, "symbol", "target")
    rows = rows_of(table, fold)
    target = table["target"].to_numpy(np.float64)
    said = ExtractedStore(store_folder(store))
    if config.architecture == "zero_shot":
        predicted = zero_shot(said, table["gene_id"], config.options, cell)
    elif config.architecture == "ridge":
        features = ridge_features(said, table["gene_id"], config.options, cell)
        predicted = fit_ridge(features, target, rows)
    else:
        raise UserError(f"{config.architecture}, expected zero_shot or ridge", "--method")
    _say(f"{config.name}, fold {fold}", target, predicted, rows)
    write_parquet(prediction_table(table, fold, rows, predicted), out)


def _say(what: str, target: np.ndarray, predicted: np.ndarray, rows: dict[str, np.ndarray]) -> None:
    from gexpipe.tables.metrics import score

    for name in ("valid", "test"):
        found = score(target[rows[name]], predicted[rows[name]])
        logger.info(
            "%s, %s: Pearson %.4f, MSE %.4f, MAE %.4f",
            *(what, name, found["pearson"], found["mse"], found["mae"]),
        )
