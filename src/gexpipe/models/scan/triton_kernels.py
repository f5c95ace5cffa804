# mypy: disallow-untyped-defs=False
"""The selective scan and its gradient as Triton kernels, parallel over chunks of the sequence.

A state is a linear recurrence, so a chunk can be walked before the state in front of it is known:

1. `chunk_states` walks every chunk from a state of zero and notes where it ends;
2. `join` carries the states from chunk to chunk, a scan over chunks;
3. `chunk_outputs` walks every chunk again, from the state in front of it.

The gradient flows backwards in the same three steps: `chunk_adjoints`, `join`, `chunk_gradients`.
One program has one chunk of one gene and a block of channels, so that a single long window fills a
GPU as many short ones do. Kept are the states between chunks, never those of all tokens.

Shapes: u, delta, z, out (G, L, D); b, c (G, L, N); a (D, N); d, bias (D); kept and carried
(G, chunks + 1, D, N), whose slot k lies in front of chunk k; span (G, chunks, D), the sum of a
chunk's time steps, from which its decay follows. Tokens past the end have a time step of zero and
change nothing.
"""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["chunk_adjoints", "chunk_gradients", "chunk_outputs", "chunk_states", "join"]


@triton.jit
def _then(first_decay, first_state, decay, state):
    """One stretch after another: how a state decays, and where it ends from zero."""
    return first_decay * decay, decay * first_state + state


@triton.jit
def _time_step(delta, place, used, bias, SOFTPLUS: tl.constexpr):
    """A time step before and after softplus; zero where it is not used."""
    raw = tl.load(delta + place, mask=used, other=0.0).to(tl.float32) + bias
    step = raw
    if SOFTPLUS:
        # log(1 + y) exact for small y, where 1 + y has lost most of y's digits.
        y = tl.exp(tl.minimum(raw, 20.0))
        w = 1.0 + y
        soft = tl.where(w == 1.0, y, tl.log(w) * (y / tl.where(w == 1.0, 1.0, w - 1.0)))
        step = tl.where(raw > 20.0, raw, soft)
    return raw, tl.where(used, step, 0.0)


@triton.jit
def _values(pointer, place, used):
    return tl.load(pointer + place, mask=used, other=0.0).to(tl.float32)


@triton.jit
def _block(block, channels, states, BLOCK: tl.constexpr, STATES: tl.constexpr):
    """Channels of a block, states, which of them there are, and their places in (D, N)."""
    channel, state = block * BLOCK + tl.arange(0, BLOCK), tl.arange(0, STATES)
    used, real = channel < channels, state < states
    square = channel[:, None] * states + state[None, :]
    return channel, state, used, real, used[:, None] & real[None, :], square


@triton.jit
def _gated(grad, z, place, used, GATED: tl.constexpr):
    """Gradient of the ungated output."""
    gy = _values(grad, place, used)
    if GATED:
        gate = _values(z, place, used)
        gy = gy * gate * tl.sigmoid(gate)
    return gy


