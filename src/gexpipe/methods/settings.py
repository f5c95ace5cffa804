"""The merged configuration of a method, as training reads it: typed, unknown keys refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.methods.options import as_mapping, parse
from gexpipe.models.base import CRITERIA, Inputs

__all__ = ["MethodConfig", "TrainOptions", "read_method"]

PRECISIONS = ("bf16-mixed", "16-mixed", "32-true")


@dataclass(frozen=True)
class TrainOptions:
    """Training settings; defaults are the papers'.

    Attributes
    ----------
    learning_rate, warmup_from, final_learning_rate : float
        Peak, start of the linear warm-up, end of the cosine.
    steps, warmup_steps : int
        Optimiser steps in all, and of the warm-up.
    batch_size, accumulate : int
        Genes a step, and the number of parts a batch is split into to save memory.
    betas : tuple of float
        AdamW's.
    weight_decay, gradient_clip : float
        Decoupled weight decay; largest gradient norm (0: no clipping).
    loss : str
        smooth_l1 (beta 1), mse or l1.
    precision : str
        bf16-mixed, 16-mixed or 32-true.
    validations_per_epoch : float
        Below 1: every so many epochs.
    patience : int
        Stop after so many validations in a row without a better one; 0: train all steps.
    workers : int
        Loader processes; 0 reads in the training process.
    devices : int
        GPUs that share a run's batches, where there are any.
    recompute_layers : bool
        Keep only the inputs of each layer for the backward pass: less memory, about a third more
        time, the same gradients.
    scan_backend : str
        auto, mamba_ssm, triton, numba or reference.
    deterministic : bool
        Torch's deterministic algorithms.
    """

    learning_rate: float = 5e-4
    warmup_from: float = 1e-5
    final_learning_rate: float = 1e-4
    steps: int = 50_000
    warmup_steps: int = 5_000
    batch_size: int = 8
    accumulate: int = 1
    betas: tuple[float, ...] = (0.9, 0.95)
    weight_decay: float = 1e-6
    gradient_clip: float = 1.0
    loss: str = "smooth_l1"
    precision: str = "bf16-mixed"
    validations_per_epoch: float = 2.0
    patience: int = 0
    workers: int = 0
    devices: int = 1
    recompute_layers: bool = False
    scan_backend: str = "auto"
    deterministic: bool = False

    def check(self, where: str) -> None:
        """Raise a `UserError` for values that cannot be trained with."""
        for key, allowed in (("loss", tuple(CRITERIA)), ("precision", PRECISIONS)):
            if getattr(self, key) not in allowed:
                found = getattr(self, key)
                raise UserError(f"{found!r}, expected {' or '.join(allowed)}", f"{where}.{key}")
        for key in ("devices", "steps", "batch_size", "accumulate", "validations_per_epoch"):
            if getattr(self, key) <= 0:
                raise UserError(f"{getattr(self, key)}, expected more than 0", f"{where}.{key}")
        if not 0 <= self.warmup_steps <= self.steps:
            raise UserError(
                f"{self.warmup_steps}, expected 0 to steps ({self.steps})", f"{where}.warmup_steps"
            )
        if self.patience < 0:
            raise UserError(f"{self.patience}, expected 0 or more", f"{where}.patience")
        if len(self.betas) != 2:
            raise UserError(f"{len(self.betas)} values, expected two", f"{where}.betas")


@dataclass(frozen=True)
class MethodConfig:
    """A row of the benchmark: what it is called, built from, given, and trained with.

    ``start_from`` names what trained weights it starts from: another method (the run of the same
    cell type, fold and seed) or a file, in which {cell}, {fold} and {seed} are replaced; empty for
    fresh weights. The workflow turns it into a path. ``target`` names one of the configuration's
    further targets; empty for the default one. The workflow gives its example table.
    """

    name: str
    label: str
    architecture: str
    inputs: Inputs
    model: Mapping[str, Any]
    train: TrainOptions
    start_from: str = ""
    target: str = ""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> MethodConfig:
        """Check a merged method configuration; a `UserError` names the method and the key."""
        name = str(values.get("name", "?"))
        where = f"method {name}"
        known = tuple(field.name for field in fields(cls))
        for key in values:
            if key not in known:
                raise UserError(f"unknown key {key!r}; known: {', '.join(known)}", where)
        for key in ("name", "architecture", "inputs"):
            if key not in values:
                raise UserError(f"no key {key!r}", where)
        train = parse(TrainOptions, values.get("train") or {}, f"{where}: train")
        train.check(f"{where}: train")
        return cls(
            name=name,
            label=str(values.get("label", name)),
            architecture=str(values["architecture"]),
            inputs=parse(Inputs, values["inputs"], f"{where}: inputs"),
            model=dict(values.get("model") or {}),
            train=train,
            start_from=str(values.get("start_from") or ""),
            target=str(values.get("target") or ""),
        )

    def as_mapping(self) -> dict[str, Any]:
        """Plain values that `from_mapping` reads and a checkpoint can hold."""
        return {
            "name": self.name,
            "label": self.label,
            "architecture": self.architecture,
            "inputs": as_mapping(self.inputs),
            "model": dict(self.model),
            "train": as_mapping(self.train),
            "start_from": self.start_from,
            "target": self.target,
        }


def read_method(text: str) -> MethodConfig:
    """Method configuration from JSON text, or from the path of a YAML or JSON file."""
    if text.lstrip().startswith("{"):
        source, content = "--method", text
    else:
        source, content = text, require(Path(text), "method configuration").read_text("utf-8")
    try:
        values = json.loads(content) if content.lstrip()[:1] == "{" else yaml.safe_load(content)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise UserError(f"neither JSON nor YAML ({error})", source) from error
    if not isinstance(values, dict):
        raise UserError("expected a mapping with name, architecture, inputs", source)
    return MethodConfig.from_mapping(values)
