"""The HyenaDNA baseline: DNA tokens, long convolutions."""

from __future__ import annotations

from gexpipe.batch import Batch
from gexpipe.methods.published import HyenaOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.head import ExpressionHead, central_mean
from gexpipe.models.blocks.hyena import HyenaBackbone
from gexpipe.models.mamba import TokenEmbedding

__all__ = ["Hyena"]

SPECIAL = 2  # the published filters are two positions longer than the window: room for tokens


class Hyena(ExpressionModel):
    """Token embedding -> Hyena backbone -> central mean -> MLP; signals are not read.

    A model belongs to its window length: the filters' time axis is normalised by it.
    Source: GeneExpHyena of Seq2Exp; 903,681 parameters.
    """

    Options = HyenaOptions

    def __init__(self, options: HyenaOptions, inputs: Inputs) -> None:
        super().__init__()
        self.center = options.center
        self.embedding = TokenEmbedding(options.d_model)
        self.backbone = HyenaBackbone(options, inputs.length + SPECIAL)
        self.head = ExpressionHead(options.d_model, inputs.features, options.d_model)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        hidden = self.backbone(self.embedding.of(batch))
        prediction, joined = self.head(central_mean(hidden, self.center), batch.features)
        return Output(prediction, {"hidden": hidden, "head_input": joined})
