"""Seq2Exp-retrain: the best tenth of a trained soft mask, and a predictor trained anew on it."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.methods.published import Seq2ExpRetrainOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.beta_mask import BetaMask, keep_regions
from gexpipe.models.masked import MaskedPredictor, SumEmbedding
from gexpipe.models.seq2exp import Seq2ExpSoft

__all__ = ["Seq2ExpRetrain"]


class FrozenMask(nn.Module):
    """The mask of a Seq2Exp-soft run, without its predictor; never trained."""

    def __init__(self, options: Seq2ExpRetrainOptions, inputs: Inputs) -> None:
        super().__init__()
        self.center = options.center
        self.embed = SumEmbedding(inputs, options.d_model)
        self.generator = Backbone(replace(options, layers=options.generator_layers))
        self.mask = BetaMask(options, options.d_model, len(inputs.signals))
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, batch: Batch) -> Tensor:
        """Soft mask (B, L): means of the Betas; blacklisted bases 0, then central bases 1."""
        hidden = self.generator(self.embed.sequence(batch.sequence()))
        distribution, _ = self.mask(hidden, batch.signals)
        return keep_regions(distribution.mean, batch.blacklist, self.center)


class Seq2ExpRetrain(MaskedPredictor):
    """Frozen soft mask -> its largest ``share`` as 0/1 mask -> masked embedding -> predictor.

    Exactly int(share x L) bases are kept; the central ones are among them and count. No KL term.
    Source: GeneBiMambaMIRNP of Seq2Exp with ``use_mask_model``.
    """

    Options = Seq2ExpRetrainOptions

    def __init__(self, options: Seq2ExpRetrainOptions, inputs: Inputs) -> None:
        super().__init__(options, options.center, inputs)
        options.check_length(inputs.length)
        self.options = options
        self.frozen = FrozenMask(options, inputs)

    def adopt(self, other: ExpressionModel) -> None:
        """Take over the mask of a trained Seq2Exp-soft model of the same mask options."""
        assert isinstance(other, Seq2ExpSoft)
        theirs = other.mask.options
        for field in fields(self.options):
            name = field.name
            ours = getattr(self.options, name)
            if name in ("layers", "init_layers", "share"):
                continue
            if ours != getattr(theirs, name):
                raise UserError(f"{ours}, the mask has {getattr(theirs, name)}", f"model.{name}")
        for part in ("embed", "generator", "mask"):
            getattr(self.frozen, part).load_state_dict(getattr(other, part).state_dict())

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        soft = self.frozen(batch)
        best = soft.topk(int(self.options.share * soft.shape[1]), dim=1).indices
        mask = torch.zeros_like(soft).scatter(1, best, 1.0)
        sequence, signal = self.embed(batch)
        output = self.predict(sequence + signal, mask, batch)
        output.extras["soft_mask"] = soft
        return output
