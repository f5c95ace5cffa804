"""The training loop: what happens in a step, when it validates, what it keeps.

Everything random is a function of (seed, step): the batch order, augmentation, and the noise that a
method draws. A run continued from ``last.ckpt`` therefore ends where an unbroken one ends.

Several processes (one a GPU) share the genes of each batch and average their gradients, each gene
with the same weight, and batch norm reads the genes of all: one process with the whole batch gives
the same, but for the order of sums. What a method draws in its forward pass (dropout, Gumbel noise)
also depends on the rank, so that methods with noise are equal in distribution only. Rank 0 decides
for all when to stop, and writes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gexpipe.batch import Batch
from gexpipe.data.batches import BatchOrder, Genes, batches, take
from gexpipe.errors import UserError
from gexpipe.log import get_logger, progress
from gexpipe.methods.settings import TrainOptions
from gexpipe.models.base import ExpressionModel
from gexpipe.models.blocks.shared_norm import share_batch_norm
from gexpipe.models.checkpoint import load_checkpoint, refuse_other_run, save_checkpoint
from gexpipe.prediction.genes import predict_rows
from gexpipe.train.fabric import Fabric
from gexpipe.train.history import Meter, write_history
from gexpipe.train.optimiser import learning_rate, make_optimiser

__all__ = ["Fit", "fit"]

log = get_logger(__name__)

SAVE_EVERY = 300.0  # seconds between copies of last.ckpt, beside one at each validation


class _Held:
    """A batch that Fabric leaves alone: it would cast what is inside a data class."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class _Loss(nn.Module):
    """Model and loss as one module, so that a wrapper for several GPUs sees one call."""

    def __init__(self, model: ExpressionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, held: _Held) -> dict[str, Tensor]:
        batch = held.batch
        output = self.model(batch)
        return {**self.model.loss(batch, output), "each": output.prediction}


@dataclass
class Fit:
    """State of a run, as ``last.ckpt`` holds it."""

    step: int = 0
    best_mse: float = math.inf
    best_score: float = math.inf
    best_step: int = -1
    seconds: float = 0.0
    meter: Meter = field(default_factory=Meter)
    history: list[dict[str, Any]] = field(default_factory=list)


def fit(
    fabric: Fabric,
    model: ExpressionModel,
    data: Genes,
    options: TrainOptions,
    identity: Mapping[str, Any],
    out: Path,
) -> Fit:
    """Train until ``options.steps``, from ``last.ckpt`` in ``out`` if it is there.

    Parameters
    ----------
    fabric : Fabric
        Device and precision.
    model : ExpressionModel
        Fresh weights; trained in place.
    data : Genes
        The data set.
    options : TrainOptions
        How to train.
    identity : mapping
        ``method``, ``fingerprint``, ``fold``, ``seed`` and ``start``; a checkpoint of another is
        refused.
    out : Path
        Gets best.ckpt (of the best validation, `TrainOptions.select`), last.ckpt and history.csv.

    Raises
    ------
    UserError
        For a loss or gradient that is not finite, naming the genes; for a foreign checkpoint.
    """
    return _Run(fabric, model, data, options, identity, out).go()


