"""Trained weights that a method starts from."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import nn

from gexpipe.errors import UserError
from gexpipe.methods.declared import declaration
from gexpipe.methods.settings import MethodConfig, TrainOptions
from gexpipe.models import ExpressionModel
from gexpipe.models.checkpoint import open_checkpoint

__all__ = ["start", "weights_digest"]


def start(model: ExpressionModel, config: MethodConfig, path: Path | None) -> str:
    """Let ``model`` take over the weights of a checkpoint.

    Parameters
    ----------
    model : ExpressionModel
        Fresh; changed in place.
    config : MethodConfig
        Its configuration.
    path : Path or None
        The checkpoint; None for fresh weights.

    Returns
    -------
    str
        Digest of the weights taken over; empty for fresh weights.

    Raises
    ------
    UserError
        When the method needs a checkpoint and has none, or has one of another architecture.
    """
    where = f"method {config.name}"
    if path is None:
        if getattr(config.options, "freeze_encoder", False):
            raise UserError("its encoder is frozen: give one to start from (--start-from)", where)
        if config.declared.needs_start or config.start_from:
            what = config.start_from or config.declared.starts_from
            raise UserError(f"it starts from {what}: give its checkpoint (--start-from)", where)
        return ""
    if not config.declared.starts_from:
        raise UserError("it starts from fresh weights; leave out start_from", where)
    other = _source(model, config, path)
    try:
        model.adopt(other)
    except UserError as error:
        raise UserError(str(error), where) from error
    return weights_digest(other)


def _source(model: ExpressionModel, config: MethodConfig, path: Path) -> Any:
    """The trained model in one of our checkpoints, or in a file of its authors."""
    opener = getattr(type(model), "open_start", None)
    if opener is not None:
        return opener(path)
    wanted = config.declared.starts_from
    known = {f.name for f in fields(declaration(wanted).options)}
    source = MethodConfig(
        name=wanted,
        label=wanted,
        architecture=wanted,
        inputs=model.start_inputs(config.inputs),
        model={k: v for k, v in config.model.items() if k in known},
        train=TrainOptions(),
    )
    other, theirs, _ = open_checkpoint(path, source)
    if theirs.architecture != wanted:
        raise UserError(
            f"a checkpoint of {theirs.architecture}, {config.name} starts from {wanted}",
            path,
        )
    return other


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over the names and bytes of all tensors of a module."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
