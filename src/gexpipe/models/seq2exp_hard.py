"""Seq2Exp-hard: a 0/1 mask; only the kept bases, moved together, reach the predictor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.methods.published import Seq2ExpHardOptions
from gexpipe.models.base import Inputs, Output
from gexpipe.models.blocks.beta_mask import TrainedMask, keep_regions
from gexpipe.models.masked import MaskedPredictor

__all__ = ["Seq2ExpHard"]


class Seq2ExpHard(MaskedPredictor):
    """One backbone is generator and predictor; both see DNA, signals and a positional embedding.

    Kept positions are moved together and padded with zero vectors to the longest gene of the
    batch; the backbone runs over the padding, so that a prediction depends a little on the other
    genes of its batch, as in the published code. Source: GeneBiMambaMIRNP of Seq2Exp with
    ``post_hard_dist``, ``enc_prd_ps`` and ``pos_enc``; 26,174,985 parameters at 200 kb, of which
    25.6 M are the positional embedding.
    """

    Options = Seq2ExpHardOptions

    def __init__(self, options: Seq2ExpHardOptions, inputs: Inputs) -> None:
        super().__init__(options, options.center, inputs)
        self.options = options
        self.position = nn.Parameter(torch.zeros(1, inputs.length, options.d_model))
        self.mask = TrainedMask(options, options.d_model, len(inputs.signals))

    def forward(self, batch: Batch, z: Tensor | None = None) -> Output:
        """Predict for a dense batch; ``z`` (B, L) replaces the drawn values."""
        o = self.options
        sequence, signal = self.embed(batch)
        embedded = sequence + self.position + signal
        hidden = self.encoder(embedded)
        distribution, shown = self.mask(hidden, batch.signals)
        if z is None:
            z = distribution.rsample() if self.training else distribution.mean
        hard = (z >= o.threshold).to(z.dtype)
        kept = keep_regions(hard, batch.blacklist, self.center)
        if o.straight_through:
            soft = keep_regions(hard - z.detach() + z, batch.blacklist, self.center)
            embedded = embedded * soft.unsqueeze(-1).to(embedded.dtype)
        packed, counts = compact(embedded, kept.bool())
        encoded = self.encoder(packed)
        pooled = self._central(encoded, kept).mean(dim=1)
        prediction, joined = self.head(pooled, batch.features)
        shown |= {
            "mask": kept,
            "generator_hidden": hidden,
            "hidden": encoded,
            "head_input": joined,
            "counts": counts,
            "alpha": distribution.concentration1,
            "beta": distribution.concentration0,
            "kl": self.mask.divergence(distribution),
        }
        return Output(prediction, shown)

    def _central(self, encoded: Tensor, kept: Tensor) -> Tensor:
        """States of the central bases, found by counting the kept ones left of the middle."""
        length = kept.shape[1]
        width = min(self.center, length)
        left = kept[:, : length // 2].sum(dim=1).long() - width // 2
        places = left[:, None] + torch.arange(width, device=encoded.device)
        return encoded.gather(1, places[..., None].expand(-1, -1, encoded.shape[2]))

    def terms(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """The KL term."""
        return {"kl": self.options.kl_weight * output.extras["kl"]}


def compact(embedded: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Kept positions of (B, L, d) moved to the left, zero-padded to the longest; and their counts.

    Source order is preserved: (B, longest, d) and (B,).
    """
    counts = kept.sum(dim=1)
    longest = int(counts.max())
    packed = embedded.new_zeros(embedded.shape[0], longest, embedded.shape[2])
    used = torch.arange(longest, device=kept.device) < counts[:, None]
    packed[used] = embedded[kept]
    return packed, counts
