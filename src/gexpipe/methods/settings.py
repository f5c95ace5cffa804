"""The merged configuration of a method: typed, unknown keys and illegal values refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gexpipe.errors import UserError
from gexpipe.methods.declared import Declaration, declaration
from gexpipe.methods.options import as_mapping, fraction, least, one_of, parse

__all__ = ["LOSSES", "STRANDS", "Inputs", "MethodConfig", "TrainOptions"]

LOSSES = ("smooth_l1", "mse", "l1", "l1_kl")
# What the best of a run's validations is chosen by.
SELECTIONS = ("mse", "r2")
PRECISIONS = ("bf16-mixed", "16-mixed", "32-true")
STRANDS = ("forward", "gene")


@dataclass(frozen=True)
class Inputs:
    """What a method is given, and therefore what its first layers look like.

    Attributes
    ----------
    length : int
        Bases of the window around the TSS.
    signals : tuple of str
        Names of the base-resolution signals, in order; empty for sequence only.
    elements : bool
        Whether the method reads EPInformer's element table.
    features : int
        Gene features: eight of the mRNA and the promoter activity.
    summits : str
        Training set of an encoder of element activity: a key of the configuration's
        ``summits.sets``; empty for the candidate elements.
    own_promoter : bool
        Elements from the TSS on, the gene's own promoter among them, instead of from the
        configuration's ``elements.min_distance`` on. The workflow gives the store.
    log_activity : bool
        Give the promoter activity as log10(0.1 + x) instead of as it is (published). Activities
        span four decades, more in small genomes, whose reads per million are large.
    contact_shift, strand, reverse_complement, drop, signal_dropout
        How windows are loaded: see `gexpipe.data.loading.Loading`.
    mixed_cells : tuple of str
        Cell types that training draws from, a gene at a time; empty for the run's own alone.
    """

    length: int = least(dataclasses.MISSING, 1)
    signals: tuple[str, ...] = ()
    elements: bool = False
    features: int = 9
    summits: str = ""
    own_promoter: bool = False
    log_activity: bool = False
    contact_shift: bool = False
    strand: str = one_of("forward", *STRANDS)
    reverse_complement: float = fraction(0.0)
    drop: tuple[str, ...] = ()
    signal_dropout: float = fraction(0.0)
    mixed_cells: tuple[str, ...] = ()

    def check_dropped(self, where: str) -> None:
        """Raise a `UserError` for a dropped signal that is not read."""
        for name in self.drop:
            if name not in self.signals:
                known = ", ".join(self.signals) or "none"
                raise UserError(f"no signal {name!r} is read ({known})", f"{where}.drop")


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
        smooth_l1 (beta 1), mse, l1, or l1_kl: two parts absolute error and one part
        Kullback-Leibler divergence over the genes of a batch.
    precision : str
        bf16-mixed, 16-mixed or 32-true.
    last_batch : str
        What becomes of an epoch's last, smaller batch: ``drop`` or ``keep``. One of a single gene,
        or of fewer genes than ``devices``, is never kept: batch norm has no variance of it.
    select : str
        Which validation is the best: ``mse``, that of the lowest mean squared error, or ``r2``, of
        the highest squared Pearson correlation.
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
    threads : int
        CPU threads of arithmetic. Another number gives other bits (sums in another order), so it
        is part of the run and does not follow what a machine has to give.
    average : float
        Validate and keep an exponential average of the weights over steps with this memory, below
        1; 0: the weights themselves.
    """

    learning_rate: float = least(5e-4, 0)
    warmup_from: float = 1e-5
    final_learning_rate: float = 1e-4
    steps: int = least(50_000, 1)
    warmup_steps: int = 5_000
    batch_size: int = least(8, 1)
    accumulate: int = least(1, 1)
    last_batch: str = one_of("drop", "drop", "keep")
    betas: tuple[float, ...] = (0.9, 0.95)
    weight_decay: float = least(1e-6, 0)
    gradient_clip: float = least(1.0, 0)
    loss: str = one_of("smooth_l1", *LOSSES)
    precision: str = one_of("bf16-mixed", *PRECISIONS)
    select: str = one_of("mse", *SELECTIONS)
    validations_per_epoch: float = 2.0
    patience: int = least(0, 0)
    workers: int = least(0, 0)
    devices: int = least(1, 1)
    recompute_layers: bool = False
    scan_backend: str = "auto"
    deterministic: bool = False
    threads: int = least(1, 1)
    average: float = fraction(0.0)

    def check(self, where: str) -> None:
        """Raise a `UserError` for values that cannot be trained with."""
        if not self.validations_per_epoch > 0:
            found = f"{self.validations_per_epoch}, expected more than 0"
            raise UserError(found, f"{where}.validations_per_epoch")
        if self.loss == "l1_kl" and (self.accumulate > 1 or self.devices > 1):
            found = "compares the genes of a whole batch: accumulate and devices must be 1"
            raise UserError(found, f"{where}.loss: l1_kl")
        if self.average == 1:
            raise UserError("1 would never learn; expected less", f"{where}.average")
        if not 0 <= self.warmup_steps <= self.steps:
            raise UserError(
                f"{self.warmup_steps}, expected 0 to steps ({self.steps})", f"{where}.warmup_steps"
            )
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

    @property
    def declared(self) -> Declaration:
        """What its architecture declares."""
        return declaration(self.architecture)

    @property
    def mixes(self) -> bool:
        """Whether it can be trained on several cell types at once: it reads windows alone."""
        return self.declared.reads == "windows" and not self.inputs.elements

    @property
    def options(self) -> Any:
        """Its ``model`` section as an object of the declared class."""
        return self.declared.parse(self.model, f"method {self.name}: model")

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
        architecture = str(values["architecture"])
        model = dict(values.get("model") or {})
        declared = declaration(architecture)
        options = declared.parse(model, f"{where}: model")
        inputs = parse(Inputs, values["inputs"], f"{where}: inputs")
        if hasattr(options, "check_length"):
            options.check_length(inputs.length, f"{where}: ")
        if declared.trained:
            inputs.check_dropped(f"{where}: inputs")
        return cls(
            name=name,
            label=str(values.get("label", name)),
            architecture=architecture,
            inputs=inputs,
            model=model,
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
