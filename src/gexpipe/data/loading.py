"""What can be done to a batch on its way to a model: shift, strand, dropped signals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gexpipe.batch import Batch, Elements
from gexpipe.errors import UserError
from gexpipe.methods.settings import STRANDS

__all__ = ["Loading", "augment", "drop_signals", "reverse_complement", "shift_contact"]

# Code -> code of the complement: A-T, C-G, N-N.
_COMPLEMENT = torch.tensor([3, 2, 1, 0, 4], dtype=torch.uint8)


@dataclass(frozen=True)
class Loading:
    """How windows are given to a method.

    Attributes
    ----------
    contact_shift : bool
        Contact as the published loader gives it: in windows that leave their chromosome, shifted
        against DNA (`shift_contact`). Otherwise contact is where it lies.
    strand : str
        ``forward``, or ``gene``: windows of genes on the minus strand are reverse-complemented.
    reverse_complement : float
        Probability that training reverse-complements a window, 0-1.
    drop : tuple of str
        Signals given as zeros, in training and evaluation.
    signal_dropout : float
        Probability that training gives a signal of a gene as zeros, 0-1.
    """

    contact_shift: bool = False
    strand: str = "forward"
    reverse_complement: float = 0.0
    drop: tuple[str, ...] = ()
    signal_dropout: float = 0.0

    def check(self, signals: list[str]) -> None:
        """Raise a `UserError` for values that mean nothing, given the signals that are read."""
        if self.strand not in STRANDS:
            raise UserError(
                f"{self.strand!r}, expected {' or '.join(STRANDS)}", "method: inputs.strand"
            )
        for key in ("reverse_complement", "signal_dropout"):
            if not 0 <= getattr(self, key) <= 1:
                raise UserError(f"{getattr(self, key)}, expected 0 to 1", f"method: inputs.{key}")
        for name in self.drop:
            if name not in signals:
                known = ", ".join(signals) or "none"
                raise UserError(f"no signal {name!r} is read ({known})", "method: inputs.drop")


def augment(
    batch: Batch,
    loading: Loading,
    names: list[str],
    minus: np.ndarray,
    draw: np.random.Generator | None,
) -> Batch:
    """Everything `Loading` asks for.

    Parameters
    ----------
    batch : Batch
        As stored, not dense.
    loading : Loading
        What to do.
    names : list of str
        Signals in the model's order, contact among them.
    minus : ndarray
        (B,) bool, genes on the minus strand.
    draw : Generator or None
        Random numbers of this training step; None when evaluating, which draws nothing.
    """
    if loading.contact_shift:
        batch = shift_contact(batch)
    dropped = np.array([name in loading.drop for name in names], dtype=bool)  # also of no signals
    zero = np.tile(dropped, (len(batch), 1))
    turn = minus if loading.strand == "gene" else np.zeros(len(batch), bool)
    if draw is not None:
        # Both are drawn always, so that one option does not change what another one draws.
        turn = turn ^ (draw.random(len(batch)) < loading.reverse_complement)
        zero = zero | (draw.random(zero.shape) < loading.signal_dropout)
    if zero.any():
        batch = drop_signals(batch, torch.from_numpy(zero))
    return reverse_complement(batch, torch.from_numpy(turn)) if turn.any() else batch


def shift_contact(batch: Batch) -> Batch:
    """Contact against DNA as the published loader has it.

    It pads a stored vector, which has its padding already, by that of the window once more, and
    crops the middle: contact is shifted by half the difference of the paddings on the two sides,
    and not at all in windows that lie on their chromosome.
    """
    if batch.contact_start is None or batch.inside is None:
        return batch
    length = batch.codes.shape[1]
    left = batch.inside[:, 0].clamp(min=0)
    right = (length - batch.inside[:, 1]).clamp(min=0)
    shift = (left + right) // 2 - left
    return replace(
        batch, contact_start=batch.contact_start + shift, inside=batch.inside - shift[:, None]
    )


def drop_signals(batch: Batch, zero: Tensor) -> Batch:
    """Zero signals, ``zero`` (B, S) bool in the model's order, contact among them."""
    contact, others = batch.contact, list(range(zero.shape[1]))
    if contact is not None:
        others.remove(batch.contact_channel)
        contact = contact * ~zero[:, batch.contact_channel, None]
    signals = torch.where(zero[:, others, None], 0, batch.signals)
    return replace(batch, signals=signals.to(batch.signals.dtype), contact=contact)


def reverse_complement(batch: Batch, which: Tensor) -> Batch:
    """The same bases read from the other strand, for the genes ``which`` (B,) bool.

    Index i becomes L - 1 - i, so that the TSS moves from L // 2 to L // 2 - 1 of an even window.
    Signals, masks and contact turn with the bases; each slot of EPInformer's elements turns in
    place.
    """

    def turned(values: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (values.dim() - 1)
        return torch.where(which.view(shape), values.flip(-1), values)

    def complemented(codes: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (codes.dim() - 1)
        return torch.where(which.view(shape), _COMPLEMENT[codes.long()].flip(-1), codes)

    length = batch.codes.shape[1]
    changed: dict[str, Tensor | Elements] = {
        "codes": complemented(batch.codes),
        "signals": turned(batch.signals),
        "peaks": turned(batch.peaks),
        "blacklist": turned(batch.blacklist),
    }
    if batch.contact is not None and batch.contact_start is not None:
        span = batch.contact.shape[1] * batch.resolution
        start = span - batch.contact_start - length
        changed["contact"] = turned(batch.contact)
        changed["contact_start"] = torch.where(which, start, batch.contact_start)
    if batch.inside is not None:
        inside = torch.where(which[:, None], length - batch.inside.flip(1), batch.inside)
        changed["inside"] = inside
    if batch.elements is not None:
        elements = batch.elements
        changed["elements"] = Elements(complemented(elements.codes), elements.features)
    return replace(batch, **changed)  # type: ignore[arg-type]
