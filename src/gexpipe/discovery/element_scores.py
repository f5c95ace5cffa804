"""A score for every gene and candidate element: perturbation, attention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gexpipe.batch import N_CODE, Batch, Elements
from gexpipe.data.batches import Genes, batches, chunks
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel
from gexpipe.models.epinformer import link_scores

__all__ = ["attention_links", "perturbed_links", "perturbed_slots", "repeated"]


@torch.inference_mode()
def _predict(model: ExpressionModel, batch: Batch) -> NDArray[np.float64]:
    return model(batch).prediction.double().cpu().numpy()


def perturbed_links(
    model: ExpressionModel,
    data: Genes,
    rows: NDArray[np.int64],
    pairs: pd.DataFrame,
    size: int,
) -> NDArray[np.float64]:
    """What a prediction loses when an element of the window is masked, (pairs,).

    The element's bases become N and its signals 0. ``pairs`` name genes by place in ``rows``.
    """
    device = next(model.parameters()).device
    model.eval()
    lost = np.zeros(len(pairs))
    genes, spans = pairs["gene"].to_numpy(np.int64), pairs[["start", "end"]].to_numpy(np.int64)
    for place in np.unique(genes):
        row = int(rows[place])
        own = data.batch(np.array([row])).to(device).dense()
        half = own.codes.shape[1] // 2
        before = _predict(model, own)[0]
        tss = int(data.table["tss"].iloc[row])
        for chunk in chunks(np.flatnonzero(genes == place), size):
            batch = repeated(own, len(chunk))
            for i, (start, end) in enumerate(spans[chunk]):
                where = slice(start - tss + half, end - tss + half)
                batch.codes[i, where] = N_CODE
                batch.signals[i, :, where] = 0
            lost[chunk] = before - _predict(model, batch)
    return lost


def repeated(batch: Batch, times: int) -> Batch:
    """A batch of one gene, ``times`` over, as tensors of their own."""
    copied = {
        name: getattr(batch, name).repeat_interleave(times, dim=0)
        for name in ("gene", "codes", "signals", "features", "target", "peaks", "blacklist")
    }
    elements = batch.elements
    if elements is not None:
        parts = (elements.codes, elements.features)
        elements = Elements(*(x.repeat_interleave(times, dim=0) for x in parts))
    return replace(batch, **copied, elements=elements)


def perturbed_slots(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """What EPInformer's prediction loses when an element's sequence is emptied, (rows, slots).

    The features stay, and the emptied element is attended to no more, as its authors do it. Unused
    slots have 0.
    """
    device = next(model.parameters()).device
    model.eval()
    lost = []
    for row in rows:
        own = data.batch(np.array([row])).to(device).dense()
        assert own.elements is not None
        used = (own.elements.codes[0] != N_CODE).any(dim=1).cpu().numpy()
        before, found = _predict(model, own)[0], np.zeros(len(used))
        for chunk in chunks(np.flatnonzero(used[1:]) + 1, size):
            batch = repeated(own, len(chunk))
            assert batch.elements is not None
            batch.elements.codes[np.arange(len(chunk)), chunk] = N_CODE
            found[chunk] = before - _predict(model, batch)
        lost.append(found[1:])
    return np.stack(lost)


@torch.inference_mode()
def attention_links(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """EPInformer's attention of the promoter to each element, mean over layers, (rows, slots).

    Raises
    ------
    UserError
        For a method without attention to elements.
    """
    device = next(model.parameters()).device
    model.eval()
    parts, found = chunks(np.asarray(rows), size), []
    for batch in batches(data, parts, range(len(parts)), 0):
        shown = model(batch.to(device).dense()).extras
        if "attention" not in shown:
            raise UserError("this method has no attention to elements", "--kind attention")
        found.append(link_scores(shown["attention"]).double().cpu().numpy())
    return np.concatenate(found)
