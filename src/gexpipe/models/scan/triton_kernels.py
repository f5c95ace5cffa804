# mypy: disallow-untyped-defs=False
"""The selective scan and its gradient as Triton kernels: one program a gene and block of channels.

A program walks along the sequence with its states in registers. The forward kernel writes the
states in front of every chunk; the backward kernel starts from them, replays one chunk into a
scratch area, and walks it back. No array of all states exists.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["scan_backward", "scan_forward"]


@triton.jit
def _time_step(delta, place, used, bias, SOFTPLUS: tl.constexpr):
    raw = tl.load(delta + place, mask=used, other=0.0).to(tl.float32) + bias
    step = raw
    if SOFTPLUS:
        # log(1 + y) exact for small y, where 1 + y has lost most of y's digits.
        y = tl.exp(tl.minimum(raw, 20.0))
        w = 1.0 + y
        soft = tl.where(w == 1.0, y, tl.log(w) * (y / tl.where(w == 1.0, 1.0, w - 1.0)))
        step = tl.where(raw > 20.0, raw, soft)
    return raw, step


@triton.jit
def scan_forward(
    u, delta, a, b, c, d, z, bias, out, kept,
    last, length, channels, states, chunks,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, STATES: tl.constexpr, REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """Fill ``out`` (G, L, D), ``kept`` (G, chunks, D, N) and ``last`` (G, D, N)."""
    gene = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    state = tl.arange(0, STATES)
    used, real = channel < channels, state < states
    both = used[:, None] & real[None, :]
    square = channel[:, None] * states + state[None, :]
    rate = tl.load(a + square, mask=both, other=0.0)
    skip = tl.load(d + channel, mask=used, other=0.0)
    shift = tl.load(bias + channel, mask=used, other=0.0)
    h = tl.zeros((BLOCK, STATES), tl.float32)
    for chunk in range(chunks):
        tl.store(kept + (gene * chunks + chunk) * channels * states + square, h, mask=both)
        for i in range(chunk * CHUNK, tl.minimum(chunk * CHUNK + CHUNK, length)):
            token = gene * length + (length - 1 - i if REVERSE else i)
            place = token * channels + channel
            x = tl.load(u + place, mask=used, other=0.0).to(tl.float32)
            _, step = _time_step(delta, place, used, shift, SOFTPLUS)
            drive = tl.load(b + token * states + state, mask=real, other=0.0).to(tl.float32)
            read = tl.load(c + token * states + state, mask=real, other=0.0).to(tl.float32)
            h = tl.exp(step[:, None] * rate) * h + (step * x)[:, None] * drive[None, :]
            y = tl.sum(h * read[None, :], axis=1) + skip * x
            if GATED:
                gate = tl.load(z + place, mask=used, other=0.0).to(tl.float32)
                y = y * gate * tl.sigmoid(gate)
            tl.store(out + place, y.to(out.dtype.element_ty), mask=used)
    tl.store(last + gene * channels * states + square, h, mask=both)


@triton.jit
def scan_backward(
    grad, u, delta, a, b, c, d, z, bias, kept,
    scratch, gu, gdelta, ga, gb, gc, gd, gz, gbias,
    length, channels, states, chunks,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, STATES: tl.constexpr, REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """Fill the gradients; those of weights a gene, those of ``b`` and ``c`` a block of channels.

    ``ga`` (G, D, N); ``gb`` and ``gc`` (blocks, G, L, N); ``gd`` and ``gbias`` (G, D);
    ``scratch`` (G, blocks, CHUNK + 1, BLOCK, STATES).
    """
    gene, group = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    genes, groups = tl.num_programs(0), tl.num_programs(1)
    row, state = tl.arange(0, BLOCK), tl.arange(0, STATES)
    channel = group * BLOCK + row
    used, real = channel < channels, state < states
    both = used[:, None] & real[None, :]
    square = channel[:, None] * states + state[None, :]
    rate = tl.load(a + square, mask=both, other=0.0)
    skip = tl.load(d + channel, mask=used, other=0.0)
    shift = tl.load(bias + channel, mask=used, other=0.0)
    area = scratch + (gene * groups + group) * (CHUNK + 1) * BLOCK * STATES
    area += row[:, None] * STATES + state[None, :]
    back = tl.zeros((BLOCK, STATES), tl.float32)
    sum_a = tl.zeros((BLOCK, STATES), tl.float32)
    sum_d = tl.zeros((BLOCK,), tl.float32)
    sum_bias = tl.zeros((BLOCK,), tl.float32)
    for counted in range(chunks):
        chunk = chunks - 1 - counted
        first = chunk * CHUNK
        end = tl.minimum(first + CHUNK, length)
        h = tl.load(
            kept + (gene * chunks + chunk) * channels * states + square, mask=both, other=0.0
        )
        tl.store(area, h)
        for i in range(first, end):
            token = gene * length + (length - 1 - i if REVERSE else i)
            place = token * channels + channel
            x = tl.load(u + place, mask=used, other=0.0).to(tl.float32)
            _, step = _time_step(delta, place, used, shift, SOFTPLUS)
            drive = tl.load(b + token * states + state, mask=real, other=0.0).to(tl.float32)
            h = tl.exp(step[:, None] * rate) * h + (step * x)[:, None] * drive[None, :]
            tl.store(area + (i - first + 1) * BLOCK * STATES, h)
        tl.debug_barrier()
        for walked in range(end - first):
            i = end - 1 - walked
            token = gene * length + (length - 1 - i if REVERSE else i)
            place = token * channels + channel
            x = tl.load(u + place, mask=used, other=0.0).to(tl.float32)
            raw, step = _time_step(delta, place, used, shift, SOFTPLUS)
            drive = tl.load(b + token * states + state, mask=real, other=0.0).to(tl.float32)
            read = tl.load(c + token * states + state, mask=real, other=0.0).to(tl.float32)
            now = tl.load(area + (i - first + 1) * BLOCK * STATES)
            before = tl.load(area + (i - first) * BLOCK * STATES)
            gy = tl.load(grad + place, mask=used, other=0.0).to(tl.float32)
            if GATED:
                gate = tl.load(z + place, mask=used, other=0.0).to(tl.float32)
                open_ = tl.sigmoid(gate)
                y = tl.sum(now * read[None, :], axis=1) + skip * x
                slope = open_ * (1.0 + gate * (1.0 - open_))
                tl.store(gz + place, (gy * y * slope).to(gz.dtype.element_ty), mask=used)
                gy = gy * gate * open_
            sum_d += gy * x
            line = ((group * genes + gene) * length + token - gene * length) * states + state
            tl.store(gc + line, tl.sum(gy[:, None] * now, axis=0), mask=real)
            back += gy[:, None] * read[None, :]
            fade = tl.exp(step[:, None] * rate)
            past = back * fade * before
            tl.store(gb + line, tl.sum(back * (step * x)[:, None], axis=0), mask=real)
            through = tl.sum(back * drive[None, :], axis=1)
            gx = gy * skip + step * through
            tl.store(gu + place, gx.to(gu.dtype.element_ty), mask=used)
            gstep = tl.sum(past * rate, axis=1) + x * through
            if SOFTPLUS:
                gstep = gstep * tl.sigmoid(raw)
            tl.store(gdelta + place, gstep.to(gdelta.dtype.element_ty), mask=used)
            sum_bias += gstep
            sum_a += past * step[:, None]
            back = back * fade
        tl.debug_barrier()
    tl.store(ga + gene * channels * states + square, sum_a, mask=both)
    tl.store(gd + gene * channels + channel, sum_d, mask=used)
    tl.store(gbias + gene * channels + channel, sum_bias, mask=used)
