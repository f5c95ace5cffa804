"""Pre-trained Caduceus: the backbone of a released file, of any size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.methods.published import BackboneOptions
from gexpipe.models.authors import translate
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.checkpoint import FORMAT, restore
from gexpipe.models.foreign import read_tensors, safe_load

__all__ = ["adopt_backbone", "open_backbone"]

# Files of a folder as the hub's libraries write it, the better one first.
_NAMES = ("model.safetensors", "pytorch_model.bin")
_SIZES = ("d_model", "layers", "d_state", "d_conv", "expand")


def open_backbone(path: Path) -> Backbone:
    """The backbone of a pre-trained Caduceus.

    Parameters
    ----------
    path : Path
        A folder as the hub has it (model.safetensors or pytorch_model.bin), such a file, or one of
        our own checkpoints. What lies around the backbone (embedding of tokens, language model's
        head) is left out: a method here reads one-hot DNA and signals.

    Returns
    -------
    Backbone
        Of the sizes that the tensors have.

    Raises
    ------
    UserError
        Without a backbone, with tensors missing, or with Caduceus-PS, whose blocks read both
        strands at once.
    """
    file = _file(path)
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return _backbone(load_file(file), file)
    content = safe_load(file)
    if isinstance(content, dict) and content.get("format") == FORMAT:
        return _of_run(content, file)
    return _backbone(read_tensors(content, file), file)


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = [path / name for name in _NAMES if (path / name).exists()]
    if not found:
        raise UserError(f"no {' or '.join(_NAMES)} in this folder", path)
    return found[0]


def _of_run(content: Mapping[str, Any], path: Path) -> Backbone:
    model, config = restore(content)
    found = getattr(model, "backbone", None)
    if not isinstance(found, Backbone):
        raise UserError(f"a checkpoint of {config.architecture}, which has no backbone", path)
    return found


def _backbone(tensors: Mapping[str, Tensor], path: Path) -> Backbone:
    named = next(
        (re.match(r"(.*?)layers\.0\.", name) for name in tensors if "layers.0." in name), None
    )
    if named is None:
        raise UserError("no layers of a backbone among its tensors", path)
    if any(".submodule." in name for name in tensors):
        raise UserError("this is Caduceus-PS; Caduceus-Ph has the blocks of the methods here", path)
    inner = (f"{named[1]}layers.", f"{named[1]}norm_f.")
    kept = {
        f"caduceus.backbone.{name.removeprefix(named[1])}": tensor
        for name, tensor in tensors.items()
        if name.startswith(inner)
    }
    ours = {n.removeprefix("backbone."): t for n, t in translate("caduceus", kept).items()}
    try:
        backbone = Backbone(_sizes(ours))
        backbone.load_state_dict(ours)
    except (KeyError, RuntimeError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise UserError(f"not the backbone of a Caduceus-Ph ({first})", path) from error
    return backbone


def _sizes(tensors: Mapping[str, Tensor]) -> BackboneOptions:
    """Options that the shapes of the first block and the number of blocks tell."""
    block = "layers.0.mixer."
    width, d_state = tensors[f"{block}ahead.A_log"].shape
    d_model = tensors["norm_f.weight"].shape[0]
    numbers = {int(name.split(".")[1]) for name in tensors if name.startswith("layers.")}
    return BackboneOptions(
        d_model=d_model,
        layers=len(numbers),
        d_state=d_state,
        d_conv=tensors[f"{block}ahead.conv1d.weight"].shape[-1],
        expand=width // d_model,
    )


def adopt_backbone(ours: Backbone, options: BackboneOptions, other: Backbone) -> None:
    """Take over the weights of a backbone of the same sizes; a `UserError` names what differs."""
    theirs = _sizes(other.state_dict())
    wrong = [name for name in _SIZES if getattr(options, name) != getattr(theirs, name)]
    if wrong:
        said = ", ".join(f"model.{name}: {getattr(theirs, name)}" for name in wrong)
        raise UserError(f"the pre-trained backbone has other sizes: set {said}", "start_from")
    ours.load_state_dict(other.state_dict())
