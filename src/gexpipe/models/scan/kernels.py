"""CPU kernels of the selective scan (numba): forward, and a backward that recomputes the states.

Arrays are channel-last, as the projections leave them. A task is one gene and one group of blocks
of ``WIDTH`` channels; within a block the states of 16 channels sit in one vector register, for
each of the N state dimensions. Only the state at the start of every ``CHUNK`` tokens is kept
(D x N / CHUNK values a token); the backward runs through the chunks from the last to the first and
recomputes the states of one chunk at a time, so memory is linear in L x D.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from gexpipe.models.scan.numeric import exp, sigmoid, softplus

__all__ = ["CHUNK", "WIDTH", "scan_backward", "scan_forward"]

WIDTH = 16
CHUNK = 64
# Sums over channels may be reordered (that is what makes them vector sums); NaN stays NaN.
FAST = {"reassoc", "contract", "nsz", "arcp"}

_f = np.float32
ZERO, ONE = _f(0.0), _f(1.0)


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _stage(start, size, first, reverse, u, delta, bias, positive, dt, du):  # noqa: ANN
    """Copy one chunk of one block to ``dt`` (time step) and ``du`` (time step x input)."""
    length = u.shape[0]
    for t in range(size):
        p = length - 1 - (start + t) if reverse else start + t
        for j in range(WIDTH):
            x = delta[p, first + j] + bias[first + j]
            dt[t, j] = softplus(x) if positive else x
            du[t, j] = dt[t, j] * u[p, first + j]


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _decay(first, a, out):  # noqa: ANN
    """Transpose one block of A (D, N) to (N, WIDTH)."""
    for n in range(a.shape[1]):
        for j in range(WIDTH):
            out[n, j] = a[first + j, n]


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _advance(start, size, reverse, dt, du, a, b, c, h, y):  # noqa: ANN
    """Run ``size`` tokens: the states ``h`` (N, WIDTH) move on, ``y`` (size, WIDTH) is filled."""
    length, states = b.shape
    for t in range(size):
        p = length - 1 - (start + t) if reverse else start + t
        for j in range(WIDTH):
            y[t, j] = ZERO
        for n in range(states):
            bn, cn = b[p, n], c[p, n]
            for j in range(WIDTH):
                s = exp(dt[t, j] * a[n, j]) * h[n, j] + du[t, j] * bn
                h[n, j] = s
                y[t, j] += s * cn


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _forward_block(first, reverse, positive, gated, u, delta, a, b, c, d, z, bias, out, kept, last):  # noqa: ANN
    length = u.shape[0]
    states = b.shape[1]
    dt = np.zeros((CHUNK, WIDTH), np.float32)
    du = np.zeros((CHUNK, WIDTH), np.float32)
    y = np.empty((CHUNK, WIDTH), np.float32)
    h = np.zeros((states, WIDTH), np.float32)
    decay = np.empty((states, WIDTH), np.float32)
    _decay(first, a, decay)
    for chunk in range((length + CHUNK - 1) // CHUNK):
        start = chunk * CHUNK
        size = min(CHUNK, length - start)
        kept[chunk] = h
        _stage(start, size, first, reverse, u, delta, bias, positive, dt, du)
        _advance(start, size, reverse, dt, du, decay, b, c, h, y)
        for t in range(size):
            p = length - 1 - (start + t) if reverse else start + t
            for j in range(WIDTH):
                value = y[t, j] + d[first + j] * u[p, first + j]
                if gated:
                    value *= z[p, first + j] * sigmoid(z[p, first + j])
                out[p, first + j] = value
    for j in range(WIDTH):
        for n in range(states):
            last[first + j, n] = h[n, j]


@njit(parallel=True, fastmath=FAST, cache=True, error_model="numpy")
def scan_forward(reverse, positive, gated, u, delta, a, b, c, d, z, bias, out, kept, last):  # noqa: ANN
    """Fill ``out`` (B, L, D), ``kept`` (B, blocks, chunks, N, WIDTH) and ``last`` (B, D, N).

    ``u``, ``delta``, ``z`` (B, L, D); ``a`` (D, N) negative; ``b``, ``c`` (B, L, N); ``d``,
    ``bias`` (D); all contiguous float32, D a multiple of WIDTH. ``z`` is read only when ``gated``, the softplus of delta
    is taken only when ``positive``; ``reverse`` runs from the last token to the first.
    """
    blocks = kept.shape[1]
    for task in prange(u.shape[0] * blocks):
        g, k = task // blocks, task % blocks
        _forward_block(
            k * WIDTH, reverse, positive, gated, u[g], delta[g], a, b[g], c[g], d,
            z[g if gated else 0], bias, out[g], kept[g, k], last[g],
        )  # fmt: skip


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _replay(start, size, reverse, dt, du, a, b, c, h, decays, before, y):  # noqa: ANN
    """As ``_advance``, also keeping each token's decay factors and the states before it."""
    length, states = b.shape
    for t in range(size):
        p = length - 1 - (start + t) if reverse else start + t
        for j in range(WIDTH):
            y[t, j] = ZERO
        for n in range(states):
            bn, cn = b[p, n], c[p, n]
            for j in range(WIDTH):
                e = exp(dt[t, j] * a[n, j])
                old = h[n, j]
                s = e * old + du[t, j] * bn
                decays[t, n, j] = e
                before[t, n, j] = old
                h[n, j] = s
                y[t, j] += s * cn


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _retreat(  # noqa: ANN
    start, size, reverse, dt, du, a, b, c, decays, before, gy, carry, ga, gb, gc, gdt, gdu
):
    """Walk one chunk backwards: from dL/dy (``gy``) to the gradients of A, B, C, dt and dt * u."""
    length, states = b.shape
    for back in range(size):
        t = size - 1 - back
        p = length - 1 - (start + t) if reverse else start + t
        for j in range(WIDTH):
            gdt[t, j] = ZERO
            gdu[t, j] = ZERO
        for n in range(states):
            bn, cn = b[p, n], c[p, n]
            sum_b, sum_c = ZERO, ZERO
            for j in range(WIDTH):
                e, old = decays[t, n, j], before[t, n, j]
                g = carry[n, j] + gy[t, j] * cn
                sum_c += gy[t, j] * (e * old + du[t, j] * bn)
                sum_b += g * du[t, j]
                gdu[t, j] += g * bn
                ge = g * e
                carry[n, j] = ge
                gx = ge * old  # gradient of dt * A
                gdt[t, j] += gx * a[n, j]
                ga[n, j] += gx * dt[t, j]
            gb[p, n] += sum_b
            gc[p, n] += sum_c


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _ungate(start, size, first, reverse, gated, grad, u, d, z, y, gy, gz, gd):  # noqa: ANN
    """From dL/dout to dL/dy (``gy``), and the gradients of z and D; ``y`` is without skip."""
    length = u.shape[0]
    for t in range(size):
        p = length - 1 - (start + t) if reverse else start + t
        for j in range(WIDTH):
            k = first + j
            g = grad[p, k]
            if gated:
                s = sigmoid(z[p, k])
                gz[p, k] = g * (y[t, j] + d[k] * u[p, k]) * s * (ONE + z[p, k] * (ONE - s))
                g *= z[p, k] * s
            gy[t, j] = g
            gd[j] += g * u[p, k]


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _unstage(start, size, first, reverse, positive, u, delta, bias, d, dt, gy, gdt, gdu, gu, gdelta, gbias):  # noqa: ANN, E501
    """From the gradients of dt and dt * u to those of u, delta and its bias."""
    length = u.shape[0]
    for t in range(size):
        p = length - 1 - (start + t) if reverse else start + t
        for j in range(WIDTH):
            k = first + j
            gu[p, k] = gdu[t, j] * dt[t, j] + gy[t, j] * d[k]
            g = gdt[t, j] + gdu[t, j] * u[p, k]
            if positive:
                g *= sigmoid(delta[p, k] + bias[k])
            gdelta[p, k] = g
            gbias[j] += g


