"""Per-gene predictions of a model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from gexpipe.files import aside
from gexpipe.models.base import ExpressionModel
from gexpipe.train.batches import Genes, batches, chunks

__all__ = ["PARTS", "predict_rows", "prediction_table", "write_predictions"]

PARTS = ("valid", "test")


@torch.inference_mode()
def predict_rows(
    model: ExpressionModel,
    data: Genes,
    rows: np.ndarray,
    size: int,
    workers: int = 0,
    autocast: AbstractContextManager[Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Observed and predicted expression of ``rows``, in their order.

    Parameters
    ----------
    model : ExpressionModel
        Put into evaluation mode, and back into the mode it had.
    data : Genes
        The data set.
    rows : ndarray
        Rows of the data set.
    size : int
        Genes a batch; Seq2Exp-hard's predictions depend on it a little, no other method's.
    workers : int
        Loader processes.
    autocast : context manager, optional
        Precision context that the forward pass runs in.

    Returns
    -------
    tuple of ndarray
        Observed and predicted values, (rows,) float32.
    """
    device = next(model.parameters()).device
    mode = model.training
    model.eval()
    observed, predicted = [], []
    parts = chunks(np.asarray(rows), size)
    for batch in batches(data, parts, range(len(parts)), workers):
        batch = batch.to(device).dense()
        with autocast or nullcontext():
            output = model(batch)
        observed.append(batch.target.float().cpu().numpy())
        predicted.append(output.prediction.float().cpu().numpy())
    model.train(mode)
    return np.concatenate(observed), np.concatenate(predicted)


def prediction_table(
    model: ExpressionModel,
    data: Genes,
    fold: int,
    size: int,
    parts: Sequence[str] = PARTS,
    workers: int = 0,
    autocast: AbstractContextManager[Any] | None = None,
) -> pd.DataFrame:
    """Predictions for the genes of some parts of a fold.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, fold, split, observed, predicted; a row a gene.
    """
    tables = []
    for part in parts:
        rows = data.split(fold, part)
        observed, predicted = predict_rows(model, data, rows, size, workers, autocast)
        table = data.table.iloc[rows][["gene_id", "symbol", "chrom"]].copy()
        table["fold"], table["split"] = fold, part
        table["observed"], table["predicted"] = observed, predicted
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def write_predictions(path: Path, table: pd.DataFrame) -> None:
    """Write predictions as parquet, aside and renamed."""
    with aside(path) as temporary:
        table.to_parquet(temporary, index=False)
