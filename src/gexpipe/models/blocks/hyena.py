"""The Hyena operator: gating around a convolution as long as the sequence, done by FFT."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from gexpipe.methods.published import HyenaSizes
from gexpipe.models.blocks.recompute import run_layer

__all__ = ["HyenaBackbone", "long_convolution"]

INITIAL_SPREAD = 0.02
# The slowest and fastest channel of a filter fall to SMALL over these shares of the longest input.
SMALL, SLOWEST, FASTEST = 0.01, 1.5, 0.3


def long_convolution(x: Tensor, taps: Tensor) -> Tensor:
    """Causal convolution of (B, d, L) with (d, L) taps by FFT of length 2L, in float32."""
    length = x.shape[-1]
    size = 2 * length
    with torch.autocast(x.device.type, enabled=False):
        spectrum = torch.fft.rfft(x.float(), n=size) * torch.fft.rfft(taps.float(), n=size)
        return torch.fft.irfft(spectrum, n=size)[..., :length]


class Positions(nn.Module):
    """What the filters know of a position, the same in all blocks; constants kept with the weights.

    Parameters
    ----------
    longest : int
        Positions; a filter's time axis runs from 0 to 1 over them, however short the input is.
    bands, channels : int
        Number of waves, and of channels that decay at different rates.
    """

    t: Tensor
    z: Tensor
    deltas: Tensor

    def __init__(self, longest: int, bands: int, channels: int) -> None:
        super().__init__()
        t = torch.linspace(0, 1, longest)[:, None]
        angle = 2 * math.pi * torch.linspace(0, longest - 1, longest)[:, None] / longest
        waves = torch.linspace(1e-4, bands - 1, bands) * angle
        self.register_buffer("t", t)
        self.register_buffer("z", torch.cat([t, torch.cos(waves), -torch.sin(waves)], dim=1))
        fall = math.log(SMALL)
        self.register_buffer("deltas", torch.linspace(fall / SLOWEST, fall / FASTEST, channels))


class LongFilter(nn.Module):
    """A network from positions to filter taps, damped along the sequence.

    All sine activations share one frequency per unit, which is learned.
    """

    undecayed = True  # the published optimiser settings spare the whole filter from weight decay

    def __init__(self, sizes: HyenaSizes) -> None:
        super().__init__()
        width = sizes.filter_width
        widths = [2 * sizes.filter_bands + 1, width, width, width]
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(widths))
        self.linears.append(nn.Linear(width, sizes.d_model, bias=False))
        self.frequency = nn.Parameter(torch.full((width,), sizes.filter_frequency))
        self.bias = nn.Parameter(torch.randn(sizes.d_model))

    def forward(self, positions: Positions, length: int) -> Tensor:
        """Taps (L, d_model)."""
        x = positions.z[:length]
        for linear in list(self.linears)[:-1]:
            x = torch.sin(self.frequency * linear(x))
        return self.linears[-1](x) * torch.exp(-positions.t[:length] * positions.deltas.abs())


class HyenaMixer(nn.Module):
    """Second-order Hyena operator: gate, long convolution, gate."""

    def __init__(self, sizes: HyenaSizes) -> None:
        super().__init__()
        width, taps = sizes.d_model, sizes.short_taps
        self.in_proj = nn.Linear(width, 3 * width)
        self.short_filter = nn.Conv1d(
            3 * width, 3 * width, taps, groups=3 * width, padding=taps - 1
        )
        self.filter = LongFilter(sizes)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, positions: Positions) -> Tensor:
        """(B, L, d_model) to (B, L, d_model)."""
        length = x.shape[1]
        mixed = self.short_filter(self.in_proj(x).transpose(1, 2))[..., :length]
        last, first, value = mixed.chunk(3, dim=1)
        value = value * first
        taps = self.filter(positions, length).T
        y = long_convolution(value, taps) + value.float() * self.filter.bias[:, None]
        return self.out_proj((y.to(value.dtype) * last).transpose(1, 2))


class HyenaMLP(nn.Module):
    """Two linear layers with the tanh form of GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, d_model) to the same shape."""
        return self.fc2(functional.gelu(self.fc1(x), approximate="tanh"))


class Layer(nn.Module):
    """Norm and mixer, norm and MLP, each added to a float32 residual."""

    def __init__(self, sizes: HyenaSizes) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(sizes.d_model), nn.LayerNorm(sizes.d_model)
        self.mixer = HyenaMixer(sizes)
        self.mlp = HyenaMLP(sizes.d_model, sizes.expand * sizes.d_model)

    def forward(self, residual: Tensor, positions: Positions) -> Tensor:
        """Residual after the block."""
        residual = residual + self.mixer(self.norm1(residual), positions).float()
        return residual + self.mlp(self.norm2(residual)).float()


class HyenaBackbone(nn.Module):
    """Embedding dropout, Hyena blocks, closing norm.

    Source: HyenaDNA's language-model backbone on flash-attn's pre-norm blocks.

    Parameters
    ----------
    sizes : HyenaSizes
        Sizes.
    longest : int
        Longest input in positions.
    """

    def __init__(self, sizes: HyenaSizes, longest: int) -> None:
        super().__init__()
        self.positions = Positions(longest, sizes.filter_bands, sizes.d_model)
        self.dropout = nn.Dropout(sizes.embedding_dropout)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm_f = nn.LayerNorm(sizes.d_model)
        self.recompute = False
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                last = name.endswith((".out_proj", ".fc2"))  # they write to the residual
                spread = INITIAL_SPREAD / (math.sqrt(2 * sizes.layers) if last else 1)
                nn.init.normal_(module.weight, std=spread)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, embedded: Tensor) -> Tensor:
        """(B, L, d_model) embeddings to (B, L, d_model) hidden states."""
        residual = self.dropout(embedded).float()
        for layer in self.layers:
            residual = run_layer(layer, self.recompute, residual, self.positions)
        return self.norm_f(residual)
