"""EPInformer's sequence encoder, trained on its own to predict the activity of an element."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from gexpipe.batch import Batch
from gexpipe.methods.published import EnhancerEncoderOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.element_encoder import POOLED, ElementEncoder

__all__ = ["ENCODED", "EnhancerEncoder"]

ENCODED = 256  # bp of an element that the published encoder is trained on


class EnhancerEncoder(ExpressionModel):
    """One-hot DNA of an element -> encoder -> MLP with batch norm -> log2(0.1 + activity).

    The window of the batch is the element, the target its activity; gene features are not read.
    Source: enhancer_predictor_256bp of JasonLinjc/EPInformer, on 256 bp.
    """

    Options = EnhancerEncoderOptions

    def __init__(self, options: EnhancerEncoderOptions, inputs: Inputs) -> None:
        super().__init__()
        o = options
        self.encoder = ElementEncoder(o.encoder_widths)
        sizes = [o.encoder_widths[-1] * (inputs.length // POOLED), o.mlp_width, o.mlp_width]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [
                nn.Linear(before, after),
                nn.BatchNorm1d(after),
                nn.ReLU(),
                nn.Dropout(o.dropout),
            ]
        self.mlp = nn.Sequential(*layers, nn.Linear(o.mlp_width, 1))

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch of elements."""
        encoded = self.encoder(batch.sequence().transpose(1, 2))
        return Output(self.mlp(encoded).squeeze(-1).float(), {"encoded": encoded})
