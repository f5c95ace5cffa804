"""AdamW with the papers' groups, and the learning rate of every step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from gexpipe.methods.settings import TrainOptions

__all__ = ["learning_rate", "make_optimiser", "parameter_groups"]

# Their weights are not decayed. RMSNorm is not among them: the published code decays it.
_UNDECAYED = (nn.LayerNorm, nn.modules.batchnorm._BatchNorm, nn.Embedding)
_UNDECAYED_NAMES = ("A_log", "D")


def learning_rate(step: int, options: TrainOptions) -> float:
    """Learning rate of an optimiser step (0 is the first): linear warm-up, then a cosine."""
    o = options
    if step < o.warmup_steps:
        return o.warmup_from + step * (o.learning_rate - o.warmup_from) / o.warmup_steps
    done = min(1.0, (step - o.warmup_steps) / max(1, o.steps - o.warmup_steps))
    span = o.learning_rate - o.final_learning_rate
    return o.final_learning_rate + 0.5 * span * (1 + math.cos(math.pi * done))


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters with and without weight decay, each once, in the model's order.

    A module whose class says ``undecayed`` is spared with all below it.
    """
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    seen = set()
    spared = {
        id(parameter)
        for module in model.modules()
        if getattr(module, "undecayed", False)
        for parameter in module.parameters()
    }
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad or id(parameter) in seen:
                continue
            seen.add(id(parameter))
            free = isinstance(module, _UNDECAYED) or name in _UNDECAYED_NAMES
            free = free or name.endswith("bias") or id(parameter) in spared
            (plain if free else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def make_optimiser(model: nn.Module, options: TrainOptions) -> torch.optim.AdamW:
    """AdamW over the parameter groups; the learning rate is set before every step."""
    groups = parameter_groups(model, options.weight_decay)
    first, second = options.betas
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(first, second))
