"""Methods trained on all cell types but one: which trainings that takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gexpipe.config import merge
from gexpipe.errors import UserError
from gexpipe.methods.options import suggestion
from gexpipe.methods.settings import MethodConfig
from gexpipe.tables.plan import run_id

__all__ = ["KEY", "Joint", "joint_models", "leave_one_out", "read_joint"]

KEY = "config: benchmark.leave_one_cell_out"
FEWEST = 3  # cell types; of two, a model of all but one is a model of the other

# Run -> label of its method and the cell types it was trained on.
Joint = Mapping[str, tuple[str, tuple[str, ...]]]


def leave_one_out(
    asked: Sequence[str], methods: Mapping[str, dict[str, Any]], cells: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Settings of the trainings on all cell types but one, as Prism's mixed training does it.

    Parameters
    ----------
    asked : sequence of str
        Names of methods.
    methods : mapping
        Method of the configuration -> its settings.
    cells : sequence of str
        Cell types with expression.

    Returns
    -------
    dict
        Run -> settings, whose ``inputs.mixed_cells`` are the cell types of the training; it lies
        under the name of the first of them. Empty with fewer than three cell types.

    Raises
    ------
    UserError
        A method that is not in the configuration, or that cannot be trained on several cell types.
    """
    runs: dict[str, dict[str, Any]] = {}
    for name in asked:
        if name not in methods:
            raise UserError(f"no method {name!r} in methods; {suggestion(name, methods)}", KEY)
        if methods[name].get("target"):
            raise UserError(f"{name} has a target of its own; the cell types share one", KEY)
        if not MethodConfig.from_mapping(methods[name]).mixes:
            raise UserError(
                f"{name} cannot be trained on several cell types: it reads more than windows, or "
                "has no weights",
                KEY,
            )
        for left_out in cells if len(cells) >= FEWEST else []:
            mixed = [cell for cell in cells if cell != left_out]
            settings = merge(methods[name], {"inputs": {"mixed_cells": mixed}})
            runs[run_id(name, methods[name], settings)] = settings
    return runs


def joint_models(runs: Mapping[str, dict[str, Any]]) -> str:
    """Runs of `leave_one_out` for the command line."""
    return json.dumps({run: [s["label"], s["inputs"]["mixed_cells"]] for run, s in runs.items()})


def read_joint(text: str) -> Joint:
    """What `joint_models` wrote."""
    try:
        return {run: (str(label), tuple(cells)) for run, (label, cells) in json.loads(text).items()}
    except (json.JSONDecodeError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"not a JSON mapping of runs ({error})", "--joint") from error
