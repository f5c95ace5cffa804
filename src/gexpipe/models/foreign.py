"""Checkpoints of other projects: their tensors, and nothing that a pickle could run.

Files are read by torch's restricted loader. What else is inside them (configuration objects, NumPy
scalars, paths) becomes an inert stand-in; any name that is not listed here stops the reading.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import ExpressionModel, build, fill_reference

__all__ = ["check_stored", "foreign_model", "read_tensors", "safe_load"]


class Inert:
    """Stands for an object of a class that is not wanted: takes everything, keeps nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Inert:
        """Make an empty object, whatever the arguments."""
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        """Drop the state."""


def _empty(*_: Any) -> dict[Any, Any]:
    """Stands for a dictionary class; torch's loader fills plain dictionaries only."""
    return {}


_CONFIGURATION = [
    "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata", "omegaconf.base.SCMode",
    "omegaconf.nodes.AnyNode", "omegaconf.nodes.StringNode", "omegaconf.nodes.IntegerNode",
    "omegaconf.nodes.FloatNode", "omegaconf.nodes.BooleanNode",
    "typing.Any", "argparse.Namespace", "pathlib.PosixPath", "pathlib.Path",
]  # fmt: skip
_NUMPY = [
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype",
    "numpy.dtypes.Float64DType", "numpy.dtypes.Float32DType", "numpy.dtypes.Int64DType",
]  # fmt: skip
# Types named as values inside configurations; Python 2's module name is pickle protocol 2's.
_TYPES = [
    f"{module}.{name}"
    for module in ("builtins", "__builtin__")
    for name in ("dict", "list", "tuple", "int", "float", "str", "bool", "object")
]
_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *((Inert, name) for name in (*_CONFIGURATION, *_NUMPY, *_TYPES)),
    (_empty, "collections.defaultdict"),
]


def check_stored(path: Path) -> None:
    """Compare the checksums that a torch file holds; torch reads changed weights without a word.

    Raises
    ------
    UserError
        One of them is wrong. Files of torch before 1.6 hold none.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as stored:
            damaged = stored.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error) as error:
        raise UserError(f"not a readable checkpoint ({error})", path) from error
    if damaged is not None:
        raise UserError(f"not a readable checkpoint: damaged in {damaged}", path)


def safe_load(path: Path) -> Any:
    """Content of a torch file on the CPU, foreign objects replaced by stand-ins.

    Raises
    ------
    UserError
        When the file is none of torch's, or names an object that is not allowed.
    """
    check_stored(require(path, "checkpoint"))
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        if named:
            raise UserError(
                f"refused: it holds {named[1]}, which is neither a tensor nor configuration", path
            ) from error
        raise UserError("not a readable checkpoint", path) from error


def read_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """State dict of a checkpoint of other projects.

    Lightning files of Seq2Exp and Prism (``state_dict``, every name below ``model.``), EPInformer's
    (``model_state_dict``), and bare state dicts.
    """
    found = content
    for key in ("state_dict", "model_state_dict"):
        if isinstance(content, dict) and key in content:
            found = content[key]
    if not isinstance(found, dict) or not found:
        raise UserError("no state_dict or model_state_dict in this checkpoint", path)
    wrong = [str(k) for k, v in found.items() if not isinstance(v, Tensor)]
    if wrong:
        raise UserError(f"{wrong[0]} is no tensor", path)
    if all(name.startswith("model.") for name in found) and "state_dict" in content:
        found = {name.removeprefix("model."): tensor for name, tensor in found.items()}
    return dict(found)


def foreign_model(content: Any, path: Path, method: MethodConfig) -> ExpressionModel:
    """Model of a method with the tensors of the authors' file, matched strictly."""
    model = build(method.architecture, method.model, method.inputs, method.name)
    try:
        return fill_reference(model, method.architecture, read_tensors(content, path))
    except UserError as error:
        raise UserError(f"as {method.name}: {error}", path) from error
