"""Weights of others: a folder as the hub's libraries write it, or a file of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gexpipe.errors import UserError
from gexpipe.models.foreign import read_tensors, safe_load

__all__ = ["device", "fill", "package", "read_weights"]

# Files of a folder, the better one first.
_NAMES = ("model.safetensors", "pytorch_model.bin")


def device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def package(module: str, extra: str) -> Any:
    """An optional package; a `UserError` names the extra that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UserError(
            f"it needs {module}, which cannot be imported ({error}): "
            f"pip install 'gexpipe[{extra}]'",
            f"extractor {extra}",
        ) from error


def read_weights(weights: str | Path) -> tuple[dict[str, Tensor], Path]:
    """Tensors of a folder (`_NAMES`) or a file (.safetensors, or torch's), and the file."""
    path = Path(weights).expanduser()
    if path.is_dir():
        known = [path / name for name in _NAMES if (path / name).exists()]
        if not known:
            raise UserError(f"no {' or '.join(_NAMES)} in this folder", path)
        path = known[0]
    if path.suffix != ".safetensors":
        return read_tensors(safe_load(path), path), path
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path), path
    except SafetensorError as error:
        raise UserError(f"not a readable safetensors file ({error})", path) from error


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load tensors strictly; a `UserError` names the first that is missing, too many or another.

    Of a tensor that the model knows under several names (Enformer's trunk), one is enough.
    """
    ours = model.state_dict()
    unknown = sorted(tensors.keys() - ours.keys())
    if unknown:
        raise UserError(f"not the weights of this model: it has an unknown {unknown[0]}", path)
    given = {_storage(ours[name]): tensor for name, tensor in tensors.items()}
    for name, tensor in ours.items():
        found = given.get(_storage(tensor))
        if found is None:
            raise UserError(f"not the weights of this model: it lacks {name}", path)
        if found.shape != tensor.shape:
            other = f"{name} is {tuple(found.shape)}, expected {tuple(tensor.shape)}"
            raise UserError(f"not the weights of this model: {other}", path)
    model.load_state_dict({name: given[_storage(tensor)] for name, tensor in ours.items()})


def _storage(tensor: Tensor) -> int:
    """Where its numbers lie: the same for all names of one tensor."""
    return tensor.data_ptr()
