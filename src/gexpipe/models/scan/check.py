"""Self-check of the scan: the chosen backend beside the plain reference, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from gexpipe.models.scan import selective_scan
from gexpipe.models.scan.backends import choose

__all__ = ["TOLERANCES", "Deviation", "deviations", "random_inputs", "values_and_gradients"]

# Of the largest reference value of an array. bfloat16 keeps 8 bits, so results that are rounded to
# it differ by up to 2^-8.
TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 1e-2}
MIXED = ("u", "delta", "B", "C", "z")  # bfloat16 under autocast; parameters stay float32


@dataclass(frozen=True)
class Deviation:
    """How far one array of a backend is from the reference.

    Attributes
    ----------
    array : str
        ``out`` or ``grad NAME``; before it ``bf16`` for inputs as autocast makes them, ``reversed``
        for the scan from the end.
    relative : float
        Largest absolute difference / largest absolute reference value.
    tolerance : float
        The largest that passes.
    """

    array: str
    relative: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Within the tolerance; a NaN is not."""
        return self.relative <= self.tolerance


def random_inputs(
    batch: int, length: int, width: int, state: int, device: str = "cpu"
) -> dict[str, Tensor]:
    """Inputs of a scan as a fresh Mamba block makes them; the same on every device.

    Returns
    -------
    dict
        u, delta, z (batch, length, width), B, C (batch, length, state), A (width, state),
        D, delta_bias (width), float32.
    """
    draw = torch.Generator().manual_seed(0)
    shapes = {
        "u": (batch, length, width),
        "delta": (batch, length, width),
        "A": (width, state),
        "B": (batch, length, state),
        "C": (batch, length, state),
        "D": (width,),
        "z": (batch, length, width),
        "delta_bias": (width,),
    }
    given = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    given["A"] = -torch.arange(1.0, state + 1).repeat(width, 1)
    given["delta_bias"] -= 4  # time steps of about 0.02
    return {name: value.to(device) for name, value in given.items()}


def values_and_gradients(
    given: dict[str, Tensor], backend: str, reverse: bool = False
) -> dict[str, Tensor]:
    """Output of a backend, and the gradients of all inputs for a fixed random weighting of it."""
    given = {name: value.detach().requires_grad_() for name, value in given.items()}
    out, _ = selective_scan(**given, delta_softplus=True, reverse=reverse, backend=backend)
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    names, inputs = zip(*given.items(), strict=True)
    gradients = torch.autograd.grad(out, inputs, weight.to(out))
    named = {f"grad {n}": g for n, g in zip(names, gradients, strict=True)}
    return {"out": out.detach(), **named}


def deviations(
    batch: int, length: int, width: int, state: int, device: str = "cpu", backend: str | None = None
) -> list[Deviation]:
    """Compare a backend with the reference: values and gradients, both directions and precisions.

    The reference keeps every state: its memory is about 20 bytes per gene, token, channel and
    state dimension.

    Parameters
    ----------
    batch, length, width, state : int
        Genes, tokens, channels and state dimensions.
    device : str
        ``"cpu"`` or ``"cuda"``.
    backend : str, optional
        The one that is chosen for the device by default.
    """
    name = choose(device, backend).name
    exact = random_inputs(batch, length, width, state, device)
    found = []
    for (dtype, tolerance), reverse in product(TOLERANCES.items(), (False, True)):
        given = {k: v.to(dtype) if k in MIXED else v for k, v in exact.items()}
        ours = values_and_gradients(given, name, reverse)
        prefix = ("bf16 " if dtype == torch.bfloat16 else "") + ("reversed " if reverse else "")
        for array, value in values_and_gradients(given, "reference", reverse).items():
            difference = (ours[array].float() - value.float()).abs().max()
            relative = float(difference) / float(value.abs().max())
            found.append(Deviation(prefix + array, relative, tolerance))
    return found
