"""EPInformer's convolutional encoder of one element, run once per distinct sequence.

Most slots of a batch are empty and equal, and neighbouring genes share elements. Each distinct
sequence is encoded once; how often it occurs enters the batch-norm statistics as a weight, so that
outputs, gradients and running statistics are those of encoding every slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from gexpipe.models.blocks.shared_norm import shared_sum

__all__ = ["ElementEncoder", "ElementSummary", "POOLED", "WeightedBatchNorm", "distinct"]

POOLED = 16  # bases per position of the encoder's output: four poolings by 2
STEM = 8  # bases that the first convolution sees
DILATIONS = (2, 4, 6)


def distinct(codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distinct rows of (..., slot) base codes.

    Returns
    -------
    tuple of Tensor
        Rows (R, slot); for every input row its row number (rows,); how often each occurs (R,).
    """
    flat = codes.reshape(-1, codes.shape[-1])
    return torch.unique(flat, dim=0, return_inverse=True, return_counts=True)


def _channels_last(x: Tensor) -> Tensor:
    """(R, C, L) to (R, C, 1, L) with the channels of a base side by side in memory.

    Convolutions, poolings and batch norms over this layout cost a quarter less on CPUs; the values
    are the same. Weights stay those of 1-d convolutions, as the published state_dicts hold them.
    """
    return x.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def _conv(layer: nn.Module, x: Tensor) -> Tensor:
    """A 1-d convolution of (R, C, 1, L)."""
    assert isinstance(layer, nn.Conv1d)
    padding, dilation = (0, int(layer.padding[0])), (1, layer.dilation[0])
    weight = layer.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return functional.conv2d(x, weight, layer.bias, padding=padding, dilation=dilation)


class WeightedBatchNorm(nn.BatchNorm1d):
    """Batch norm over (R, C, 1, L) in which row r counts ``counts[r]`` times."""

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.ndim == 4

    def forward(self, x: Tensor, counts: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Normalise; ``counts`` (R,) matters in training only."""
        if not self.training or counts is None:
            return super().forward(x)
        weight = counts.to(x.dtype if x.dtype == torch.float64 else torch.float32)[:, None]
        rows = shared_sum(weight.sum())
        variance, mean = torch.var_mean(x.to(weight.dtype), dim=(2, 3), correction=0)  # each row
        center = shared_sum((weight * mean).sum(0)) / rows
        spread = shared_sum((weight * (variance + (mean - center).square())).sum(0)) / rows
        self._track(center.detach(), spread.detach(), rows * x.shape[3])
        scale = self.weight * torch.rsqrt(spread + self.eps)
        shift = self.bias - center * scale
        along = (slice(None), None, None)
        return torch.addcmul(shift[along], x.to(weight.dtype), scale[along]).to(x.dtype)

    @torch.no_grad()
    def _track(self, center: Tensor, spread: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        rate = self.momentum if self.momentum is not None else 0.1
        self.running_mean.lerp_(center, rate)
        self.running_var.lerp_(spread * count / (count - 1), rate)


class ElementEncoder(nn.Module):
    """Stem on 8 bases, then four stages: convolution, batch norm, ELU, pool by 2, residual 1x1.

    Parameters
    ----------
    widths : sequence of int
        Channels of the stem and of the four stages; published 256, 128, 64, 64, 128.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Conv1d(4, widths[0], STEM)
        pairs = list(pairwise(widths))
        self.convolutions = nn.ModuleList(nn.Conv1d(i, o, 3, padding=1) for i, o in pairs)
        self.norms = nn.ModuleList(WeightedBatchNorm(o) for _, o in pairs)
        self.residuals = nn.ModuleList(nn.Conv1d(o, o, 1) for _, o in pairs)
        # Modules, not functions: attribution methods hook onto what is not linear.
        self.elu, self.pool = nn.ELU(), nn.MaxPool2d((1, 2))

    def forward(self, x: Tensor, counts: Tensor | None = None) -> Tensor:
        """(R, 4, L) one-hot to (R, C, L // 16)."""
        x = functional.pad(x, ((STEM - 1) // 2, STEM // 2))  # as many positions out as in
        x = self.elu(_conv(self.stem, _channels_last(x)))
        for conv, norm, residual in zip(self.convolutions, self.norms, self.residuals, strict=True):
            # ELU rises, so pooling first gives the same with half the exponentials.
            x = self.elu(self.pool(norm(_conv(conv, x), counts)))
            x = self.elu(_conv(residual, x)) + x
        return x.squeeze(2)


class ElementSummary(nn.Module):
    """Dilated convolutions and a linear layer along the element: (R, C, P) to (R, out).

    Parameters
    ----------
    channels : int
        Channels of the encoder.
    positions : int
        Positions of the encoder's output, at least 25.
    widths : sequence of int
        Channels of the three dilated and of the last 1 x 1 convolution; published 64, 64, 64, 32.
    out : int
        Size of the summary, a multiple of the last width.
    norm : bool
        A batch norm after every convolution.
    """

    def __init__(
        self, channels: int, positions: int, widths: Sequence[int], out: int, norm: bool = True
    ) -> None:
        super().__init__()
        sizes = [channels, *widths]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(i, o, 3, dilation=d)
            for i, o, d in zip(sizes, sizes[1:], DILATIONS, strict=False)
        )
        self.convolutions.append(nn.Conv1d(sizes[-2], sizes[-1], 1))
        self.norms = nn.ModuleList(WeightedBatchNorm(o) for o in widths if norm)
        self.along = nn.Linear(positions - 2 * sum(DILATIONS), out // widths[-1])

    def forward(self, x: Tensor, counts: Tensor | None = None) -> Tensor:
        """Flattened channel by channel."""
        x = _channels_last(x)
        for number, conv in enumerate(self.convolutions):
            x = _conv(conv, x)
            x = functional.elu(self.norms[number](x, counts) if self.norms else x)
        return functional.elu(self.along(x.squeeze(2))).flatten(1)
