"""A stack of Mamba blocks with pre-norm residuals: Caduceus' backbone, and Mamba's."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gexpipe.methods.published import BackboneOptions
from gexpipe.models.blocks.mamba import MambaBlock
from gexpipe.models.blocks.recompute import run_layer

__all__ = ["Backbone", "RMSNorm"]


class RMSNorm(nn.Module):
    """Root-mean-square norm, computed in float32 whatever the input type."""

    def __init__(self, width: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        value = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        return functional.rms_norm(value, self.weight.shape, self.weight, self.epsilon).to(x.dtype)


class Layer(nn.Module):
    """One norm and one Mamba block."""

    def __init__(self, options: BackboneOptions, bidirectional: bool) -> None:
        super().__init__()
        o = options
        self.norm = RMSNorm(o.d_model)
        self.mixer = MambaBlock(o.d_model, o.d_state, o.d_conv, o.expand, bidirectional)

    def forward(self, x: Tensor) -> Tensor:
        """Mixer of the norm; the caller adds the residual."""
        return self.mixer(self.norm(x))


class Backbone(nn.Module):
    """Pre-norm stack: every layer adds the residual, normalises, mixes; a last add and norm close.

    Parameters
    ----------
    options : BackboneOptions
        Sizes.
    bidirectional : bool
        Caduceus (True) or plain Mamba (False).
    """

    def __init__(self, options: BackboneOptions, bidirectional: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(options, bidirectional) for _ in range(options.layers))
        self.norm_f = RMSNorm(options.d_model)
        self.recompute = False
        self._initialise(options.init_layers)

    def _initialise(self, init_layers: int) -> None:
        for layer in self.layers:
            assert isinstance(layer, Layer)
            weight = layer.mixer.out_proj.weight
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
            with torch.no_grad():
                weight /= math.sqrt(init_layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, d_model) embeddings to (B, L, d_model) hidden states."""
        for layer in self.layers:
            x = x + run_layer(layer, self.recompute, x)
        return self.norm_f(x)
