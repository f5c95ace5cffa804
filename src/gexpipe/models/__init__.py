"""The methods, built by name; those whose authors published code equal it numerically."""

from __future__ import annotations

from gexpipe.models.authors import fill_reference, from_reference
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.registry import architectures, build, parameters

__all__ = [
    "ExpressionModel",
    "Inputs",
    "Output",
    "architectures",
    "build",
    "fill_reference",
    "from_reference",
    "parameters",
]