@triton.jit
def chunk_states(
    u, delta, a, b, bias, kept, span, length, channels, states, chunks,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, STATES: tl.constexpr, REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """State at the end of every chunk from a state of zero, into the slot behind it; ``span``."""
    chunk, gene = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    channel, state, used, real, both, square = _block(
        tl.program_id(1), channels, states, BLOCK, STATES
    )
    rate = _values(a, square, both)
    shift = _values(bias, channel, used)
    h = tl.zeros((BLOCK, STATES), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    for t in range(CHUNK):
        i = chunk * CHUNK + t
        token = gene * length + (length - 1 - i if REVERSE else i)
        here = used & (i < length)
        place = token * channels + channel
        _, step = _time_step(delta, place, here, shift, SOFTPLUS)
        x = _values(u, place, here)
        drive = _values(b, token * states + state, real & (i < length))
        h = tl.exp(step[:, None] * rate) * h + (step * x)[:, None] * drive[None, :]
        total += step
    tl.store(kept + (gene * (chunks + 1) + chunk + 1) * channels * states + square, h, mask=both)
    tl.store(span + (gene * chunks + chunk) * channels + channel, total, mask=used)


@triton.jit
def join(
    a, span, carried, channels, states, chunks,
    GROUP: tl.constexpr, BLOCK: tl.constexpr, STATES: tl.constexpr, BACK: tl.constexpr,
):  # fmt: skip
    """Turn what each chunk adds to ``carried`` into what arrives; ``BACK`` from the last chunk on.

    Forwards, chunk k adds in slot k + 1 and slot 0 is zero; backwards, it adds in slot k and the
    last slot is zero.
    """
    gene = tl.program_id(1).to(tl.int64)
    channel, _, used, _, both, square = _block(tl.program_id(0), channels, states, BLOCK, STATES)
    rate = _values(a, square, both)
    row = tl.arange(0, GROUP)
    carry = tl.zeros((BLOCK, STATES), tl.float32)
    slot = gene * (chunks + 1) + (chunks if BACK else 0)
    tl.store(carried + slot * channels * states + square, carry, mask=both)
    for start in range(0, chunks, GROUP):
        chunk = chunks - 1 - start - row if BACK else start + row
        there = (chunk >= 0) & (chunk < chunks)
        line = (gene * chunks + chunk)[:, None] * channels + channel[None, :]
        steps = _values(span, line, there[:, None] & used[None, :])
        slots = gene * (chunks + 1) + (chunk if BACK else chunk + 1)
        place = slots[:, None, None] * channels * states + square[None, :, :]
        inside = there[:, None, None] & both[None, :, :]
        added = _values(carried, place, inside)
        decay = tl.exp(steps[:, :, None] * rate[None, :, :])
        decay, added = tl.associative_scan((decay, added), 0, _then)
        arrived = added + decay * carry[None, :, :]
        tl.store(carried + place, arrived, mask=inside)
        carry = tl.sum(tl.where((row == GROUP - 1)[:, None, None], arrived, 0.0), axis=0)


@triton.jit
def chunk_outputs(
    u, delta, a, b, c, d, z, bias, kept, out, length, channels, states, chunks,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, STATES: tl.constexpr, REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """``out`` of every chunk, from the state in the slot in front of it."""
    chunk, gene = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    channel, state, used, real, both, square = _block(
        tl.program_id(1), channels, states, BLOCK, STATES
    )
    rate = _values(a, square, both)
    skip = _values(d, channel, used)
    shift = _values(bias, channel, used)
    h = _values(kept, (gene * (chunks + 1) + chunk) * channels * states + square, both)
    for t in range(CHUNK):
        i = chunk * CHUNK + t
        token = gene * length + (length - 1 - i if REVERSE else i)
        here, reads = used & (i < length), real & (i < length)
        place = token * channels + channel
        _, step = _time_step(delta, place, here, shift, SOFTPLUS)
        x = _values(u, place, here)
        drive = _values(b, token * states + state, reads)
        read = _values(c, token * states + state, reads)
        h = tl.exp(step[:, None] * rate) * h + (step * x)[:, None] * drive[None, :]
        y = tl.sum(h * read[None, :], axis=1) + skip * x
        if GATED:
            gate = _values(z, place, here)
            y = y * gate * tl.sigmoid(gate)
        tl.store(out + place, y.to(out.dtype.element_ty), mask=here)


@triton.jit
def chunk_adjoints(
    grad, delta, a, c, z, bias, carried, length, channels, states, chunks,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, STATES: tl.constexpr, REVERSE: tl.constexpr,
    SOFTPLUS: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """Gradient that leaves every chunk at its front when none enters, into the slot in front."""
    chunk, gene = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    channel, state, used, real, both, square = _block(
        tl.program_id(1), channels, states, BLOCK, STATES
    )
    rate = _values(a, square, both)
    shift = _values(bias, channel, used)
    back = tl.zeros((BLOCK, STATES), tl.float32)
    for t in range(CHUNK):
        i = chunk * CHUNK + CHUNK - 1 - t
        token = gene * length + (length - 1 - i if REVERSE else i)
        here = used & (i < length)
        place = token * channels + channel
        _, step = _time_step(delta, place, here, shift, SOFTPLUS)
        read = _values(c, token * states + state, real & (i < length))
        gy = _gated(grad, z, place, here, GATED)
        back = tl.exp(step[:, None] * rate) * (back + gy[:, None] * read[None, :])
    tl.store(carried + (gene * (chunks + 1) + chunk) * channels * states + square, back, mask=both)


@triton.jit
def chunk_gradients(
    grad, u, delta, a, b, c, d, z, bias, kept, carried,
    gu, gdelta, gb, gc, gz, gd, gbias, length, channels, states, chunks,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, BLOCKS: tl.constexpr, STATES: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """Gradients of every chunk, all its states in registers.

    A program has ``BLOCKS`` blocks of channels one after the other, over which it sums those of b
    and c: ``gb`` and ``gc`` (programs, G, L, N). Sums over the chunk's tokens are left to add up:
    ``gd`` and ``gbias`` (G, chunks, D), and that of a in slot chunk + 1 of ``carried``, which is
    read by this program only.
    """
    chunk, gene = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    group = tl.program_id(1).to(tl.int64)
    row, state = tl.arange(0, CHUNK), tl.arange(0, STATES)
    i = chunk * CHUNK + row
    there, real = i < length, state < states
    token = gene * length + (length - 1 - i if REVERSE else i)
    follows = (row < CHUNK - 1) & (i + 1 < length)
    following = token - 1 if REVERSE else token + 1
    line = token[:, None] * states + state[None, :]
    reads = there[:, None] & real[None, :]
    drive, read = _values(b, line, reads), _values(c, line, reads)
    sum_b = tl.zeros((CHUNK, STATES), tl.float32)
    sum_c = tl.zeros((CHUNK, STATES), tl.float32)
    for block in range(BLOCKS):
        channel, _, used, _, both, square = _block(
            group * BLOCKS + block, channels, states, BLOCK, STATES
        )
        front = (gene * (chunks + 1) + chunk) * channels * states + square
        behind = front + channels * states
        rate = _values(a, square, both)
        skip = _values(d, channel, used)[None, :]
        shift = _values(bias, channel, used)[None, :]
        here = there[:, None] & used[None, :]
        place = token[:, None] * channels + channel[None, :]
        raw, step = _time_step(delta, place, here, shift, SOFTPLUS)
        x = _values(u, place, here)
        # All states of the chunk.
        driven = (step * x)[:, :, None] * drive[:, None, :]
        decay = tl.exp(step[:, :, None] * rate[None, :, :])
        decay, h = tl.associative_scan((decay, driven), 0, _then)
        h += decay * _values(kept, front, both)[None, :, :]
        # Gradient of the ungated output, and of the gate.
        gy = _values(grad, place, here)
        if GATED:
            gate = _values(z, place, here)
            open_ = tl.sigmoid(gate)
            y = tl.sum(h * read[:, None, :], axis=2) + skip * x
            slope = open_ * (1.0 + gate * (1.0 - open_))
            tl.store(gz + place, (gy * y * slope).to(gz.dtype.element_ty), mask=here)
            gy = gy * gate * open_
        # Gradients of all states: what a token reads, and what the tokens behind it pass on.
        after = following[:, None] * channels + channel[None, :]
        _, later = _time_step(delta, after, follows[:, None] & used[None, :], shift, SOFTPLUS)
        fade = tl.exp(later[:, :, None] * rate[None, :, :])
        passed = gy[:, :, None] * read[:, None, :]
        fade, back = tl.associative_scan((fade, passed), 0, _then, reverse=True)
        back += fade * _values(carried, behind, both)[None, :, :]
        # Gradients of everything that a state is made of.
        sum_c += tl.sum(gy[:, :, None] * h, axis=1)
        sum_b += tl.sum(back * (step * x)[:, :, None], axis=1)
        through = tl.sum(back * drive[:, None, :], axis=2)
        gx = gy * skip + step * through
        tl.store(gu + place, gx.to(gu.dtype.element_ty), mask=here)
        past = back * (h - driven)  # with the state before, as it has decayed
        gstep = tl.sum(past * rate[None, :, :], axis=2) + x * through
        if SOFTPLUS:
            gstep = gstep * tl.sigmoid(raw)
        gstep = tl.where(here, gstep, 0.0)
        tl.store(gdelta + place, gstep.to(gdelta.dtype.element_ty), mask=here)
        tl.store(carried + behind, tl.sum(past * step[:, :, None], axis=0), mask=both)
        flat = (gene * chunks + chunk) * channels + channel
        tl.store(gd + flat, tl.sum(gy * x, axis=0), mask=used)
        tl.store(gbias + flat, tl.sum(gstep, axis=0), mask=used)
    genes = tl.num_programs(2)
    summed = (group * genes * length + token)[:, None] * states + state[None, :]
    tl.store(gb + summed, sum_b, mask=reads)
    tl.store(gc + summed, sum_c, mask=reads)
