"""Seq2Exp's predictor: DNA and signals embedded apart, added, and multiplied by a mask."""

from __future__ import annotations

from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.methods.published import BackboneOptions, MACS3Options
from gexpipe.models.base import ExpressionModel, Inputs, Output, embedding
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.head import ExpressionHead, central_mean

__all__ = ["MACS3Mask", "MaskedPredictor", "SumEmbedding"]


class SumEmbedding(nn.Module):
    """Two linear layers, one for one-hot DNA and one for the signals, each with bias."""

    def __init__(self, inputs: Inputs, d_model: int) -> None:
        super().__init__()
        self.sequence = embedding(4, d_model)
        self.signal = embedding(len(inputs.signals), d_model)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embeddings of DNA and of signals, (B, L, d_model) each."""
        return self.sequence(batch.sequence()), self.signal(batch.signals.transpose(1, 2))


class MaskedPredictor(ExpressionModel):
    """Backbone on the masked embedding, central mean, MLP; subclasses bring the mask."""

    def __init__(self, options: BackboneOptions, center: int, inputs: Inputs) -> None:
        super().__init__()
        self.center = center
        self.embed = SumEmbedding(inputs, options.d_model)
        self.encoder = Backbone(options)
        self.head = ExpressionHead(options.d_model, inputs.features, options.d_model)

    def predict(self, embedded: Tensor, mask: Tensor, batch: Batch) -> Output:
        """Predict from (B, L, d_model) embeddings under a (B, L) mask."""
        hidden = self.encoder(embedded * mask.unsqueeze(-1).to(embedded.dtype))
        prediction, joined = self.head(central_mean(hidden, self.center), batch.features)
        return Output(prediction, {"mask": mask, "hidden": hidden, "head_input": joined})


class MACS3Mask(MaskedPredictor):
    """The MACS3 baseline: the mask is the raw peak track.

    As published, neither the blacklist nor the promoter changes it: a gene without a peak near
    its TSS is predicted from its features and the biases.
    Source: GeneBiMambaMIRNP of Seq2Exp with ``use_peak_mask``.
    """

    Options = MACS3Options

    def __init__(self, options: MACS3Options, inputs: Inputs) -> None:
        super().__init__(options, options.center, inputs)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        sequence, signal = self.embed(batch)
        return self.predict(sequence + signal, batch.peaks.to(sequence.dtype), batch)
