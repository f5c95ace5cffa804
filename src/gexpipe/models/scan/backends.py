"""Which implementation of the selective scan runs where, chosen once, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import torch

from gexpipe.errors import UserError

__all__ = ["Choice", "available", "choose", "function", "use"]

Scan = Callable[..., tuple[torch.Tensor, torch.Tensor]]

# name -> module and function; imported when used, so that a machine needs only its own
_BACKENDS = {
    "mamba_ssm": ("gexpipe.models.scan.fused", "fused_scan"),
    "triton": ("gexpipe.models.scan.gpu", "triton_scan"),
    "numba": ("gexpipe.models.scan.cpu", "cpu_scan"),
    "reference": ("gexpipe.models.scan.reference", "reference_scan"),
}
_preferred = "auto"


@dataclass(frozen=True)
class Choice:
    """A backend and why it was chosen."""

    name: str
    reason: str


def available(device: str) -> dict[str, str]:
    """State of every backend for ``"cpu"`` or ``"cuda"``: empty text if usable, else the reason."""
    here = {"mamba_ssm": "cuda", "triton": "cuda", "numba": "cpu"}
    states = {}
    for name, kind in here.items():
        if kind != device:
            states[name] = f"{kind.upper()} only"
        else:
            states[name] = "" if _importable(name) else f"{name} cannot be imported"
    return {**states, "reference": ""}


@cache
def _importable(package: str) -> bool:
    if find_spec(package) is None:
        return False
    try:
        import_module(package)
    except (ImportError, OSError):  # built for another torch or CUDA
        return False
    return True


def use(name: str) -> None:
    """Fix the backend for this process: ``"auto"``, or one of those `available` lists."""
    global _preferred
    if name != "auto" and name not in _BACKENDS:
        raise UserError(
            f"no scan backend {name!r}; expected auto, {', '.join(_BACKENDS)}", "train.scan_backend"
        )
    _preferred = name


def choose(device: str, name: str | None = None) -> Choice:
    """Backend for a device (``"cpu"``, ``"cuda"``); ``name`` overrides what `use` fixed."""
    wanted = name or _preferred
    states = available(device)
    if wanted != "auto":
        if states.get(wanted, "unknown"):
            raise UserError(
                f"scan backend {wanted!r} cannot run on {device}: {states.get(wanted, 'unknown')}",
                "train.scan_backend",
            )
        return Choice(wanted, "asked for")
    for candidate, obstacle in states.items():
        if not obstacle:
            skipped = [f"{k}: {v}" for k, v in states.items() if v]
            return Choice(candidate, "fastest usable here; " + ("; ".join(skipped) or "all usable"))
    raise AssertionError("the reference is always usable")


@cache
def function(name: str) -> Scan:
    """The scan function of a backend."""
    module, attribute = _BACKENDS[name]
    return getattr(import_module(module), attribute)
