"""The short causal convolution of a Mamba block, with its SiLU: one pass on a CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor
from torch.nn import functional

from gexpipe.models.scan.numeric import sigmoid
from gexpipe.models.scan.threads import use_torch_threads

__all__ = ["causal_conv_silu"]

WIDTH = 16
FAST = {"reassoc", "contract", "nsz", "arcp"}
ZERO, ONE = np.float32(0.0), np.float32(1.0)


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
    def backward(ctx: Any, *grads: Tensor):  # noqa: ANN205
        use_torch_threads()
        x, taps, bias = ctx.saved_tensors
        grad = grads[0].contiguous()
        gx = torch.empty_like(x)
        gw = x.new_empty(x.shape[0], *taps.shape)
        gb = x.new_empty(x.shape[0], bias.shape[0])
        arrays = (a.detach().numpy() for a in (grad, x, taps, bias, gx, gw, gb))
        _backward(ctx.reverse, *arrays)
        return gx, gw.sum(0).t(), gb.sum(0), None


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _preactivation(p, first, step, x, taps, bias, out):  # noqa: ANN
    """Convolution at position ``p`` for one block of channels, before the SiLU."""
    length, size = x.shape[0], taps.shape[0]
    for j in range(WIDTH):
        out[j] = bias[first + j]
    for k in range(size):
        q = p - step * (size - 1 - k)
        if 0 <= q < length:
            for j in range(WIDTH):
                out[j] += taps[k, first + j] * x[q, first + j]


@njit(parallel=True, fastmath=FAST, cache=True, error_model="numpy")
def _forward(reverse, x, taps, bias, out):  # noqa: ANN
    """Fill ``out`` (B, L, D); ``taps`` is (K, D)."""
    genes, length, channels = x.shape
    blocks = channels // WIDTH
    step = -1 if reverse else 1
    for task in prange(genes * blocks):
        g, first = task // blocks, (task % blocks) * WIDTH
        s = np.empty(WIDTH, np.float32)
        for p in range(length):
            _preactivation(p, first, step, x[g], taps, bias, s)
            for j in range(WIDTH):
                out[g, p, first + j] = s[j] * sigmoid(s[j])


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _backward_block(first, step, grad, x, taps, bias, gx, gw, gb):  # noqa: ANN
    length, size = x.shape[0], taps.shape[0]
    s = np.empty(WIDTH, np.float32)
    # Gradients of the pre-activations of the last ``size`` tokens: a ring of vectors.
    ring = np.zeros((size, WIDTH), np.float32)
    for i in range(length + size - 1):
        # Walk so that all tokens that read position q have passed when q's turn comes.
        p = i if step == 1 else length - 1 - i
        slot = i % size
        if i < length:
            _preactivation(p, first, step, x, taps, bias, s)
            for j in range(WIDTH):
                e = sigmoid(s[j])
                g = grad[p, first + j] * e * (ONE + s[j] * (ONE - e))
                ring[slot, j] = g
                gb[first + j] += g
            for k in range(size):
                q = p - step * (size - 1 - k)
                if 0 <= q < length:
                    for j in range(WIDTH):
                        gw[k, first + j] += ring[slot, j] * x[q, first + j]
        else:
            for j in range(WIDTH):
                ring[slot, j] = ZERO
        q = p - step * (size - 1)
        if 0 <= q < length:
            for j in range(WIDTH):
                gx[q, first + j] = ZERO
            for k in range(size):
                # tap k at q is read by the token size - 1 - k steps ahead of q
                ahead = (i - k) % size
                for j in range(WIDTH):
                    gx[q, first + j] += taps[k, first + j] * ring[ahead, j]


@njit(parallel=True, fastmath=FAST, cache=True, error_model="numpy")
def _backward(reverse, grad, x, taps, bias, gx, gw, gb):  # noqa: ANN
    """Fill ``gx`` (B, L, D), ``gw`` (B, K, D) and ``gb`` (B, D)."""
    genes, _, channels = x.shape
    blocks = channels // WIDTH
    step = -1 if reverse else 1
    for task in prange(genes * blocks):
        g, first = task // blocks, (task % blocks) * WIDTH
        gw[g, :, first : first + WIDTH] = ZERO
        gb[g, first : first + WIDTH] = ZERO
        _backward_block(first, step, grad[g], x[g], taps, bias, gx[g], gw[g], gb[g])
