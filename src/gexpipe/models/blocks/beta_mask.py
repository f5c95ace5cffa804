"""Seq2Exp's mask: a Beta distribution at every base, from sequence and from signals."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Beta, kl_divergence
from torch.nn import functional

from gexpipe.errors import UserError
from gexpipe.methods.published import MaskOptions, PriorOptions
from gexpipe.models.blocks.head import central

__all__ = ["BetaMask", "TrainedMask", "keep_regions"]

TINY = 1e-8


class BetaMask(nn.Module):
    """Distribution of the mask z at every base.

    Parameters
    ----------
    options : PriorOptions
        The Betas.
    d_model : int
        Width of the hidden states that the sequence's Beta is read from.
    signals : int
        Number of signals.
    """

    def __init__(self, options: PriorOptions, d_model: int, signals: int) -> None:
        super().__init__()
        for name in ("prior_weight", "prior_beta"):
            found = len(getattr(options, name))
            if found != signals:
                raise UserError(f"{found} values for {signals} signals", f"model.{name}")
        self.options = options
        weight = torch.tensor(options.prior_weight)
        # Constants, but part of a checkpoint: the authors keep them among the parameters.
        self.log_weight = nn.Parameter(torch.log(weight / weight.sum()), requires_grad=False)
        self.signal_beta = nn.Parameter(torch.tensor(options.prior_beta), requires_grad=False)
        self.output = nn.Linear(d_model, 2)
        nn.init.zeros_(self.output.bias)

    def forward(self, hidden: Tensor, signals: Tensor) -> tuple[Beta, dict[str, Tensor]]:
        """Distribution of z from generator states (B, L, d_model) and raw signals (B, S, L).

        Also returns the logits (B, L, 2) and the parameters of the sequence's Beta.
        """
        o = self.options
        logits = self.output(hidden).float()
        alpha = functional.softplus(logits[..., 1]) + o.beta_min + TINY
        beta = functional.softplus(logits[..., 0]) + o.beta_min + TINY
        weight = functional.softmax(self.log_weight, dim=0)
        signal_alpha = (signals + o.beta_min) * o.prior_scale + TINY
        signal_beta = (self.signal_beta + o.beta_min) * o.prior_scale
        shift = 1.0 if o.subtract_one else 0.0
        z = Beta(
            alpha + (signal_alpha * weight[:, None]).sum(1) - shift,
            beta + (signal_beta * weight).sum() - shift,
            validate_args=False,
        )
        return z, {"mask_logits": logits, "sequence_alpha": alpha, "sequence_beta": beta}


class TrainedMask(BetaMask):
    """A mask that a KL term keeps small while it is trained; parameters as `BetaMask`."""

    def __init__(self, options: MaskOptions, d_model: int, signals: int) -> None:
        super().__init__(options, d_model, signals)
        self.target = options

    def marginal(self) -> Beta:
        """The Beta that the KL term pulls every position towards."""
        o = self.target
        odds = (1 - o.marginal_mean) / o.marginal_mean
        scale = self.signal_beta.new_tensor(o.marginal_scale)
        return Beta(scale, scale * odds, validate_args=False)

    def divergence(self, z: Beta) -> Tensor:
        """KL(z || marginal), averaged over positions and genes; overridden bases count too."""
        return kl_divergence(z, self.marginal()).mean()


def keep_regions(mask: Tensor, blacklist: Tensor, center: int) -> Tensor:
    """Set blacklisted bases of (B, L) to 0, then the central ``center`` bases to 1."""
    mask = mask.masked_fill(blacklist, 0.0)
    kept = torch.zeros_like(mask, dtype=torch.bool)
    kept[:, central(mask.shape[1], center)] = True
    return mask.masked_fill(kept, 1.0)
