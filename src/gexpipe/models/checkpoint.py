"""Checkpoints: weights, and what they belong to; a run only continues where it left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gexpipe import __version__
from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.log import get_logger
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import ExpressionModel, build
from gexpipe.models.foreign import check_stored, foreign_model, safe_load
from gexpipe.source import commit

__all__ = [
    "drop_other_run",
    "load_checkpoint",
    "load_model",
    "open_checkpoint",
    "refuse_other_run",
    "restore",
    "save_checkpoint",
]

log = get_logger(__name__)

FORMAT = 1


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint aside and rename it; format, version and commit are added."""
    marked = {"format": FORMAT, "version": __version__, "commit": commit(), **content}
    with aside(path) as temporary:
        torch.save(marked, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read one of our checkpoints onto the CPU; nothing in the file is executed."""
    check_stored(require(path, "checkpoint"))
    try:
        content = torch.load(require(path, "checkpoint"), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:
        raise UserError("not a readable checkpoint of gexpipe", path) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"not a checkpoint of format {FORMAT} of gexpipe", path)
    return content


def load_model(path: Path) -> tuple[ExpressionModel, MethodConfig, dict[str, Any]]:
    """Model with the weights of a checkpoint, its configuration, and the checkpoint."""
    content = load_checkpoint(path)
    return *restore(content), content


def restore(content: Mapping[str, Any]) -> tuple[ExpressionModel, MethodConfig]:
    """Model and configuration from what `load_checkpoint` read."""
    config = MethodConfig.from_mapping(content["method"])
    model = build(config.architecture, config.model, config.inputs, config.name)
    model.load_state_dict(content["model"])
    return model, config


def open_checkpoint(
    path: Path, method: MethodConfig | None = None
) -> tuple[ExpressionModel, MethodConfig, int | None]:
    """Model of one of our checkpoints, or of the authors'.

    Parameters
    ----------
    path : Path
        A file of torch.
    method : MethodConfig, optional
        What the authors' file holds; our own files know it.

    Returns
    -------
    tuple
        Model, configuration, and the fold it was trained on where the file knows.
    """
    content = safe_load(path)
    if isinstance(content, dict) and content.get("format") == FORMAT:
        model, config = restore(content)
        return model, config, content.get("fold")
    if method is None:
        raise UserError("no checkpoint of gexpipe: give the method it holds (--method)", path)
    return foreign_model(content, path, method), method, None


def refuse_other_run(path: Path, content: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Raise a `UserError` when a checkpoint is of another configuration, data, fold or seed.

    ``run`` holds ``method``, ``fingerprint``, ``fold``, ``seed``, ``start`` and ``source`` of the
    run to continue.
    """
    unspeakable = {
        "fingerprint": "data",
        "start": "weights to start from",
        "source": "source code of the model",
    }
    for key in ("method", "fingerprint", "fold", "seed", "start", "source"):
        if content.get(key, "") != run.get(key, ""):
            what = unspeakable.get(key) or _difference(content.get(key), run.get(key), key)
            raise UserError(
                f"the checkpoint was trained with other {what}; delete it to start anew", path
            )


def _difference(old: Any, new: Any, name: str) -> str:
    """Where two configurations differ first, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                return _difference(old.get(key), new.get(key), f"{name}.{key}")
    return f"{name} ({old!r}, now {new!r})"


def drop_other_run(path: Path, run: Mapping[str, Any]) -> None:
    """Delete a checkpoint that is unreadable or of another run, with one line that says why.

    For the workflow, where a changed configuration has already decided that the run is made anew.
    """
    if not path.exists():
        return
    try:
        refuse_other_run(path, load_checkpoint(path), run)
    except UserError as error:
        log.info("starting anew: %s", str(error).removesuffix("; delete it to start anew"))
        path.unlink()
