"""What a trained GTA looks at: bins of its heads, bins that are selected, prototypes over bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gexpipe.batch import Batch
from gexpipe.data.batches import Genes, chunks
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel, Output
from gexpipe.models.gta import GTA

__all__ = ["Gene", "Looks", "look"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Gene:
    """Attention of one gene.

    Attributes
    ----------
    name : str
        Symbol, or id where there is none.
    residual : float
        Predicted minus observed.
    attention : ndarray
        (heads, bins, prototypes), over prototypes summing to 1.
    """

    name: str
    residual: float
    attention: Floats


@dataclass(frozen=True)
class Looks:
    """What a model looks at, over some genes.

    Attributes
    ----------
    heads : DataFrame
        A row a head, a column a feature: mean z-score of the features of the bin that the head
        attends to most, gene by gene (figures 6 and 10).
    selected : ndarray
        (bins,) share of the genes in which the selector chose a bin (figure 9).
    best, worst : Gene
        The genes with the smallest and the largest residual (figures 7 and 8).
    vocabulary : int
        First prototypes, which are mixed from the whole vocabulary; the others from the names.
    """

    heads: pd.DataFrame
    selected: NDArray[np.float64]
    best: Gene
    worst: Gene
    vocabulary: int


def look(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], labels: Sequence[str], size: int
) -> Looks:
    """Read a model's attention and selection on some genes.

    The paper takes, for every gene and head, the prototype of the largest attention and its bin of
    the largest attention: here that is the bin of the largest value of all. Features are normalised
    by their mean and standard deviation over all bins of all genes that are looked at.

    Parameters
    ----------
    model : ExpressionModel
        A trained GTA.
    data : Genes
        Its data.
    rows : ndarray
        Genes, for instance those of the test part.
    labels : sequence of str
        Of the bins' numbers.
    size : int
        Genes a batch.

    Raises
    ------
    UserError
        For another method.
    """
    if not isinstance(model, GTA):
        raise UserError("this method has no text prototypes; GTA does", "--checkpoint")
    seen = [_batch(model, data, part) for part in chunks(np.asarray(rows), size)]
    genes = sum(part.genes for part in seen)
    count = genes * len(seen[0].selected)
    mean = np.sum([part.total for part in seen], axis=0) / count
    square = np.sum([part.square for part in seen], axis=0) / count
    spread = np.sqrt(np.maximum(square - mean**2, 1e-12))
    scores = (np.concatenate([part.attended for part in seen]).mean(axis=0) - mean) / spread
    residual = np.concatenate([part.residual for part in seen])
    order = np.argsort(np.abs(residual), kind="stable")
    best, worst = (_gene(model, data, int(rows[i]), float(residual[i])) for i in order[[0, -1]])
    selected = np.sum([part.selected for part in seen], axis=0) / genes
    vocabulary = model.align.of_vocabulary.out_features
    return Looks(pd.DataFrame(scores, columns=list(labels)), selected, best, worst, vocabulary)


@dataclass(frozen=True)
class _Seen:
    """Of one batch: features where heads attend (genes, heads, features), and sums over bins."""

    genes: int
    attended: Floats
    residual: Floats
    selected: NDArray[np.float64]
    total: NDArray[np.float64]
    square: NDArray[np.float64]


@torch.inference_mode()
def _read(model: GTA, data: Genes, rows: NDArray[np.int64]) -> tuple[Batch, Output]:
    model.eval()
    batch = data.batch(rows).to(next(model.parameters()).device).dense()
    return batch, model(batch)


def _batch(model: GTA, data: Genes, rows: NDArray[np.int64]) -> _Seen:
    batch, output = _read(model, data, rows)
    features = batch.signals.transpose(1, 2).float().cpu().numpy()
    places = output.extras["attention"].amax(dim=-1).argmax(dim=-1).cpu().numpy()
    wide = features.astype(np.float64)
    return _Seen(
        len(rows),
        np.take_along_axis(features, places[..., None], axis=1),
        (output.prediction - batch.target).float().cpu().numpy(),
        np.bincount(
            output.extras["chosen"].cpu().numpy().ravel(), minlength=features.shape[1]
        ).astype(float),
        wide.sum(axis=(0, 1)),
        (wide**2).sum(axis=(0, 1)),
    )


def _gene(model: GTA, data: Genes, row: int, residual: float) -> Gene:
    _, output = _read(model, data, np.array([row]))
    gene = data.table.iloc[row]
    attention = output.extras["attention"][0].float().cpu().numpy()
    return Gene(str(gene["symbol"] or gene["gene_id"]), residual, attention)
