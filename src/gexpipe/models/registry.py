"""The methods by name: one class each, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gexpipe.errors import UserError
from gexpipe.methods.options import parse
from gexpipe.models.base import ExpressionModel, Inputs

__all__ = ["architectures", "build", "model_class", "parameters"]

# architecture -> module below gexpipe.models, class. Its options are the class's `Options`.
_MODELS = {
    "enformer": ("enformer", "Enformer"),
    "hyena": ("hyena", "Hyena"),
    "mamba": ("mamba", "Mamba"),
    "caduceus": ("caduceus", "Caduceus"),
    "macs3": ("masked", "MACS3Mask"),
    "seq2exp_soft": ("seq2exp", "Seq2ExpSoft"),
    "seq2exp_hard": ("seq2exp_hard", "Seq2ExpHard"),
    "seq2exp_retrain": ("seq2exp_retrain", "Seq2ExpRetrain"),
    "prism": ("prism", "Prism"),
    "infer": ("infer", "InFER"),
    "enhancer_encoder": ("enhancer_encoder", "EnhancerEncoder"),
    "epinformer": ("epinformer", "EPInformer"),
    "gta": ("gta", "GTA"),
}


def architectures() -> tuple[str, ...]:
    """Names that `build` knows."""
    return tuple(_MODELS)


def model_class(architecture: str) -> Any:
    """The model class of an architecture."""
    if architecture not in _MODELS:
        raise UserError(
            f"unknown architecture {architecture!r}; expected one of {', '.join(_MODELS)}",
            "architecture",
        )
    module, name = _MODELS[architecture]
    return getattr(import_module(f"gexpipe.models.{module}"), name)


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
        One of `architectures`.
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
    where = f"method {method or architecture}"
    if not isinstance(inputs, Inputs):
        inputs = parse(Inputs, inputs, f"{where}: inputs")
    if inputs.length < 1:
        raise UserError(f"{inputs.length}; expected at least 1 bp", f"{where}: inputs.length")
    return cls(parse(cls.Options, options, f"{where}: model"), inputs)


def parameters(model: ExpressionModel) -> int:
    """Number of parameters, each tensor once, constants included as the papers count them."""
    return sum(p.numel() for p in model.parameters())
