"""InFER, the earlier form of Prism: branches are averaged as predictions, not as hidden states."""

from __future__ import annotations

import torch
from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.models.prism import Prism

__all__ = ["InFER"]


class InFER(Prism):
    """Prism whose intervention is the mean of the branches' predictions; trained with plain L1.

    No code is published. From the paper (Yang et al., ICML 2025 workshop): the mean of end-to-end
    predictions (eq. 3 and algorithm 1), the L1 loss for both predictions (G.1), n = 2, alpha = beta
    = 1 (G.2), the CNN (H.2), 2,000 bp, training as Seq2Exp (table 9), 585 K parameters (table 8).

    The paper leaves open, and Prism's published code decides here: t of the uniformity term, that
    its vectors are normalised (eq. 5 writes the plain product) and that a vector's product with
    itself counts (eq. 5 sums over i != j, algorithm 1 over i, j); that the gene is scored by the
    prediction without re-weighting; how DNA and signals are joined, and the head.
    """

    def _intervene(self, hidden: Tensor, batch: Batch) -> Tensor:
        each = [self._head(branch, batch).prediction for branch in hidden.unbind(1)]
        return torch.stack(each).mean(dim=0)
