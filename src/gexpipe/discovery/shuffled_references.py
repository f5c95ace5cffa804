"""DeepLIFT against dinucleotide-shuffled references, of a model that reads DNA alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.data.batches import Genes
from gexpipe.discovery.base_scores import opened
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel

__all__ = ["DeepLift", "OnDna", "deep_lift", "needs_tangermeme"]

Floats = NDArray[np.float32]
PAIRS = 2048  # element and reference, in memory at once


class OnDna(nn.Module):
    """A model of one-hot DNA, (B, 4, L) to (B, 1), as tangermeme calls it.

    With ``both`` the mean of what the model says of either strand.
    """

    def __init__(self, model: ExpressionModel, both: bool = False) -> None:
        super().__init__()
        self.model, self.both = model, both

    def forward(self, dna: Tensor) -> Tensor:
        """Predict."""
        x = dna.transpose(1, 2)
        found = self._predict(x)
        if self.both:  # with A, C, G, T in this order, the complement is the order turned round
            found = (found + self._predict(x.flip(1, 2))) / 2
        return found[:, None]

    def _predict(self, x: Tensor) -> Tensor:
        count, length, _ = x.shape
        none = torch.zeros(count, length, dtype=torch.bool, device=x.device)
        zeros = torch.zeros(count, device=x.device)
        blank = Batch(
            gene=zeros.long(), codes=none.byte(), signals=x.new_zeros(count, 0, length),
            features=x.new_zeros(count, 0), target=zeros, peaks=none, blacklist=none,
        )  # fmt: skip
        predicted: Tensor = self.model(opened(blank, x)).prediction
        return predicted


@dataclass(frozen=True)
class DeepLift:
    """Attributions of some elements, and whether they add up.

    Attributes
    ----------
    rows : ndarray
        (n,) the elements that were read: those without an unknown base.
    bases, contributions : ndarray
        (n, L, 4) one-hot, and what each of the four bases would contribute, mean over references.
    difference, total : ndarray
        (n,) prediction less its mean over the references; sum of the contributions of the bases
        that are there. The method promises that these are equal.
    """

    rows: NDArray[np.int64]
    bases: Floats
    contributions: Floats
    difference: NDArray[np.float64]
    total: NDArray[np.float64]

    @property
    def gap(self) -> float:
        """Largest distance of the two, as share of the mean absolute difference."""
        scale = float(np.abs(self.difference).mean()) or 1.0
        return float(np.abs(self.difference - self.total).max()) / scale


def needs_tangermeme() -> None:
    """Raise a `UserError` where the library is not installed."""
    try:
        import tangermeme  # noqa: F401
    except ImportError as error:
        raise UserError("not installed: pip install 'gexpipe[motifs]'", "tangermeme") from error


def deep_lift(
    model: ExpressionModel,
    data: Genes,
    rows: NDArray[np.int64],
    references: int,
    both: bool = False,
    seed: int = 1,
) -> DeepLift:
    """Contributions of the bases of elements, by DeepLIFT's rescale rule (Shrikumar et al. 2017).

    Reference k of every element is its own sequence with the order of its dinucleotides shuffled by
    seed ``seed + k``, as EPInformer's authors take them (1,000 of them). Elements with an unknown
    base have no such shuffle and are left out.

    Parameters
    ----------
    model, data : ExpressionModel, Genes
        EPInformer's encoder and its elements.
    rows : ndarray
        Elements.
    references : int
        Shuffled references of each.
    both : bool
        The mean over both strands, for a model that was trained on both.
    seed : int
        Of the shuffles.
    """
    needs_tangermeme()
    from tangermeme.deep_lift_shap import deep_lift_shap

    device = next(model.parameters()).device
    wrapped = OnDna(model, both).eval()  # the library gives back the mode that it finds
    step = max(PAIRS // references, 1)
    parts: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(rows), step):
        chosen = np.asarray(rows[first : first + step])
        dna = data.batch(chosen).dense().sequence().float().transpose(1, 2).contiguous()
        whole = (dna.sum(dim=1) == 1).all(dim=1)
        if not whole.any():
            continue
        dna, chosen = dna[whole], chosen[whole.numpy()]
        result = deep_lift_shap(
            wrapped, dna, n_shuffles=references, batch_size=min(PAIRS, references * len(dna)),
            hypothetical=True, return_references=True, warning_threshold=float("inf"),
            random_state=seed, device=device,
        )  # fmt: skip
        found, shuffled = result.attributions.cpu(), result.references.flatten(0, 1).float()
        with torch.inference_mode():
            own = wrapped(dna.to(device))[:, 0].double().cpu()
            other = torch.cat([wrapped(p.to(device))[:, 0].double().cpu()
                               for p in shuffled.split(PAIRS)])  # fmt: skip
        difference = own - other.view(len(dna), references).mean(dim=1)
        total = (found.double() * dna).sum(dim=(1, 2))
        parts.append((
            chosen, dna.transpose(1, 2).numpy(), found.transpose(1, 2).numpy(),
            difference.numpy(), total.numpy(),
        ))  # fmt: skip
    if not parts:
        raise UserError("every element has an unknown base", "--genome")
    return DeepLift(*(np.concatenate(values) for values in zip(*parts, strict=True)))
