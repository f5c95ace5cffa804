"""Whether a model keeps what training, tables and predictions rely on; each answer is one line."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexpipe.batch import Batch, Elements
from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.base import ExpressionModel, Output
from gexpipe.models.checkpoint import load_model, save_checkpoint
from gexpipe.models.registry import build, parameters

__all__ = ["Answer", "check_contract", "example_batch"]

GENES = 3


@dataclass(frozen=True)
class Answer:
    """What one check found.

    Attributes
    ----------
    what : str
        What was asked.
    kept : bool or None
        None for something that is only told.
    found : str
        One line.
    """

    what: str
    kept: bool | None
    found: str


def example_batch(config: MethodConfig, genes: int = GENES, seed: int = 0) -> Batch:
    """A dense batch of drawn windows as a method is given them: (genes, L) codes, (genes, S, L).

    Elements, where it reads them: five slots, of the options' ``slot`` bases.
    """
    draw = torch.Generator().manual_seed(seed)
    inputs = config.inputs
    length, tracks = inputs.length, len(inputs.signals)
    signals = torch.rand(genes, tracks, length, generator=draw)
    elements = None
    if inputs.elements:
        slot = int(getattr(config.options, "slot", 2000))
        codes = torch.randint(0, 4, (genes, 6, slot), generator=draw, dtype=torch.uint8)
        elements = Elements(codes, torch.rand(genes, 6, 3, generator=draw))
    return Batch(
        gene=torch.arange(genes),
        codes=torch.randint(0, 4, (genes, length), generator=draw, dtype=torch.uint8),
        signals=signals,
        features=torch.rand(genes, inputs.features, generator=draw),
        target=torch.rand(genes, generator=draw),
        peaks=signals[:, 0] > 0.5 if tracks else torch.zeros(genes, length, dtype=torch.bool),
        blacklist=torch.zeros(genes, length, dtype=torch.bool),
        elements=elements,
    )


def check_contract(config: MethodConfig) -> Iterator[Answer]:
    """Answers, one after the other, about a method that reads windows.

    Parameters
    ----------
    config : MethodConfig
        Of a network on windows (or on promoter and elements).

    Yields
    ------
    Answer
        Once the model cannot be built or gives no prediction, nothing more is asked.

    Raises
    ------
    UserError
        For a method that reads something else.
    """
    declared = config.declared
    if not declared.trained or declared.reads != "windows":
        what = f"it reads {declared.reads}; networks on windows are checked"
        raise UserError(what, f"method {config.name}")
    batch = example_batch(config)
    try:
        torch.manual_seed(0)
        model = build(config.architecture, config.model, config.inputs, config.name)
        model.criterion = config.train.loss
    except Exception as error:  # whatever another's code raises is the answer
        yield Answer("it is built", False, _said(error))
        return
    yield Answer("it is built", True, f"{parameters(model):,} parameters")
    shape = _asked("predictions of shape (B,)", lambda: _shape(model, batch))
    yield shape
    if not shape.kept:
        return
    # Before anything larger is held, so that the memory said is its own.
    yield _asked("one training step, one gene", lambda: _cost(model, config))
    model.to("cpu")
    questions: list[tuple[str, Callable[[], str]]] = [
        ("loss and gradients are finite", lambda: _gradients(model, batch)),
        ("windows without a base (N) are finite", lambda: _finite(model, _without_bases(batch))),
        ("genes without a signal are finite", lambda: _finite(model, _without_signals(batch))),
        ("a gene's prediction is its own", lambda: _alone(model, batch)),
        ("the same input gives the same bits", lambda: _same(model, batch)),
        ("the same seed gives the same weights", lambda: _same_weights(config)),
        ("a checkpoint gives the same bits", lambda: _restored(model, config, batch)),
    ]
    for what, ask in questions:
        yield _asked(what, ask)
    for what, factor in (("half the window", 0.5), ("twice the window", 2.0)):
        told = _asked(what, lambda factor=factor: _other_length(model, config, factor))  # type: ignore[misc]
        yield replace(told, kept=None)


class _Broken(Exception):
    """A promise that is not kept."""


def _asked(what: str, ask: Callable[[], str]) -> Answer:
    try:
        return Answer(what, True, ask())
    except Exception as error:  # whatever another's code raises is the answer
        return Answer(what, False, _said(error))


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    known = isinstance(error, _Broken | UserError)
    return text if known else f"{type(error).__name__}: {text}"


def _predict(model: ExpressionModel, batch: Batch) -> Tensor:
    model.eval()
    with torch.no_grad():
        return model(batch).prediction


def _shape(model: ExpressionModel, batch: Batch) -> str:
    model.eval()
    with torch.no_grad():
        output = model(batch)
    if not isinstance(output, Output):
        raise _Broken(f"forward gives a {type(output).__name__}, expected gexpipe.models.Output")
    found = tuple(output.prediction.shape)
    if found != (len(batch),):
        hint = "; squeeze the last axis" if found == (len(batch), 1) else ""
        raise _Broken(f"{found} for {len(batch)} genes, expected ({len(batch)},){hint}")
    if not torch.isfinite(output.prediction).all():
        raise _Broken("not finite")
    return str(found)


def _gradients(model: ExpressionModel, batch: Batch) -> str:
    model.train()
    model.zero_grad()
    loss = model.loss(batch, model(batch))["total"]
    if loss.ndim or not torch.isfinite(loss):
        raise _Broken(f"the loss is {loss.detach().tolist()}")
    loss.backward()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for name, parameter in trained.items():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            raise _Broken(f"the gradient of {name} is not finite")
    idle = [name for name, p in trained.items() if p.grad is None]
    if len(idle) == len(trained):
        raise _Broken("no parameter gets a gradient")
    left = f"; no gradient: {', '.join(idle[:3])}" if idle else ""
    return f"loss {float(loss.detach()):.4f}{left}"


def _without_bases(batch: Batch) -> Batch:
    elements = batch.elements
    if elements is not None:
        elements = Elements(torch.full_like(elements.codes, 4), torch.zeros_like(elements.features))
    return replace(batch, codes=torch.full_like(batch.codes, 4), elements=elements)


def _without_signals(batch: Batch) -> Batch:
    none = torch.zeros_like(batch.peaks)
    return replace(batch, signals=torch.zeros_like(batch.signals), peaks=none)


def _finite(model: ExpressionModel, batch: Batch) -> str:
    found = _predict(model, batch)
    if not torch.isfinite(found).all():
        raise _Broken(f"{found.tolist()}")
    return _gradients(model, batch)


def _alone(model: ExpressionModel, batch: Batch) -> str:
    together = _predict(model, batch)
    alone = torch.cat([_predict(model, _gene(batch, row)) for row in range(len(batch))])
    apart = float((together - alone).abs().max())
    if apart > 1e-4 * (1 + float(together.abs().max())):
        raise _Broken(f"alone and in a batch its predictions differ by {apart:.2g}")
    return f"alone and in a batch within {apart:.1g}"


def _gene(batch: Batch, row: int) -> Batch:
    names = ("gene", "codes", "signals", "features", "target", "peaks", "blacklist")
    cut: dict[str, Any] = {name: getattr(batch, name)[row : row + 1] for name in names}
    if batch.elements is not None:
        codes, features = batch.elements.codes, batch.elements.features
        cut["elements"] = Elements(codes[row : row + 1], features[row : row + 1])
    return replace(batch, **cut)


def _same(model: ExpressionModel, batch: Batch) -> str:
    if not torch.equal(_predict(model, batch), _predict(model, batch)):
        raise _Broken("two predictions differ; is something drawn in eval mode?")
    return "yes"


def _same_weights(config: MethodConfig) -> str:
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        model = build(config.architecture, config.model, config.inputs, config.name)
        states.append(model.state_dict())
    for name, value in states[0].items():
        if not torch.equal(value, states[1][name]):
            raise _Broken(f"{name} differs; draw from torch's generator alone")
    return "yes"


def _restored(model: ExpressionModel, config: MethodConfig, batch: Batch) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ckpt"
        save_checkpoint(path, {"model": model.state_dict(), "method": config.as_mapping()})
        size = path.stat().st_size
        other = load_model(path)[0]
    if not torch.equal(_predict(model, batch), _predict(other, batch)):
        raise _Broken("predictions differ: what is not in state_dict() is lost")
    return f"{size / 1e6:.1f} MB"


def _other_length(model: ExpressionModel, config: MethodConfig, factor: float) -> str:
    length = max(2, int(config.inputs.length * factor))
    inputs = replace(config.inputs, length=length)
    found = _predict(model, example_batch(replace(config, inputs=inputs), 1))
    if not torch.isfinite(found).all():
        raise _Broken("not finite")
    return f"{length:,} bp can be predicted from"


def _cost(model: ExpressionModel, config: MethodConfig) -> str:
    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    model.to(device)
    batch = example_batch(config, 1).to(device)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    model.train()
    model.loss(batch, model(batch))["total"].backward()
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = torch.cuda.max_memory_allocated() if cuda else after * 1024
    more = "" if cuda else f" ({(after - before) / 1e3:.0f} MB more than before)"
    return f"{seconds:.2f} s a gene on {device}, peak {memory / 1e9:.2f} GB{more}"
