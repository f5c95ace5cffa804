"""gexpipe: from accession numbers to a gene-expression benchmark.

``import gexpipe as gx`` gives `open_data`, `models`, `open_model`, `predict`, `scores` and `draw`
(docs/notebook.md). Nothing is loaded before it is asked for, torch only where it computes.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gexpipe import models
    from gexpipe.face import Data, Model, draw, open_data, open_model, predict, scores

try:
    __version__ = version("gexpipe")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Data",
    "Model",
    "__version__",
    "draw",
    "models",
    "open_data",
    "open_model",
    "predict",
    "scores",
]


def __getattr__(name: str) -> Any:
    if name == "models":
        return import_module("gexpipe.models")  # a package that can be called
    if name in __all__:
        return getattr(import_module("gexpipe.face"), name)
    raise AttributeError(f"module 'gexpipe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
