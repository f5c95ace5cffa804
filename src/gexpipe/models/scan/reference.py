"""The selective scan in plain PyTorch: slow, obvious, any device and dtype; the yardstick."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["reference_scan"]


def reference_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, delta_softplus: bool, reverse: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Selective scan, one token after the other.

    Arguments and results as `gexpipe.models.scan.selective_scan`. Computes in float32, or float64
    when ``u`` is. The tensors of all tokens are split once with ``unbind``: indexing them inside
    the loop would make the backward allocate a full-size gradient per token, quadratic in L.
    """
    dtype = u.dtype
    u, delta, A, B, C = (
        x.to(torch.promote_types(dtype, torch.float32)) for x in (u, delta, A, B, C)
    )
    if delta_bias is not None:
        delta = delta + delta_bias.to(delta.dtype)
    if delta_softplus:
        delta = functional.softplus(delta)
    drive = (delta * u).unbind(1)
    steps, rows, columns = delta.unbind(1), B.unbind(1), C.unbind(1)
    order = range(u.shape[1] - 1, -1, -1) if reverse else range(u.shape[1])
    state = u.new_zeros(u.shape[0], u.shape[2], A.shape[1])
    outputs = []
    for t in order:
        decay = torch.exp(steps[t].unsqueeze(-1) * A)
        state = decay * state + drive[t].unsqueeze(-1) * rows[t].unsqueeze(1)
        outputs.append(torch.einsum("bdn,bn->bd", state, columns[t]))
    y = torch.stack(outputs[::-1] if reverse else outputs, dim=1)
    if D is not None:
        y = y + u * D.to(y.dtype)
    if z is not None:
        y = y * functional.silu(z.to(y.dtype))
    return y.to(dtype), state
