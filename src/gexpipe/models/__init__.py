"""The methods, built by name; those whose authors published code equal it numerically.

The package can be called: ``gx.models()`` is the table of architectures, without torch. What is
named here is loaded when it is asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

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

_WHERE = {
    "authors": ("fill_reference", "from_reference"),
    "base": ("ExpressionModel", "Inputs", "Output"),
    "registry": ("architectures", "build", "parameters"),
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"gexpipe.models.{module}"), name)
    raise AttributeError(f"module 'gexpipe.models' has no attribute {name!r}")


class _Callable(ModuleType):
    def __call__(self) -> pd.DataFrame:
        """The table of architectures; see `gexpipe.methods.declared.model_table`."""
        return import_module("gexpipe.methods.declared").model_table()


sys.modules[__name__].__class__ = _Callable