class _Run:
    def __init__(
        self,
        fabric: Fabric,
        model: ExpressionModel,
        data: Genes,
        options: TrainOptions,
        identity: Mapping[str, Any],
        out: Path,
    ) -> None:
        self.fabric, self.model, self.data = fabric, model, data
        self.options, self.identity, self.out = options, identity, out
        model.criterion = options.loss
        if fabric.world_size > 1:
            share_batch_norm(model)
        optimiser = make_optimiser(model, options)
        self.module, self.optimiser = fabric.setup(_Loss(model), optimiser)
        rows = data.split(identity["fold"], "train")
        least = max(2, fabric.world_size) if options.last_batch == "keep" else 0
        self.order = BatchOrder(rows, options.batch_size, identity["seed"], least)
        if self.order.size < fabric.world_size:
            found = f"{self.order.size} genes a batch for {fabric.world_size} GPUs"
            raise UserError(f"{found}, expected one for each at least", "train.batch_size")
        self.valid = data.split(identity["fold"], "valid")
        every = self.order.per_epoch / options.validations_per_epoch
        self.interval = max(1, round(every))
        self.state = Fit()
        self.best: dict[str, Tensor] = {}
        self.averaged: AveragedModel | None = None
        if options.average:
            mean = get_ema_multi_avg_fn(options.average)
            self.averaged = AveragedModel(model, multi_avg_fn=mean, use_buffers=True)
        self.precision = fabric.strategy.precision

    def go(self) -> Fit:
        self._resume()
        state, total = self.state, self.options.steps
        remaining = range(state.step, total)
        if not remaining or self._patience_is_over():
            self._finish()
            return state
        self.saved = started = time.monotonic()
        before = state.seconds
        bar = progress(remaining, str(self.identity["method"]["name"]), total, initial=state.step)
        source = batches(self.data, self.order, remaining, self.options.workers)
        self.module.train()
        for step in bar:
            begun = time.monotonic()
            batch = next(source)
            waited = time.monotonic() - begun
            loss = self._step(step, batch)
            state.step = step + 1
            state.meter.add(len(batch), loss, time.monotonic() - begun, waited)
            if state.step % self.interval == 0 or state.step == total:
                self._validate(bar)
                if self._patience_is_over():
                    log.info("no better validation since step %d", state.best_step)
                    break
            elif time.monotonic() - self.saved > SAVE_EVERY:
                self._save()
            state.seconds = before + time.monotonic() - started
        self._finish()
        return state

    def _patience_is_over(self) -> bool:
        """Whether the last ``patience`` validations brought nothing better."""
        patience, recent = self.options.patience, self.state.history
        return 0 < patience < len(recent) and self.state.best_step < recent[-patience]["step"]

    def _finish(self) -> None:
        """Write everything once more: a workflow may have removed files of a broken run."""
        self._save()
        self._write_best()

    def _step(self, step: int, batch: Batch) -> float:
        """One optimiser step; the loss averaged over the batch, of all processes."""
        seed = int(np.random.SeedSequence([self.identity["seed"], step]).generate_state(1)[0])
        torch.manual_seed(seed + self.fabric.global_rank)
        rate = learning_rate(step, self.options)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        total = 0.0
        parts = self._parts(batch)
        for part, share in parts:
            dense = part.to(self.fabric.device).dense()
            terms = self.module(_Held(dense))
            value = float(terms["total"].detach())
            if not math.isfinite(value):
                self._stop(step, part, terms["each"].detach())
            with self.fabric.no_backward_sync(self.module, enabled=part is not parts[-1][0]):
                self.fabric.backward(terms["total"] * share)
            total += value * share
        clip = self.options.gradient_clip or math.inf
        norm = self.fabric.clip_gradients(
            self.module, self.optimiser, max_norm=clip, error_if_nonfinite=False
        )
        scaled = bool(self.precision.state_dict())  # fp16: its scaler skips a step that overflows
        if norm is not None and not scaled and not math.isfinite(float(norm)):
            self._stop(step, batch, None)
        self.optimiser.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)
        return self._mean(total)

    def _mean(self, value: float) -> float:
        """Mean over the processes: their shares are weighted so that it is that of the batch."""
        if self.fabric.world_size == 1:
            return value
        mean = self.fabric.all_reduce(torch.tensor(value), reduce_op="mean")
        return float(cast(Tensor, mean))

    def _parts(self, batch: Batch) -> list[tuple[Batch, float]]:
        """One process' share of a batch, in ``accumulate`` parts, with their weights.

        As many parts in each process, and weights that the mean over processes, which gradients
        are, turns into one of genes: also where a batch cannot be shared evenly.
        """
        rank, world = self.fabric.global_rank, self.fabric.world_size
        mine = np.array_split(np.arange(len(batch)), world)[rank]
        parts = min(self.options.accumulate, len(batch) // world)
        if parts * world == 1:
            return [(batch, 1.0)]
        pieces = np.array_split(mine, parts)
        return [(take(batch, p), world * len(p) / len(batch)) for p in pieces]

    def _stop(self, step: int, batch: Batch, each: Tensor | None) -> None:
        genes = batch.gene.cpu()
        if each is not None and not torch.isfinite(each).all():
            genes = genes[~torch.isfinite(each).cpu()]
        names = ", ".join(self.data.gene_ids[int(g)] for g in genes)
        what = "loss" if each is not None else "gradient"
        raise UserError(f"the {what} is not finite at step {step}; genes: {names}", self.out)

    @property
    def shown(self) -> ExpressionModel:
        """What is validated and kept: the model, or the average of its weights."""
        return self.model if self.averaged is None else cast(ExpressionModel, self.averaged.module)

    def _validate(self, bar: Any) -> None:
        state = self.state
        observed, predicted = predict_rows(
            self.shown, self.data, self.valid, self.options.batch_size, self.options.workers,
            self.fabric.autocast(),
        )  # fmt: skip
        mse = float(np.mean((observed.astype(np.float64) - predicted) ** 2))
        # Processes differ by rounding; what is best, and when to stop, is one decision.
        mse, r2 = self.fabric.broadcast((mse, _r2(observed, predicted)))
        score = mse if self.options.select == "mse" else -r2
        epoch, rate = state.step / self.order.per_epoch, learning_rate(state.step - 1, self.options)
        state.history.append(state.meter.row(state.step, epoch, (mse, r2), rate))
        state.meter = Meter()
        if score < state.best_score:
            state.best_score, state.best_mse, state.best_step = score, mse, state.step
            self.best = {k: v.cpu().clone() for k, v in self.shown.state_dict().items()}
            self._write_best()
        bar.set_postfix(valid=f"{mse:.4f}", best=f"{state.best_score:.4f}", refresh=False)
        if self.fabric.is_global_zero:
            write_history(self.out / "history.csv", state.history)
        self._save()

    def _save(self) -> None:
        """Write last.ckpt: all that continuing needs, the best weights so far included."""
        self.saved = time.monotonic()
        more = {
            "optimiser": self.optimiser.state_dict(),
            "precision": self.precision.state_dict(),
            "best": self.best,
            "averaged": self.averaged.state_dict() if self.averaged is not None else None,
        }
        self._write("last.ckpt", {"model": self.model.state_dict(), **more})

    def _write_best(self) -> None:
        self._write("best.ckpt", {"model": self.best})
        if self.fabric.is_global_zero:
            write_history(self.out / "history.csv", self.state.history)

    def _write(self, name: str, more: Mapping[str, Any]) -> None:
        if not self.fabric.is_global_zero:
            return
        s = self.state
        progressed = {
            "step": s.step,
            "best_mse": s.best_mse,
            "best_score": s.best_score,
            "best_step": s.best_step,
            "seconds": s.seconds,
            "meter": s.meter.state(),
            "history": s.history,
        }
        save_checkpoint(self.out / name, {**self.identity, **progressed, **more})

    def _resume(self) -> None:
        path = self.out / "last.ckpt"
        if not path.exists():
            return
        content = load_checkpoint(path)
        refuse_other_run(path, content, self.identity)
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.precision.load_state_dict(content["precision"])
        self.best = content["best"]
        if self.averaged is not None:
            self.averaged.load_state_dict(content["averaged"])
        kept = ("step", "best_mse", "best_score", "best_step", "seconds", "history")
        self.state = Fit(meter=Meter(**content["meter"]), **{k: content[k] for k in kept})
        log.info("continuing from step %d of %d", self.state.step, self.options.steps)


def _r2(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Squared Pearson correlation; 0 where either is constant."""
    if not (np.ptp(observed) and np.ptp(predicted)):
        return 0.0
    return float(np.corrcoef(observed.astype(np.float64), predicted)[0, 1] ** 2)
