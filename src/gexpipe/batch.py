"""What a model is given: named tensors for a batch of genes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Batch", "Elements", "one_hot"]

N_CODE = 4  # A 0, C 1, G 2, T 3, N 4


def one_hot(codes: Tensor) -> Tensor:
    """One-hot DNA, ``(..., L)`` uint8 codes to ``(..., L, 4)`` float32; N (4) becomes all zeros."""
    table = torch.eye(5, 4, device=codes.device)
    return functional.embedding(codes.long(), table)


@dataclass(frozen=True)
class Elements:
    """EPInformer's inputs: the promoter in slot 0, then up to E distal elements, nearest first.

    Attributes
    ----------
    codes : Tensor
        (B, E + 1, slot) uint8 base codes, each element centred in its slot; an unused slot, and
        the flanks of a short element, are N (4), hence all-zero when one-hot.
    features : Tensor
        (B, E + 1, 3) float32: distance to the TSS in kb, log10(1 + contact), activity. Zero for
        the promoter and for unused slots.
    """

    codes: Tensor
    features: Tensor

    def to(self, device: torch.device | str) -> Elements:
        """Same elements on another device."""
        return Elements(self.codes.to(device), self.features.to(device))


@dataclass(frozen=True)
class Batch:
    """One batch of windows, compact as the loader delivers it; ``dense()`` expands on the device.

    B genes, L bases centred on the TSS (0-based: the window is ``[tss - L // 2, tss + L // 2)`` on
    the forward strand), S base-resolution signals.

    Attributes
    ----------
    gene : Tensor
        (B,) int64, row of each gene in the example table.
    codes : Tensor
        (B, L) uint8: A 0, C 1, G 2, T 3, N 4; N outside the chromosome.
    signals : Tensor
        (B, S, L) raw signal values, zero where the track has no data, in configured order. float16
        from the loader, float32 after ``dense()``.
    features : Tensor
        (B, F) float32 gene features: eight mRNA features, then promoter activity (F = 9).
    target : Tensor
        (B,) float32, for instance log10(1 + CAGE).
    peaks, blacklist : Tensor
        (B, L) bool masks: MACS3 peaks; blacklisted bases.
    contact : Tensor or None
        (B, n_bins) float32 contact of each bin with the TSS bin, already log10(1 + x); None when
        contact is not an input, or after ``dense()``.
    contact_start : Tensor or None
        (B,) int64 position of window base 0 relative to the first bin, bp; below 0 only where the
        bases before the first bin lie outside ``inside``.
    inside : Tensor or None
        (B, 2) int64 first and past-the-last base of the window that lies on the chromosome; contact
        is zero outside.
    contact_channel : int
        Where ``dense()`` inserts contact among the signals.
    resolution : int
        Width of a contact bin in bp.
    elements : Elements or None
        Present only for methods that ask for them.
    prompt : Tensor or None
        (B, T) int64 token ids of the genes' annotations, -1 in front of the shorter ones; present
        only for GTA.
    """

    gene: Tensor
    codes: Tensor
    signals: Tensor
    features: Tensor
    target: Tensor
    peaks: Tensor
    blacklist: Tensor
    contact: Tensor | None = None
    contact_start: Tensor | None = None
    inside: Tensor | None = None
    contact_channel: int = 2
    resolution: int = 5000
    elements: Elements | None = None
    prompt: Tensor | None = None

    def __len__(self) -> int:
        return int(self.gene.shape[0])

    def to(self, device: torch.device | str) -> Batch:
        """Same batch on another device."""
        moved: dict[str, Any] = {
            f.name: value.to(device)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor | Elements)
        }
        return replace(self, **moved)

    def dense(self) -> Batch:
        """Signals as float32 with contact expanded from bins to bases and put in its channel."""
        signals = self.signals.float()
        if self.contact is None or self.contact_start is None:
            return replace(self, signals=signals)
        length = self.codes.shape[1]
        position = torch.arange(length, device=signals.device)
        bins = (position[None, :] + self.contact_start[:, None]) // self.resolution  # (B, L)
        bins = bins.clamp(min=0, max=self.contact.shape[1] - 1)
        contact = torch.gather(self.contact.float(), 1, bins)
        if self.inside is not None:
            low, high = self.inside[:, :1], self.inside[:, 1:]
            contact = contact * ((position >= low) & (position < high))
        contact = contact[:, None, :]
        k = self.contact_channel
        signals = torch.cat([signals[:, :k], contact, signals[:, k:]], dim=1)
        return replace(self, signals=signals, contact=None, contact_start=None, inside=None)

    def sequence(self) -> Tensor:
        """One-hot DNA, (B, L, 4) float32, N as zeros."""
        return one_hot(self.codes)
