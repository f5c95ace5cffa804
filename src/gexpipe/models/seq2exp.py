"""Seq2Exp-soft: a learned Beta mask on the window, and the predictor that sees what it keeps."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.methods.published import Seq2ExpSoftOptions
from gexpipe.models.base import Inputs, Output
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.beta_mask import TrainedMask, keep_regions
from gexpipe.models.masked import MaskedPredictor

__all__ = ["Seq2ExpSoft"]


class Seq2ExpSoft(MaskedPredictor):
    """Generator (DNA only) -> Beta mask with the signals -> masked embedding -> predictor.

    Training draws z (reparameterised); evaluation uses its mean. The embedding, biases included,
    is multiplied by the mask. Source: GeneBiMambaMIRNP of Seq2Exp; 1,114,249 parameters.
    """

    Options = Seq2ExpSoftOptions

    def __init__(self, options: Seq2ExpSoftOptions, inputs: Inputs) -> None:
        super().__init__(options, options.center, inputs)
        self.kl_weight = options.kl_weight
        self.generator = Backbone(replace(options, layers=options.generator_layers))
        self.mask = TrainedMask(options, options.d_model, len(inputs.signals))

    def forward(self, batch: Batch, z: Tensor | None = None) -> Output:
        """Predict for a dense batch; ``z`` (B, L) replaces the drawn mask."""
        sequence, signal = self.embed(batch)
        hidden = self.generator(sequence)
        distribution, shown = self.mask(hidden, batch.signals)
        if z is None:
            z = distribution.rsample() if self.training else distribution.mean
        mask = keep_regions(z, batch.blacklist, self.center)
        output = self.predict(sequence + signal, mask, batch)
        output.extras.update(shown)
        output.extras.update(
            generator_hidden=hidden,
            alpha=distribution.concentration1,
            beta=distribution.concentration0,
            kl=self.mask.divergence(distribution),
        )
        return output

    def terms(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """The KL term."""
        return {"kl": self.kl_weight * output.extras["kl"]}
