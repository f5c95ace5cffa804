"""From hidden states to expression: mean of the central bases, gene features, a small MLP."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ExpressionHead", "central", "central_mean"]


def central(length: int, width: int) -> slice:
    """The central ``width`` of ``length`` positions; all of them when there are fewer."""
    width = min(width, length)
    start = (length - width) // 2
    return slice(start, start + width)


def central_mean(hidden: Tensor, width: int) -> Tensor:
    """Mean of (B, L, d) over the central ``width`` positions: (B, d)."""
    return hidden[:, central(hidden.shape[1], width)].mean(dim=1)


class ExpressionHead(nn.Module):
    """MLP with two hidden ReLU layers on [pooled, gene features].

    Parameters
    ----------
    width : int
        Size of the pooled vector.
    features : int
        Number of gene features.
    hidden : int
        Width of the hidden layers.
    """

    def __init__(self, width: int, features: int, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width + features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, d) and (B, F) to the prediction (B,) float32 and the MLP's input (B, d + F)."""
        joined = torch.cat([pooled, features.to(pooled.dtype)], dim=-1)
        return self.mlp(joined).squeeze(-1).float(), joined
