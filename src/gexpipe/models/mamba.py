"""The Mamba baseline: DNA tokens, one direction."""

from __future__ import annotations

from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.methods.published import MambaOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.head import ExpressionHead, central_mean

__all__ = ["Mamba", "TokenEmbedding"]

FIRST_TOKEN = 7  # A 7, C 8, G 9, T 10, N 11; the ones before are special tokens never used here
TOKENS = 12


class TokenEmbedding(nn.Embedding):
    """Embedding of the published character vocabulary, read by base codes."""

    def __init__(self, d_model: int) -> None:
        super().__init__(TOKENS, d_model)
        nn.init.normal_(self.weight, std=0.02)

    def of(self, batch: Batch) -> Tensor:
        """(B, L, d_model) embeddings of a batch."""
        return self(batch.codes.long() + FIRST_TOKEN)


class Mamba(ExpressionModel):
    """Token embedding -> Mamba backbone -> central mean -> MLP; signals are not read.

    Source: GeneExpMamba of Seq2Exp; 502,401 parameters.
    """

    Options = MambaOptions

    def __init__(self, options: MambaOptions, inputs: Inputs) -> None:
        super().__init__()
        self.center = options.center
        self.embedding = TokenEmbedding(options.d_model)
        self.backbone = Backbone(options, bidirectional=False)
        self.head = ExpressionHead(options.d_model, inputs.features, options.d_model)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        hidden = self.backbone(self.embedding.of(batch))
        prediction, joined = self.head(central_mean(hidden, self.center), batch.features)
        return Output(prediction, {"hidden": hidden, "head_input": joined})
