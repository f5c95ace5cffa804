"""The selective scan by mamba-ssm's fused CUDA kernel."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["fused_scan"]


def fused_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, delta_softplus: bool, reverse: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Selective scan by the fused kernel, which wants channels first and runs left to right.

    Arguments and results as `gexpipe.models.scan.selective_scan`.
    """
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    def turned(x: Tensor | None) -> Tensor | None:
        if x is None:
            return None
        return (x.flip(1) if reverse else x).transpose(1, 2).contiguous()

    u, delta, B, C, z = (turned(x) for x in (u, delta, B, C, z))  # type: ignore[assignment]
    out, last = selective_scan_fn(
        u, delta, A.float(), B, C, None if D is None else D.float(), z,
        None if delta_bias is None else delta_bias.float(), delta_softplus, True,
    )  # fmt: skip
    out = out.transpose(1, 2)
    return (torch.flip(out, (1,)) if reverse else out), last