@njit(fastmath=FAST, cache=True, error_model="numpy")
def _backward_block(first, reverse, positive, gated, grad, u, delta, a, b, c, d, z, bias, kept, gu, gdelta, ga, gb, gc, gd, gz, gbias):  # noqa: ANN, E501
    length = u.shape[0]
    states = b.shape[1]
    dt = np.zeros((CHUNK, WIDTH), np.float32)
    du = np.zeros((CHUNK, WIDTH), np.float32)
    y = np.empty((CHUNK, WIDTH), np.float32)
    gy = np.zeros((CHUNK, WIDTH), np.float32)
    gdt = np.empty((CHUNK, WIDTH), np.float32)
    gdu = np.empty((CHUNK, WIDTH), np.float32)
    decays = np.empty((CHUNK, states, WIDTH), np.float32)
    before = np.empty((CHUNK, states, WIDTH), np.float32)
    decay = np.empty((states, WIDTH), np.float32)
    carry = np.zeros((states, WIDTH), np.float32)
    # Sums over time: one float32 sum a chunk, added up in float64.
    total_a = np.zeros((states, WIDTH), np.float64)
    total_d = np.zeros((2, WIDTH), np.float64)
    _decay(first, a, decay)
    chunks = (length + CHUNK - 1) // CHUNK
    for back in range(chunks):
        chunk = chunks - 1 - back
        start = chunk * CHUNK
        size = min(CHUNK, length - start)
        sum_a = np.zeros((states, WIDTH), np.float32)
        sum_d = np.zeros((2, WIDTH), np.float32)
        h = kept[chunk].copy()
        _stage(start, size, first, reverse, u, delta, bias, positive, dt, du)
        _replay(start, size, reverse, dt, du, decay, b, c, h, decays, before, y)
        _ungate(start, size, first, reverse, gated, grad, u, d, z, y, gy, gz, sum_d[0])
        _retreat(start, size, reverse, dt, du, decay, b, c, decays, before, gy, carry,
                 sum_a, gb, gc, gdt, gdu)  # fmt: skip
        _unstage(start, size, first, reverse, positive, u, delta, bias, d, dt, gy, gdt, gdu,
                 gu, gdelta, sum_d[1])  # fmt: skip
        total_a += sum_a
        total_d += sum_d
    for j in range(WIDTH):
        gd[first + j] = total_d[0, j]
        gbias[first + j] = total_d[1, j]
        for n in range(states):
            ga[first + j, n] = total_a[n, j]


@njit(parallel=True, fastmath=FAST, cache=True, error_model="numpy")
def scan_backward(reverse, positive, gated, grad, u, delta, a, b, c, d, z, bias, kept, gu, gdelta, ga, gb, gc, gd, gz, gbias):  # noqa: ANN, E501
    """Fill the gradients; arguments as in ``scan_forward``, ``grad`` (B, L, D) is dL/dout.

    ``ga`` (B, D, N), ``gd`` and ``gbias`` (B, D) are per gene; ``gb`` and ``gc``
    (groups, B, L, N), zero on entry, hold one partial sum for each group of channel blocks, so
    that tasks share nothing and the result does not depend on the number of threads.
    """
    genes, groups = u.shape[0], gb.shape[0]
    blocks = kept.shape[1]
    for task in prange(genes * groups):
        g, group = task // groups, task % groups
        for k in range(group, blocks, groups):
            _backward_block(
                k * WIDTH, reverse, positive, gated, grad[g], u[g], delta[g], a, b[g], c[g], d,
                z[g if gated else 0], bias, kept[g, k], gu[g], gdelta[g], ga[g], gb[group, g],
                gc[group, g], gd[g], gz[g if gated else 0], gbias[g],
            )  # fmt: skip
