"""Flashzoi's attention without flash-attn: the same weights, on any device.

borzoi-pytorch builds Flashzoi's layers from flash-attn's ``MHA``, which exists for GPUs alone. This
is the same computation with PyTorch's attention: grouped queries (half as many heads of keys and
values), and rotary positions on the first 128 numbers of each head, in halves (GPT-NeoX's way).
Angles are kept in float32, where flash-attn rounds their sines to the precision of the layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["FlashAttention", "rotated"]

ROTARY, BASE = 128, 20_000.0


class _Heads(nn.Module):
    """Projections under the names that flash-attn gives them."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.groups, self.size = heads, heads // 2, dim // heads
        self.Wqkv = nn.Linear(dim, dim + 2 * self.groups * self.size)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        batch, length, dim = x.shape
        query, keys, values = self.Wqkv(x).split(
            [dim, self.groups * self.size, self.groups * self.size], dim=2
        )
        query, keys, values = (
            part.view(batch, length, -1, self.size).transpose(1, 2)
            for part in (query, keys, values)
        )
        found = nn.functional.scaled_dot_product_attention(
            rotated(query).to(values.dtype),
            rotated(keys).to(values.dtype),
            values,
            enable_gqa=True,
        )
        return self.out_proj(found.transpose(1, 2).reshape(batch, length, dim))


class FlashAttention(nn.Module):
    """One layer, in the place of borzoi-pytorch's."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.mha = _Heads(dim, heads)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        return self.mha(x)


def rotated(x: Tensor) -> Tensor:
    """(B, heads, N, size) float32: the first `ROTARY` numbers turned by their position."""
    half = ROTARY // 2
    steps = torch.arange(half, device=x.device, dtype=torch.float32) * 2 / ROTARY
    places = torch.arange(x.shape[2], device=x.device, dtype=torch.float32)
    angles = torch.outer(places, BASE**-steps)
    cos, sin = angles.cos(), angles.sin()
    first, second, rest = x.float().split([half, half, x.shape[3] - ROTARY], dim=3)
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=3)
