"""Changes of what a model is shown of one gene: elements removed or planted, tracks shifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gexpipe.batch import N_CODE, Batch

__all__ = ["MARGIN", "WIDTH", "Piece", "View"]

# An element with its marks: bp to either side of its middle.
WIDTH = 200
MARGIN = 50
_GC = (0.29, 0.21, 0.21, 0.29)  # A, C, G, T of the simulated genome


@dataclass(frozen=True)
class Piece:
    """A stretch of a window: (W,) base codes and (S, W) signals, contact left out as NaN."""

    codes: Tensor
    signals: Tensor


@dataclass
class View:
    """Dense batch whose rows are copies of one gene's window, each changed in its own way.

    Attributes
    ----------
    batch : Batch
        (B) copies; changed in place.
    marks : list of int
        Channels of the signals that are not contact.
    turned : bool
        Whether the window is that of the other strand.
    spans : ndarray
        (E, 2) first and past-the-last base, relative to the TSS, of the elements in the slots of a
        method that reads elements; empty for others.
    first : int
        Slot of the first element: 1 behind a promoter, 0 without.
    """

    batch: Batch
    marks: list[int]
    turned: bool
    spans: np.ndarray
    first: int = 1

    def __post_init__(self) -> None:
        signals = self.batch.signals
        # Between elements there is next to no signal: the median of a window is its background.
        self.ground = signals[0].float().median(dim=-1).values if signals.numel() else None

    def where(self, offset: int, margin: int = MARGIN) -> slice | None:
        """Bases of the window around a place (bp from the TSS); None where they are not in it."""
        length = self.batch.codes.shape[1]
        middle = length // 2 + (-offset if self.turned else offset)
        low, high = middle - WIDTH - margin, middle + WIDTH + margin
        return slice(low, high) if low >= 0 and high <= length else None

    def remove(self, row: int, offset: int, draw: np.random.Generator) -> None:
        """An element is not there: random bases, background marks, no peak, an empty slot."""
        where = self.where(offset)
        if where is not None:
            size = where.stop - where.start
            codes = draw.choice(4, size, p=_GC).astype(np.uint8)
            self.batch.codes[row, where] = torch.from_numpy(codes).to(self.batch.codes.device)
            self.batch.peaks[row, where] = False
            for channel in self.marks:
                self.silence(row, offset, channel)
        if self.batch.elements is not None:
            hit = (self.spans[:, 0] < offset + WIDTH) & (self.spans[:, 1] > offset - WIDTH)
            for slot in np.flatnonzero(hit) + self.first:
                if slot < self.batch.elements.codes.shape[1]:
                    self.batch.elements.codes[row, slot] = N_CODE
                    self.batch.elements.features[row, slot] = 0

    def silence(self, row: int, offset: int, channel: int) -> None:
        """One track has its background at an element."""
        where = self.where(offset)
        if where is not None and self.ground is not None:
            self.batch.signals[row, channel, where] = self.ground[channel]

    def cut(self, offset: int) -> Piece | None:
        """The bases and marks at an element of the unchanged window (row 0)."""
        where = self.where(offset)
        if where is None:
            return None
        return Piece(self.batch.codes[0, where].clone(), self.batch.signals[0, :, where].clone())

    def plant(self, row: int, offset: int, piece: Piece) -> None:
        """An element of another gene stands here; contact stays the gene's own."""
        where = self.where(offset)
        assert where is not None
        self.batch.codes[row, where] = piece.codes
        for channel in self.marks:
            self.batch.signals[row, channel, where] = piece.signals[channel]
        self.batch.peaks[row, where] = True

    def shift(self, row: int, by: int) -> None:
        """Every track that is measured along the window lies some bp beside its place."""
        for channel in self.marks:
            self.batch.signals[row, channel] = self.batch.signals[row, channel].roll(by)

    def swap(self, row: int, offset: int, other: Batch) -> None:
        """The marks of an element are those of another cell type's window (dense, one gene)."""
        where = self.where(offset)
        if where is not None:
            for channel in self.marks:
                self.batch.signals[row, channel, where] = other.signals[0, channel, where]

    def drop(self, row: int, channel: int) -> None:
        """A track is zero."""
        self.batch.signals[row, channel] = 0
