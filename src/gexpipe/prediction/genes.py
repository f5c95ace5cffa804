"""Per-gene predictions of a model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from gexpipe.data.batches import Genes, batches, chunks
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.models.base import ExpressionModel, Output

__all__ = [
    "PARTS",
    "Predicted",
    "evaluate_rows",
    "predict_rows",
    "prediction_and_embeddings",
    "prediction_table",
    "write_embeddings",
]

PARTS = ("valid", "test")


@dataclass(frozen=True)
class Predicted:
    """What a model says about some genes.

    Attributes
    ----------
    observed, predicted : ndarray
        (rows,) float32.
    embedding : ndarray or None
        (rows, d) float32: what the head reads of the window, without the gene features.
    shares : dict
        Column name -> (rows,) float32: ``mask_ratio``, the mean of a method's mask over the window;
        ``mean_weight``, that of Prism's weights, where they were computed.
    """

    observed: np.ndarray
    predicted: np.ndarray
    embedding: np.ndarray | None
    shares: dict[str, np.ndarray]


# Column of the prediction table -> what a method shows, averaged over all but the genes.
SHARES = {"mask_ratio": "mask", "mean_weight": "weights"}


def _shares(output: Output) -> dict[str, np.ndarray]:
    shown = {name: output.extras[key] for name, key in SHARES.items() if key in output.extras}
    return {name: value.float().flatten(1).mean(1).cpu().numpy() for name, value in shown.items()}


def _pooled(output: Output, features: int) -> np.ndarray:
    if "head_input" not in output.extras:
        raise UserError("this method pools no vector before its head", "--embeddings")
    joined = output.extras["head_input"]
    return joined[:, : joined.shape[1] - features].float().cpu().numpy()


@torch.inference_mode()
def evaluate_rows(
    model: ExpressionModel,
    data: Genes,
    rows: np.ndarray,
    size: int,
    workers: int = 0,
    autocast: AbstractContextManager[Any] | None = None,
    embeddings: bool = False,
) -> Predicted:
    """Observed and predicted expression of ``rows``, in their order, and embeddings if asked for.

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
    embeddings : bool
        Keep the pooled vector of every gene.

    Raises
    ------
    UserError
        For embeddings of a method that has no pooled vector.
    """
    device = next(model.parameters()).device
    mode = model.training
    model.eval()
    observed, predicted, pooled, shares = [], [], [], []
    parts = chunks(np.asarray(rows), size)
    for batch in batches(data, parts, range(len(parts)), workers):
        batch = batch.to(device).dense()
        with autocast or nullcontext():
            output = model(batch)
        observed.append(batch.target.float().cpu().numpy())
        predicted.append(output.prediction.float().cpu().numpy())
        shares.append(_shares(output))
        if embeddings:
            pooled.append(_pooled(output, batch.features.shape[1]))
    model.train(mode)
    return Predicted(
        np.concatenate(observed),
        np.concatenate(predicted),
        np.concatenate(pooled) if embeddings else None,
        {name: np.concatenate([part[name] for part in shares]) for name in shares[0]},
    )


def predict_rows(
    model: ExpressionModel,
    data: Genes,
    rows: np.ndarray,
    size: int,
    workers: int = 0,
    autocast: AbstractContextManager[Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Observed and predicted values, (rows,) float32; arguments as `evaluate_rows`."""
    found = evaluate_rows(model, data, rows, size, workers, autocast)
    return found.observed, found.predicted


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
        gene_id, symbol, chrom, fold, split, observed, predicted, and the shares of `Predicted`; a
        row a gene.
    """
    tables = []
    for part in parts:
        rows = data.split(fold, part)
        found = evaluate_rows(model, data, rows, size, workers, autocast)
        tables.append(_table(data, rows, fold, part, found))
    return pd.concat(tables, ignore_index=True)


def prediction_and_embeddings(
    model: ExpressionModel, data: Genes, fold: int, size: int, parts: Sequence[str] = PARTS
) -> tuple[pd.DataFrame, np.ndarray]:
    """`prediction_table`, and the embeddings (genes, d) of its rows from the same pass."""
    tables, pooled = [], []
    for part in parts:
        rows = data.split(fold, part)
        found = evaluate_rows(model, data, rows, size, embeddings=True)
        tables.append(_table(data, rows, fold, part, found))
        assert found.embedding is not None
        pooled.append(found.embedding)
    return pd.concat(tables, ignore_index=True), np.concatenate(pooled)


def _table(data: Genes, rows: np.ndarray, fold: int, part: str, found: Predicted) -> pd.DataFrame:
    table = data.table.iloc[rows][["gene_id", "symbol", "chrom"]].copy()
    table["fold"], table["split"] = fold, part
    table["observed"], table["predicted"] = found.observed, found.predicted
    return table.assign(**found.shares)


def write_embeddings(path: Path, genes: Sequence[str], embedding: np.ndarray) -> None:
    """Write ``gene_id`` (genes,) text and ``embedding`` (genes, d) float32 as .npz."""
    with aside(path) as temporary:
        np.savez(temporary, gene_id=np.array(genes, dtype=str), embedding=embedding)
