"""Caduceus on the window: sequence only, or sequence and signals side by side."""

from __future__ import annotations

import torch
from torch.nn import functional

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.methods.published import CaduceusOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output, embedding
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.head import ExpressionHead, central_mean
from gexpipe.models.pretrained import adopt_backbone, open_backbone

__all__ = ["Caduceus"]


class Caduceus(ExpressionModel):
    """[one-hot DNA, signals] -> linear -> bidirectional backbone -> central mean -> MLP.

    Source: GeneExpBiMamba of Seq2Exp (``interact`` = no_signal or concat), 574,209 parameters
    without signals and 574,593 with three.
    """

    Options = CaduceusOptions
    open_start = staticmethod(open_backbone)

    def __init__(self, options: CaduceusOptions, inputs: Inputs) -> None:
        super().__init__()
        if not 0 < options.signal_retention <= 1:
            found = f"{options.signal_retention}, expected more than 0 and at most 1"
            raise UserError(found, "model.signal_retention")
        self.options = options
        self.center, self.with_signals = options.center, bool(inputs.signals)
        self.dropped = 1 - options.signal_retention
        self.input_layer = embedding(4 + len(inputs.signals), options.d_model)
        self.backbone = Backbone(options)
        self.head = ExpressionHead(options.d_model, inputs.features, options.d_model)

    def adopt(self, other: Backbone) -> None:  # type: ignore[override]
        """Take over a pre-trained backbone; embedding and head stay fresh."""
        adopt_backbone(self.backbone, self.options, other)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        x = batch.sequence()
        if self.with_signals:
            signals = functional.dropout(batch.signals, self.dropped, self.training)
            x = torch.cat([x, signals.transpose(1, 2)], dim=-1)
        embedded = self.input_layer(x)
        hidden = self.backbone(embedded)
        prediction, joined = self.head(central_mean(hidden, self.center), batch.features)
        return Output(prediction, {"embedded": embedded, "hidden": hidden, "head_input": joined})
