"""The Mamba block, running one way or both ways over the sequence."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gexpipe.models.scan import selective_scan
from gexpipe.models.scan.conv import causal_conv_silu

__all__ = ["Direction", "MambaBlock"]

DT_MIN, DT_MAX, DT_FLOOR = 1e-3, 1e-1, 1e-4  # initial time steps, log-uniform


class Direction(nn.Module):
    """Convolution and selective scan along the sequence: what a Mamba block has per direction.

    Parameters
    ----------
    width : int
        Channels (expand x d_model).
    rank : int
        Rank of the projection to time steps.
    d_state, d_conv : int
        State dimensions and convolution taps.
    """

    def __init__(self, width: int, rank: int, d_state: int, d_conv: int) -> None:
        super().__init__()
        self.rank, self.d_state = rank, d_state
        self.conv1d = nn.Conv1d(width, width, d_conv, groups=width, padding=d_conv - 1)
        self.x_proj = nn.Linear(width, rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(rank, width)
        states = torch.arange(1, d_state + 1, dtype=torch.float32)
        self.A_log = nn.Parameter(torch.log(states).repeat(width, 1))
        self.D = nn.Parameter(torch.ones(width))
        self._initialise_steps()

    def _initialise_steps(self) -> None:
        """Bias of the time step: the inverse softplus of steps between DT_MIN and DT_MAX."""
        bound = self.rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        low, high = math.log(DT_MIN), math.log(DT_MAX)
        steps = torch.exp(torch.rand(self.dt_proj.out_features) * (high - low) + low)
        steps = steps.clamp(min=DT_FLOOR)
        with torch.no_grad():
            self.dt_proj.bias.copy_(steps + torch.log(-torch.expm1(-steps)))

    def forward(self, x: Tensor, z: Tensor, reverse: bool = False) -> Tensor:
        """Scan ``x`` (B, L, width), gated by ``z``; ``reverse`` looks from the end to the start."""
        weight, bias = self.conv1d.weight.squeeze(1), self.conv1d.bias
        assert bias is not None
        x = causal_conv_silu(x, weight, bias, reverse)
        low, b, c = self.x_proj(x).split([self.rank, self.d_state, self.d_state], dim=-1)
        delta = functional.linear(low, self.dt_proj.weight)
        a = -torch.exp(self.A_log.float())
        y, _ = selective_scan(
            x, delta, a, b, c, self.D, z, self.dt_proj.bias, delta_softplus=True, reverse=reverse
        )
        return y


class MambaBlock(nn.Module):
    """Mamba block (mamba-ssm 1.1.2), and Caduceus' bidirectional form of it.

    The two directions have one input and one output projection in common. Each is linear, so it
    is computed once: ``out(forward) + out(backward) = out(forward + backward)``.

    Parameters
    ----------
    d_model, d_state, d_conv, expand : int
        Width of the model, state dimensions, convolution taps, inner width / d_model.
    bidirectional : bool
        Add a second direction from the end to the start.
    """

    def __init__(
        self, d_model: int, d_state: int, d_conv: int, expand: int, bidirectional: bool
    ) -> None:
        super().__init__()
        width, rank = expand * d_model, math.ceil(d_model / 16)
        self.in_proj = nn.Linear(d_model, 2 * width, bias=False)
        self.ahead = Direction(width, rank, d_state, d_conv)
        self.back = Direction(width, rank, d_state, d_conv) if bidirectional else None
        self.out_proj = nn.Linear(width, d_model, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, L, d_model) to (B, L, d_model)."""
        # Two products instead of one and a split: both results are contiguous for the scan.
        x, z = (functional.linear(hidden, w) for w in self.in_proj.weight.chunk(2))
        y = self.ahead(x, z)
        if self.back is not None:
            y = y + self.back(x, z, reverse=True)
        return self.out_proj(y)
