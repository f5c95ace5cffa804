"""The selective scan on a GPU without mamba-ssm: the Triton kernels as a PyTorch function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gexpipe.models.scan import triton_kernels as kernels

__all__ = ["triton_scan"]

CHUNK = 32  # tokens between kept states, and in the registers of a gradient's program
BLOCK = 32  # channels of a program that walks along tokens, with one warp
# Channels of a tile whose tokens are all in registers: with eight warps a gradient's program uses
# every register of its threads and none of its values is spilled to memory.
TILE = 8
GROUP = 32  # chunks that are joined at a time


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor,
                z: Tensor | None, bias: Tensor, positive: bool, reverse: bool) -> Any:  # fmt: skip
        u, delta, a, b, c = (x.contiguous() for x in (u, delta, a, b, c))
        gate = z.contiguous() if z is not None else u
        genes, length, channels = u.shape
        states, chunks = a.shape[1], -(-length // CHUNK)
        sizes = (length, channels, states, chunks)
        padded = 1 << max(0, states - 1).bit_length()
        out = torch.empty_like(u)
        kept = a.new_empty(genes, chunks + 1, channels, states)
        span = a.new_empty(genes, chunks, channels)
        grid = (chunks, -(-channels // BLOCK), genes)
        walk = (CHUNK, BLOCK, padded, reverse, positive)
        kernels.chunk_states[grid](u, delta, a, b, bias, kept, span, *sizes, *walk, num_warps=1)
        _join(a, span, kept, padded, back=False)
        gated = z is not None
        kernels.chunk_outputs[grid](
            u, delta, a, b, c, d, gate, bias, kept, out, *sizes, *walk, gated, num_warps=1
        )
        last = kept[:, -1].clone()
        ctx.save_for_backward(u, delta, a, b, c, d, gate, bias, kept, span)
        ctx.grid, ctx.sizes, ctx.walk, ctx.gated = grid, sizes, walk, gated
        ctx.mark_non_differentiable(last)
        return out, last

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        u, delta, a, b, c, d, gate, bias, kept, span = ctx.saved_tensors
        grad = grads[0].contiguous()
        genes, chunks, channels = span.shape
        padded, *directions = ctx.walk[2:]
        carried = torch.empty_like(kept)
        kernels.chunk_adjoints[ctx.grid](
            grad, delta, a, c, gate, bias, carried, *ctx.sizes, *ctx.walk, ctx.gated, num_warps=1
        )
        _join(a, span, carried, padded, back=True)
        gu, gdelta = torch.empty_like(u), torch.empty_like(delta)
        gz = torch.empty_like(gate) if ctx.gated else gate
        blocks = min(8, -(-channels // TILE))
        groups = -(-channels // (TILE * blocks))
        gb, gc = (a.new_empty(groups, *b.shape) for _ in range(2))
        gd, gbias = (torch.empty_like(span) for _ in range(2))
        kernels.chunk_gradients[(chunks, groups, genes)](
            grad, u, delta, a, b, c, d, gate, bias, kept, carried,
            gu, gdelta, gb, gc, gz, gd, gbias, *ctx.sizes,
            CHUNK, TILE, blocks, padded, *directions, ctx.gated, num_warps=8,
        )  # fmt: skip
        ga = carried[:, 1:].sum((0, 1))
        return (gu, gdelta, ga, gb.sum(0).to(b.dtype), gc.sum(0).to(c.dtype), gd.sum((0, 1)),
                gz if ctx.gated else None, gbias.sum((0, 1)), None, None)  # fmt: skip


def _join(a: Tensor, span: Tensor, carried: Tensor, padded: int, back: bool) -> None:
    genes, chunks, channels = span.shape
    grid = (-(-channels // TILE), genes)
    sizes = (channels, a.shape[1], chunks)
    kernels.join[grid](a, span, carried, *sizes, GROUP, TILE, padded, back, num_warps=4)


def triton_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, delta_softplus: bool, reverse: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Selective scan by the Triton kernels; sums in float32, inputs and outputs in their types.

    Kept for the gradient are the inputs and one state of D x N for every 32 tokens. Arguments and
    results as `gexpipe.models.scan.selective_scan`.
    """
    zeros = torch.zeros(u.shape[2], dtype=torch.float32, device=u.device)
    d, bias = (zeros if x is None else x.float().contiguous() for x in (D, delta_bias))
    return _Scan.apply(u, delta, A.float(), B, C, d, z, bias, delta_softplus, reverse)
