"""Which inputs make a trained model predict something else: A's inputs, one at a time B's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from gexpipe.batch import Batch, Elements
from gexpipe.data.batches import Genes
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel

__all__ = ["explained", "swapped_predictions"]

Swap = Callable[[Batch, Batch], Batch]
_OF_ELEMENTS = ("distance", "contact", "activity")


def _swaps(signals: list[str], elements: bool, alike: bool) -> dict[str, Swap]:
    """Input -> A's dense batch with that input of B's.

    Elements are exchanged column by column where both have as many of as many bases.
    """

    def with_signal(k: int) -> Swap:
        def swap(a: Batch, b: Batch) -> Batch:
            taken = a.signals.clone()
            taken[:, k] = b.signals[:, k]
            return replace(a, signals=taken)

        return swap

    found: dict[str, Swap] = {
        "bases": lambda a, b: replace(a, codes=b.codes),
        "masks": lambda a, b: replace(a, peaks=b.peaks, blacklist=b.blacklist),
        **{name: with_signal(k) for k, name in enumerate(signals)},
        "mRNA features": lambda a, b: replace(
            a, features=torch.cat([b.features[:, :-1], a.features[:, -1:]], 1)
        ),
        "promoter activity": lambda a, b: replace(
            a, features=torch.cat([a.features[:, :-1], b.features[:, -1:]], 1)
        ),
    }
    if elements and alike:
        found["elements, their bases"] = _element_bases
        for k, name in enumerate(_OF_ELEMENTS):
            found[f"elements, their {name}"] = partial(_column, k=k)
    if elements:
        found["elements, all"] = lambda a, b: replace(a, elements=b.elements)
    return found


def _both(a: Batch, b: Batch) -> tuple[Elements, Elements]:
    assert a.elements is not None and b.elements is not None
    return a.elements, b.elements


def _alike(a: Batch, b: Batch) -> bool:
    ours, theirs = _both(a, b)
    return ours.codes.shape == theirs.codes.shape


def _element_bases(a: Batch, b: Batch) -> Batch:
    ours, theirs = _both(a, b)
    return replace(a, elements=Elements(theirs.codes, ours.features))


def _column(a: Batch, b: Batch, k: int) -> Batch:
    ours, theirs = _both(a, b)
    taken = ours.features.clone()
    taken[..., k] = theirs.features[..., k]
    return replace(a, elements=Elements(ours.codes, taken))


@torch.inference_mode()
def swapped_predictions(
    model: ExpressionModel, a: Genes, b: Genes, genes: list[str], signals: list[str], size: int = 4
) -> pd.DataFrame:
    """Predictions of a trained model, (genes,) for each column.

    Parameters
    ----------
    model : ExpressionModel
        Put into evaluation mode.
    a, b : Genes
        The two data sets as the model reads them.
    genes : list of str
        Ids that both have.
    signals : list of str
        Of the model, in order.
    size : int
        Genes a batch.

    Returns
    -------
    DataFrame
        Index gene_id; A, B, and each input: A's inputs with that one of B.
    """
    model.eval()
    rows = [{gene: row for row, gene in enumerate(data.gene_ids)} for data in (a, b)]
    parts = []
    for first in range(0, len(genes), size):
        some = genes[first : first + size]
        ours, theirs = (
            data.batch(np.array([at[gene] for gene in some])).dense()
            for data, at in zip((a, b), rows, strict=True)
        )
        elements = ours.elements is not None
        swaps = _swaps(signals, elements, elements and _alike(ours, theirs))
        batches = {"A": ours, "B": theirs} | {
            name: swap(ours, theirs) for name, swap in swaps.items()
        }
        found = {name: model(batch).prediction.numpy() for name, batch in batches.items()}
        parts.append(pd.DataFrame(found, index=pd.Index(some, name="gene_id")))
    if not parts:
        raise UserError("the two have no gene in common", "gexpipe compare")
    return pd.concat(parts)


def explained(predictions: pd.DataFrame) -> pd.DataFrame:
    """How much of the difference between A and B each input makes.

    Returns
    -------
    DataFrame
        input, share (1 - the squared distance to B that is left / the whole one: 1 explains all,
        below 0 leads away), moved (mean absolute change of the prediction), largest first.
    """
    a, b = predictions["A"], predictions["B"]
    whole = float(((b - a) ** 2).mean())
    rows = [
        {
            "input": name,
            "share": 1 - float(((b - value) ** 2).mean()) / whole if whole else np.nan,
            "moved": float((value - a).abs().mean()),
        }
        for name, value in predictions.drop(columns=["A", "B"]).items()
    ]
    return pd.DataFrame(rows).sort_values("moved", ascending=False, ignore_index=True)
