"""CPU kernels of the selective scan (numba): forward, and a backward that recomputes the states.

Arrays are channel-last, as the projections leave them. A task is one gene and one block of 16
channels, whose states sit in one vector for each of the N state dimensions. Only the state at the
start of every ``CHUNK`` tokens is kept (D x N / CHUNK values a token); the backward goes through
the chunks from the last to the first and recomputes the states of one chunk at a time, so memory
is linear in L x D.

All arrays are contiguous float32 and D is a multiple of 16. ``u``, ``delta``, ``z`` and ``out`` are
(B, L, D); ``a`` (N, D) is negative; ``b`` and ``c`` are (B, L, N); ``d`` and ``bias`` (D). ``z`` is
read only when ``gated``; the softplus of delta + bias is taken only when ``positive``; ``reverse``
runs from the last token to the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from gexpipe.models.scan.simd import (
    WIDTH,
    exp,
    load,
    sigmoid,
    softplus,
    splat,
    store,
    total,
)  # fmt: skip

__all__ = ["CHUNK", "scan_backward", "scan_forward"]

CHUNK = 64
Array = Any  # numba infers the types


@njit(error_model="numpy")
def _token(t: int, length: int, reverse: bool) -> int:
    """Position of the t-th token in the direction of the scan."""
    return length - 1 - t if reverse else t


@njit(error_model="numpy")
def _block_of(a: Array, first: int) -> Array:
    """One block of A (N, D) as (N, WIDTH)."""
    return a[:, first : first + WIDTH].copy()


@njit(error_model="numpy")
def _forward_block(
    g: int, k: int, reverse: bool, positive: bool, gated: bool,
    u: Array, delta: Array, a: Array, b: Array, c: Array, d: Array, z: Array, bias: Array,
    out: Array, kept: Array, last: Array,
) -> None:  # fmt: skip
    length, channels = u.shape[1], u.shape[2]
    states = b.shape[2]
    rows, columns = b.reshape(-1), c.reshape(-1)
    first = k * WIDTH
    decay = _block_of(a, first)
    h = np.zeros((states, WIDTH), np.float32)
    skip, offset = load(d, first), load(bias, first)
    for t in range(length):
        if t % CHUNK == 0:
            kept[g, k, t // CHUNK] = h
        p = g * length + _token(t, length, reverse)
        at = p * channels + first
        dt = load(delta, at) + offset
        if positive:
            dt = softplus(dt)
        x = load(u, at)
        drive = dt * x
        y = skip * x
        for n in range(states):
            row = n * WIDTH
            state = exp(dt * load(decay, row)) * load(h, row)
            state = state + drive * splat(rows[p * states + n])
            store(h, row, state)
            y = y + state * splat(columns[p * states + n])
        if gated:
            gate = load(z, at)
            y = y * gate * sigmoid(gate)
        store(out, at, y)
    for n in range(states):
        last[g, n, first : first + WIDTH] = h[n]


@njit(parallel=True, cache=True, error_model="numpy")
def scan_forward(
    reverse: bool, positive: bool, gated: bool,
    u: Array, delta: Array, a: Array, b: Array, c: Array, d: Array, z: Array, bias: Array,
    out: Array, kept: Array, last: Array,
) -> None:  # fmt: skip
    """Fill ``out``, ``kept`` (B, blocks, chunks, N, WIDTH) and ``last`` (B, N, D)."""
    blocks = kept.shape[1]
    for task in prange(u.shape[0] * blocks):
        _forward_block(
            task // blocks, task % blocks, reverse, positive, gated,
            u, delta, a, b, c, d, z, bias, out, kept, last,
        )  # fmt: skip


@njit(error_model="numpy")
def _replay(
    start: int, size: int, g: int, first: int, reverse: bool, positive: bool, gated: bool,
    grad: Array, u: Array, delta: Array, a: Array, b: Array, c: Array, d: Array, z: Array,
    bias: Array, h: Array, steps: Array, decays: Array, before: Array, gy: Array, gz: Array,
    gd: Array,
) -> None:  # fmt: skip
    """Recompute a chunk: time steps, decays and earlier states; dL/dy and the gradient of z, D."""
    length, channels = u.shape[1], u.shape[2]
    states = b.shape[2]
    rows, columns = b.reshape(-1), c.reshape(-1)
    skip, offset = load(d, first), load(bias, first)
    for t in range(size):
        p = g * length + _token(start + t, length, reverse)
        at = p * channels + first
        dt = load(delta, at) + offset
        if positive:
            dt = softplus(dt)
        store(steps, t * WIDTH, dt)
        x = load(u, at)
        drive = dt * x
        y = skip * x
        for n in range(states):
            row, here = n * WIDTH, (t * states + n) * WIDTH
            e, old = exp(dt * load(a, row)), load(h, row)
            store(decays, here, e)
            store(before, here, old)
            state = e * old + drive * splat(rows[p * states + n])
            store(h, row, state)
            y = y + state * splat(columns[p * states + n])
        slope = load(grad, at)
        if gated:
            gate = load(z, at)
            s = sigmoid(gate)
            swish = gate * s
            # d silu / dz = s + silu (1 - s)
            store(gz, at, slope * y * (s + swish * (splat(np.float32(1.0)) - s)))
            slope = slope * swish
        store(gy, t * WIDTH, slope)
        store(gd, 0, load(gd, 0) + slope * x)


@njit(error_model="numpy")
def _retreat(
    start: int, size: int, g: int, part: int, first: int, reverse: bool, positive: bool,
    u: Array, a: Array, b: Array, c: Array, d: Array, steps: Array, decays: Array, before: Array,
    gy: Array, carry: Array, ga: Array, gb: Array, gc: Array, gu: Array, gdelta: Array,
    gbias: Array,
) -> None:  # fmt: skip
    """Walk one chunk backwards, from dL/dy to the gradients of A, B, C, u, delta and its bias."""
    length, channels = u.shape[1], u.shape[2]
    states = b.shape[2]
    rows, columns = b.reshape(-1), c.reshape(-1)
    grad_rows, grad_columns = gb[part].reshape(-1), gc[part].reshape(-1)
    skip, zero, one = load(d, first), splat(np.float32(0.0)), splat(np.float32(1.0))
    for back in range(size):
        t = size - 1 - back
        p = g * length + _token(start + t, length, reverse)
        at = p * channels + first
        dt, x, slope = load(steps, t * WIDTH), load(u, at), load(gy, t * WIDTH)
        drive = dt * x
        gdt, gdrive = zero, zero
        for n in range(states):
            row, here = n * WIDTH, (t * states + n) * WIDTH
            bn, cn = splat(rows[p * states + n]), splat(columns[p * states + n])
            e, old = load(decays, here), load(before, here)
            s = load(carry, row) + slope * cn  # gradient of the state
            shrunk = s * e
            store(carry, row, shrunk)
            inner = shrunk * old  # gradient of dt * A
            gdt = gdt + inner * load(a, row)
            store(ga, row, load(ga, row) + inner * dt)
            gdrive = gdrive + s * bn
            grad_rows[p * states + n] += total(s * drive)
            grad_columns[p * states + n] += total(slope * (e * old + drive * bn))
        store(gu, at, gdrive * dt + slope * skip)
        gdt = gdt + gdrive * x
        if positive:
            gdt = gdt * (one - exp(zero - dt))  # sigmoid(x) = 1 - exp(-softplus(x))
        store(gdelta, at, gdt)
        store(gbias, 0, load(gbias, 0) + gdt)


@njit(error_model="numpy")
def _backward_block(
    g: int, part: int, k: int, reverse: bool, positive: bool, gated: bool,
    grad: Array, u: Array, delta: Array, a: Array, b: Array, c: Array, d: Array, z: Array,
    bias: Array, kept: Array,
    gu: Array, gdelta: Array, ga: Array, gb: Array, gc: Array, gd: Array, gz: Array, gbias: Array,
) -> None:  # fmt: skip
    length, states = u.shape[1], b.shape[2]
    first = k * WIDTH
    decay = _block_of(a, first)
    steps = np.empty((CHUNK, WIDTH), np.float32)
    gy = np.empty((CHUNK, WIDTH), np.float32)
    decays = np.empty((CHUNK, states, WIDTH), np.float32)
    before = np.empty((CHUNK, states, WIDTH), np.float32)
    carry = np.zeros((states, WIDTH), np.float32)
    # Sums over time: a float32 sum for each chunk, added up in float64.
    sums = np.zeros((states + 2, WIDTH), np.float64)
    chunks = (length + CHUNK - 1) // CHUNK
    for back in range(chunks):
        start = (chunks - 1 - back) * CHUNK
        size = min(CHUNK, length - start)
        h = kept[g, k, chunks - 1 - back].copy()
        chunk_a = np.zeros((states, WIDTH), np.float32)
        chunk_d = np.zeros((1, WIDTH), np.float32)
        chunk_bias = np.zeros((1, WIDTH), np.float32)
        _replay(
            start, size, g, first, reverse, positive, gated, grad, u, delta, decay, b, c, d, z,
            bias, h, steps, decays, before, gy, gz, chunk_d,
        )  # fmt: skip
        _retreat(
            start, size, g, part, first, reverse, positive, u, decay, b, c, d, steps, decays,
            before, gy, carry, chunk_a, gb, gc, gu, gdelta, chunk_bias,
        )  # fmt: skip
        sums[:states] += chunk_a
        sums[states] += chunk_d[0]
        sums[states + 1] += chunk_bias[0]
    ga[g, :, first : first + WIDTH] = sums[:states]
    gd[g, first : first + WIDTH] = sums[states]
    gbias[g, first : first + WIDTH] = sums[states + 1]


@njit(parallel=True, cache=True, error_model="numpy")
def scan_backward(
    reverse: bool, positive: bool, gated: bool,
    grad: Array, u: Array, delta: Array, a: Array, b: Array, c: Array, d: Array, z: Array,
    bias: Array, kept: Array,
    gu: Array, gdelta: Array, ga: Array, gb: Array, gc: Array, gd: Array, gz: Array, gbias: Array,
) -> None:  # fmt: skip
    """Fill the gradients; ``grad`` (B, L, D) is dL/dout.

    ``ga`` (B, N, D), ``gd`` and ``gbias`` (B, D) are per gene. ``gb`` and ``gc``
    (parts, B, L, N), zero on entry, hold a partial sum for each group of channel blocks, so
    that tasks share nothing and the result does not depend on the number of threads.
    """
    parts, blocks = gb.shape[0], kept.shape[1]
    for task in prange(u.shape[0] * parts):
        g, part = task // parts, task % parts
        for k in range(part, blocks, parts):
            _backward_block(
                g, part, k, reverse, positive, gated, grad, u, delta, a, b, c, d, z, bias, kept,
                gu, gdelta, ga, gb, gc, gd, gz, gbias,
            )  # fmt: skip
