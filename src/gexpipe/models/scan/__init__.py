"""The selective state-space scan behind Mamba: one interface, several backends.

For every gene, channel d and state n, with ``dt = softplus(delta + delta_bias)``::

    h[t] = exp(dt[t] A) h[t - 1] + dt[t] u[t] B[t]
    y[t] = sum_n C[t] h[t] + D u[t],   gated: y[t] silu(z[t])

Source: Gu & Dao 2023, mamba-ssm 1.1.2.
"""

from __future__ import annotations

from torch import Tensor

from gexpipe.models.scan.backends import choose, function, use

__all__ = ["choose", "selective_scan", "use"]


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    *,
    reverse: bool = False,
    backend: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Scan along the sequence.

    Parameters
    ----------
    u, delta, z : Tensor
        (genes, L, D): input, raw time step, gate. Channels last, as projections leave them.
    A : Tensor
        (D, N), negative.
    B, C : Tensor
        (genes, L, N).
    D, delta_bias : Tensor, optional
        (D,): skip connection, bias of the time step.
    delta_softplus : bool
        Whether the time step is the softplus of delta + delta_bias.
    reverse : bool
        Run from the last token to the first: the same as flipping the inputs and the output.
    backend : str, optional
        Overrides the choice of `gexpipe.models.scan.backends`.

    Returns
    -------
    y : Tensor
        (genes, L, D), in the type of u. The recurrence itself is computed in float32.
    last : Tensor
        (genes, D, N) state after the last token; not differentiable by every backend.
    """
    name = choose(u.device.type, backend).name
    return function(name)(u, delta, A, B, C, D, z, delta_bias, delta_softplus, reverse)
