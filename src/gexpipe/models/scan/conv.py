"""The short causal convolution of a Mamba block, with its SiLU: one pass on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor
from torch.nn import functional

from gexpipe.models.scan.simd import WIDTH, load, sigmoid, splat, store
from gexpipe.models.scan.threads import use_torch_threads

__all__ = ["causal_conv_silu"]

SUM = 256
Array = Any  # numba infers the types


def causal_conv_silu(x: Tensor, weight: Tensor, bias: Tensor, reverse: bool = False) -> Tensor:
    """Depth-wise causal convolution followed by SiLU.

    Parameters
    ----------
    x : Tensor
        (B, L, D).
    weight : Tensor
        (D, K); the last tap meets the current token.
    bias : Tensor
        (D,).
    reverse : bool
        Look at later tokens instead of earlier ones: flip, convolve, flip back.

    Returns
    -------
    Tensor
        (B, L, D), in the type of x.
    """
    channels = x.shape[2]
    if x.device.type == "cpu" and channels % WIDTH == 0 and x.dtype != torch.float64:
        return _Conv.apply(x.float(), weight.float(), bias.float(), reverse).to(x.dtype)
    taps = weight.shape[1]
    x = x.flip(1) if reverse else x
    y = functional.conv1d(
        x.transpose(1, 2), weight.unsqueeze(1), bias, padding=taps - 1, groups=channels
    )
    y = functional.silu(y[..., : x.shape[1]]).transpose(1, 2)
    return y.flip(1) if reverse else y


class _Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, reverse: bool) -> Tensor:
        use_torch_threads()
        x, taps = x.contiguous(), weight.t().contiguous()
        out = torch.empty_like(x)
        _forward(reverse, *(a.detach().numpy() for a in (x, taps, bias, out)))
        ctx.save_for_backward(x, taps, bias)
        ctx.reverse = reverse
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        use_torch_threads()
        x, taps, bias = ctx.saved_tensors
        grad = grads[0].contiguous()
        gx = torch.empty_like(x)
        gw = x.new_empty(x.shape[0], *taps.shape)
        gb = x.new_empty(x.shape[0], bias.shape[0])
        arrays = (a.detach().numpy() for a in (grad, x, taps, bias, gx, gw, gb))
        _backward(ctx.reverse, *arrays)
        return gx, gw.sum(0).t(), gb.sum(0), None


@njit(error_model="numpy")
def _preactivation(
    g: int, p: int, first: int, step: int, x: Array, taps: Array, start: Array
) -> Array:
    """Convolution of gene ``g`` at position ``p`` for one block of channels, before the SiLU."""
    length, channels, size = x.shape[1], x.shape[2], taps.shape[0]
    y = load(start, first)
    for k in range(size):
        q = p - step * (size - 1 - k)
        if 0 <= q < length:
            y = y + load(taps, k * channels + first) * load(x, (g * length + q) * channels + first)
    return y


@njit(parallel=True, cache=True, error_model="numpy")
def _forward(reverse: bool, x: Array, taps: Array, bias: Array, out: Array) -> None:
    """Fill ``out`` (B, L, D); ``taps`` is (K, D)."""
    genes, length, channels = x.shape
    blocks = channels // WIDTH
    step = -1 if reverse else 1
    for task in prange(genes * blocks):
        g, first = task // blocks, (task % blocks) * WIDTH
        for p in range(length):
            y = _preactivation(g, p, first, step, x, taps, bias)
            store(out, (g * length + p) * channels + first, y * sigmoid(y))


@njit(error_model="numpy")
def _backward_block(
    g: int, first: int, step: int, grad: Array, x: Array, taps: Array, bias: Array,
    gx: Array, gw: Array, gb: Array,
) -> None:  # fmt: skip
    length, channels, size = x.shape[1], x.shape[2], taps.shape[0]
    one = splat(np.float32(1.0))
    # Gradients of the last pre-activations: a ring. They are walked so that all tokens that read
    # position q have passed when q's turn comes, ``size - 1`` tokens later.
    ring = np.zeros((size, WIDTH), np.float32)
    sums = np.zeros((size + 1, WIDTH), np.float32)
    totals = np.zeros((size + 1, WIDTH), np.float64)
    for i in range(length + size - 1):
        p = i if step == 1 else length - 1 - i
        slot = (i % size) * WIDTH
        if i < length:
            y = _preactivation(g, p, first, step, x, taps, bias)
            s = sigmoid(y)
            slope = load(grad, (g * length + p) * channels + first)
            slope = slope * s * (one + y * (one - s))
            store(ring, slot, slope)
            store(sums, size * WIDTH, load(sums, size * WIDTH) + slope)
            for k in range(size):
                q = p - step * (size - 1 - k)
                if 0 <= q < length:
                    read = load(x, (g * length + q) * channels + first)
                    store(sums, k * WIDTH, load(sums, k * WIDTH) + slope * read)
        else:
            store(ring, slot, splat(np.float32(0.0)))
        q = p - step * (size - 1)
        if 0 <= q < length:
            value = splat(np.float32(0.0))
            for k in range(size):  # tap k at q belongs to the token size - 1 - k steps ahead of q
                ahead = ((i - k) % size) * WIDTH
                value = value + load(taps, k * channels + first) * load(ring, ahead)
            store(gx, (g * length + q) * channels + first, value)
        if i % SUM == SUM - 1:  # float32 sums of a few tokens, added up in float64
            totals += sums
            sums[:] = 0
    totals += sums
    gw[g, :, first : first + WIDTH] = totals[:size]
    gb[g, first : first + WIDTH] = totals[size]


@njit(parallel=True, cache=True, error_model="numpy")
def _backward(
    reverse: bool, grad: Array, x: Array, taps: Array, bias: Array, gx: Array, gw: Array, gb: Array
) -> None:
    """Fill ``gx`` (B, L, D), ``gw`` (B, K, D) and ``gb`` (B, D)."""
    genes, blocks = x.shape[0], x.shape[2] // WIDTH
    step = -1 if reverse else 1
    for task in prange(genes * blocks):
        g, first = task // blocks, (task % blocks) * WIDTH
        _backward_block(g, first, step, grad, x, taps, bias, gx, gw, gb)
