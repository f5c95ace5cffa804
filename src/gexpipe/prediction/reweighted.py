"""Prism's prediction from its re-weighted branches, instead of the plain one."""

from __future__ import annotations

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel, Output
from gexpipe.models.prism import Prism

__all__ = ["Reweighted"]


class Reweighted(ExpressionModel):
    """A trained Prism that multiplies the embedded signals by its learned weights.

    The prediction is that of the mean hidden state of the re-weighted branches (Prism, appendix L);
    the weights are shown.
    """

    def __init__(self, model: ExpressionModel) -> None:
        super().__init__()
        if not isinstance(model, Prism) or model.weight_generator is None:
            raise UserError("this method learns no weights of signals", "--weighted")
        self.model = model

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        shown = self.model(batch, branches=True).extras
        kept = {"weights": shown["weights"]}
        return Output(shown["intervention"], kept)
