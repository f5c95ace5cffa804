"""A layer of a stack, with or without keeping its activations for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["run_layer"]


def run_layer(layer: nn.Module, recompute: bool, *inputs: Any) -> Tensor:
    """Output of a layer; ``recompute`` keeps only its inputs, for the same gradients."""
    if recompute and torch.is_grad_enabled():
        return checkpoint(layer, *inputs, use_reentrant=False)
    return layer(*inputs)
