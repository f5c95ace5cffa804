"""A score for every base of a gene's window: a method's mask, or the saliency of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.data.batches import Genes, batches, chunks
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel

__all__ = ["base_scores", "mask_of", "opened", "saliency_of", "score_batches"]

Scorer = Callable[[ExpressionModel, Batch], Tensor]


@dataclass(frozen=True)
class _Open(Batch):
    """A dense batch whose one-hot DNA is given, so that gradients reach it."""

    one_hot: Tensor | None = None

    def sequence(self) -> Tensor:
        """(B, L, 4)."""
        assert self.one_hot is not None
        return self.one_hot


def opened(batch: Batch, one_hot: Tensor, **changes: Tensor) -> Batch:
    """A dense batch with given one-hot DNA (B, L, 4), and other fields that ``changes`` names."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return _Open(**{**values, **changes, "one_hot": one_hot})


def mask_of(model: ExpressionModel, batch: Batch) -> Tensor:
    """The method's own mask, (B, L): what share of each base reaches the predictor.

    Raises
    ------
    UserError
        For a method without a mask.
    """
    with torch.inference_mode():
        shown = model(batch).extras
    if "mask" not in shown:
        raise UserError("this method has no mask", "--kind mask")
    # Seq2Exp-retrain keeps a fixed share of the soft mask; the soft mask ranks its bases.
    return shown.get("soft_mask", shown["mask"]).float()


def saliency_of(model: ExpressionModel, batch: Batch, steps: int = 1) -> Tensor:
    """Gradient times input, (B, L), summed over DNA and signals of a base, absolute.

    Parameters
    ----------
    model : ExpressionModel
        A method that reads the window.
    batch : Batch
        Dense batch.
    steps : int
        Points between an empty window and the gene's own at which the gradient is taken: 1 is
        gradient x input at the gene's own window, more are integrated gradients.
    """
    dna, signals = batch.sequence(), batch.signals
    total = [torch.zeros_like(dna), torch.zeros_like(signals)]
    for step in range(1, steps + 1):
        share = 1.0 if steps == 1 else (step - 0.5) / steps
        inputs = [(x * share).detach().requires_grad_() for x in (dna, signals)]
        predicted = model(opened(batch, inputs[0], signals=inputs[1])).prediction.sum()
        if not predicted.requires_grad:  # it reads neither: nothing depends on them
            break
        found = torch.autograd.grad(predicted, inputs, allow_unused=True)
        for into, gradient in zip(total, found, strict=True):
            if gradient is not None:
                into += gradient / steps
    return ((total[0] * dna).sum(2) + (total[1] * signals).sum(1)).abs()


def score_batches(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], size: int, scorer: Scorer
) -> Iterator[NDArray[np.float32]]:
    """Scores of some rows, a batch at a time, each (B, L); puts the model into evaluation mode."""
    device = next(model.parameters()).device
    model.eval()
    parts = chunks(np.asarray(rows), size)
    for batch in batches(data, parts, range(len(parts)), 0):
        yield scorer(model, batch.to(device).dense()).cpu().numpy().astype(np.float32)


def base_scores(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], size: int, scorer: Scorer
) -> NDArray[np.float32]:
    """All of `score_batches`, (rows, L)."""
    return np.concatenate(list(score_batches(model, data, rows, size, scorer)))
