"""The methods by name: one class each, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gexpipe.errors import UserError
from gexpipe.methods.declared import DECLARED, declaration
from gexpipe.methods.options import parse
from gexpipe.models.base import ExpressionModel, Inputs

__all__ = ["architectures", "build", "model_class", "parameters"]


def architectures() -> tuple[str, ...]:
    """Names of the networks that `build` knows, those of other packages left out."""
    return tuple(name for name, found in DECLARED.items() if found.trained)


def model_class(architecture: str) -> Any:
    """The model class of an architecture."""
    found = declaration(architecture)
    if not found.trained:
        raise UserError(f"{architecture} is a fitted baseline, no network", "architecture")
    loaded = found.load()
    if not (isinstance(loaded, type) and issubclass(loaded, nn.Module)):
        raise UserError("no torch Module class", architecture)
    return loaded


def build(
    architecture: str,
    options: Mapping[str, Any],
    inputs: Inputs | Mapping[str, Any],
    method: str | None = None,
) -> ExpressionModel:
    """Make a model with fresh weights.

    Parameters
    ----------
    architecture : str
        See `gexpipe.methods.declared.declaration`.
    options : mapping
        The method's ``model`` section; missing keys take the published values.
    inputs : Inputs or mapping
        The method's ``inputs`` section.
    method : str, optional
        Name of the method for error messages; the architecture by default.

    Raises
    ------
    UserError
        Naming the method and the key that is unknown or has a wrong value.
    """
    cls = model_class(architecture)
    options = declaration(architecture).parse(options, f"method {method or architecture}: model")
    where = f"method {method or architecture}"
    if not isinstance(inputs, Inputs):
        inputs = parse(Inputs, inputs, f"{where}: inputs")
    return cls(options, inputs)


def parameters(model: ExpressionModel) -> int:
    """Number of parameters, each tensor once, constants included as the papers count them."""
    return sum(p.numel() for p in model.parameters())
