"""The selective scan on a GPU without mamba-ssm: the Triton kernels as a PyTorch function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gexpipe.models.scan import triton_kernels as kernels

__all__ = ["triton_scan"]

CHUNK = 64  # tokens between kept states
BLOCK = 32  # channels of a program


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor,
                z: Tensor | None, bias: Tensor, positive: bool, reverse: bool) -> Any:  # fmt: skip
        u, delta, a, b, c = (x.contiguous() for x in (u, delta, a, b, c))
        gate = z.contiguous() if z is not None else u
        genes, length, channels = u.shape
        states, chunks = a.shape[1], -(-length // CHUNK)
        out, last = torch.empty_like(u), a.new_empty(genes, channels, states)
        kept = a.new_empty(genes, chunks, channels, states)
        inputs = (u, delta, a, b, c, d, gate, bias)
        sizes = (length, channels, states, chunks)
        padded = 1 << max(0, states - 1).bit_length()
        ctx.settings = (CHUNK, BLOCK, padded, reverse, positive, z is not None)
        ctx.grid, ctx.sizes = (genes, -(-channels // BLOCK)), sizes
        kernels.scan_forward[ctx.grid](*inputs, out, kept, last, *sizes, *ctx.settings, num_warps=1)
        ctx.save_for_backward(*inputs, kept)
        ctx.mark_non_differentiable(last)
        return out, last

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        u, delta, a, b, c, d, gate, bias, kept = ctx.saved_tensors
        genes, blocks = ctx.grid
        gated = ctx.settings[-1]
        gu, gdelta = torch.empty_like(u), torch.empty_like(delta)
        gz = torch.empty_like(gate) if gated else gate
        ga = a.new_empty(genes, *a.shape)
        gb, gc = (a.new_empty(blocks, *b.shape) for _ in range(2))
        gd, gbias = (a.new_empty(genes, u.shape[2]) for _ in range(2))
        scratch = a.new_empty(genes, blocks, CHUNK + 1, BLOCK, ctx.settings[2])
        kernels.scan_backward[ctx.grid](
            grads[0].contiguous(), u, delta, a, b, c, d, gate, bias, kept, scratch,
            gu, gdelta, ga, gb, gc, gd, gz, gbias, *ctx.sizes, *ctx.settings, num_warps=1,
        )  # fmt: skip
        return (gu, gdelta, ga.sum(0), gb.sum(0).to(b.dtype), gc.sum(0).to(c.dtype), gd.sum(0),
                gz if gated else None, gbias.sum(0), None, None)  # fmt: skip


def triton_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, delta_softplus: bool, reverse: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Selective scan by the Triton kernels; sums in float32, inputs and outputs in their types.

    Arguments and results as `gexpipe.models.scan.selective_scan`.
    """
    zeros = torch.zeros(u.shape[2], dtype=torch.float32, device=u.device)
    d, bias = (zeros if x is None else x.float().contiguous() for x in (D, delta_bias))
    return _Scan.apply(u, delta, A.float(), B, C, d, z, bias, delta_softplus, reverse)
