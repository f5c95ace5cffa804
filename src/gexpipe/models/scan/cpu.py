"""The selective scan on a CPU: the numba kernels as a differentiable PyTorch function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gexpipe.models.scan import kernels
from gexpipe.models.scan.simd import WIDTH
from gexpipe.models.scan.threads import use_torch_threads

__all__ = ["cpu_scan"]

TASKS = 16  # tasks of a backward, when there are that many channel blocks


def _array(tensor: Tensor) -> Any:
    return tensor.detach().numpy()


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor,
                z: Tensor | None, bias: Tensor, positive: bool, reverse: bool) -> Any:  # fmt: skip
        use_torch_threads()
        u, delta, b, c = (x.contiguous() for x in (u, delta, b, c))
        a, gated = a.t().contiguous(), z is not None
        gate = z.contiguous() if z is not None else u.new_empty(1, 1, 1)
        genes, length, channels = u.shape
        blocks, chunks = -(-channels // WIDTH), -(-length // kernels.CHUNK)
        out = torch.empty_like(u)
        kept = u.new_empty(genes, blocks, chunks, b.shape[2], WIDTH)
        last = u.new_empty(genes, b.shape[2], channels)
        inputs = (u, delta, a, b, c, d, gate, bias)
        flags = (reverse, positive, gated)
        kernels.scan_forward(*flags, *map(_array, (*inputs, out, kept, last)))
        ctx.save_for_backward(*inputs, kept)
        ctx.flags = flags
        last = last.transpose(1, 2)
        ctx.mark_non_differentiable(last)
        return out, last

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        use_torch_threads()
        grad = grads[0].contiguous()
        u, delta, a, b, c, d, gate, bias, kept = ctx.saved_tensors
        gated = ctx.flags[2]
        genes, blocks = u.shape[0], kept.shape[1]
        groups = min(blocks, -(-TASKS // genes))
        gu, gdelta, gz = torch.empty_like(u), torch.empty_like(u), torch.empty_like(gate)
        ga = a.new_empty(genes, *a.shape)
        gb, gc = (b.new_zeros(groups, *b.shape) for _ in range(2))
        gd, gbias = (d.new_empty(genes, *d.shape) for _ in range(2))
        inputs = (grad, u, delta, a, b, c, d, gate, bias, kept)
        outputs = (gu, gdelta, ga, gb, gc, gd, gz, gbias)
        kernels.scan_backward(*ctx.flags, *map(_array, inputs + outputs))
        return (gu, gdelta, ga.sum(0).t(), gb.sum(0), gc.sum(0), gd.sum(0), gz if gated else None,
                gbias.sum(0), None, None)  # fmt: skip


def cpu_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, delta_softplus: bool, reverse: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Selective scan by the numba kernels, in float32 (half inputs are converted and back).

    Arguments and results as `gexpipe.models.scan.selective_scan`.
    """
    channels = u.shape[2]
    unused = -channels % WIDTH  # whole vector registers

    def padded(x: Tensor | None) -> Tensor | None:
        return x if x is None or not unused else functional.pad(x.float(), (0, unused))

    zeros = u.new_zeros(channels, dtype=torch.float32)
    a = functional.pad(A.float(), (0, 0, 0, unused)) if unused else A.float()
    d, bias = (padded(zeros if x is None else x.float()) for x in (D, delta_bias))
    out, last = _Scan.apply(
        *(None if x is None else x.float() for x in (padded(u), padded(delta), a, B, C, d)),
        None if z is None else padded(z.float()), bias, delta_softplus, reverse,
    )  # fmt: skip
    return out[..., :channels].to(u.dtype), last[:, :channels]
