"""What a model says of genes: windows in the gene's direction, bins at the TSS, both strands."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.extractors.contract import Extractor
from gexpipe.extractors.settings import ExtractorSettings
from gexpipe.extractors.sizes import Layout
from gexpipe.windows.arrays import window_of
from gexpipe.windows.layout import N_CODE

__all__ = ["ask", "gene_window", "one_hot"]

_COMPLEMENT = np.array([3, 2, 1, 0, N_CODE], np.uint8)
_CAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def gene_window(chromosome: np.ndarray, tss: int, minus: bool, layout: Layout) -> np.ndarray:
    """(length,) uint8 codes of a gene's window in the gene's direction, N off the chromosome.

    Parameters
    ----------
    chromosome : ndarray
        uint8 codes of the forward strand.
    tss : int
        0-based; it becomes index ``layout.tss``.
    minus : bool
        Whether the gene lies on the minus strand: then the reverse complement is given.
    """
    if not minus:
        return window_of(chromosome, tss - layout.tss, layout.length, N_CODE)
    start = tss + layout.tss - layout.length + 1
    return _COMPLEMENT[window_of(chromosome, start, layout.length, N_CODE)[::-1]]


def one_hot(codes: np.ndarray, device: str) -> Tensor:
    """(B, L) codes -> (B, L, 4) float32, A, C, G, T; an N is zeros."""
    table = torch.eye(N_CODE + 1, 4, device=device)
    return table[torch.from_numpy(codes).to(device).long()]


@torch.inference_mode()
def ask(
    extractor: Extractor, codes: np.ndarray, layout: Layout, said: ExtractorSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Tracks summed, and embeddings averaged, over the bins at the TSS of some genes.

    Parameters
    ----------
    codes : ndarray
        (B, length) uint8, in the genes' direction (`gene_window`).

    Returns
    -------
    tracks : ndarray
        (B, tracks) float32, in the genes' direction: what is on ``+`` is on the gene's strand. With
        ``reverse_complement``, the mean of both ways to read the DNA.
    embedding : ndarray
        (B, width) float32.
    """
    sequence = one_hot(codes, extractor.device)
    tracks, embedding = _read(extractor, sequence, layout.first, layout.count, said)
    if said.reverse_complement:
        turned = sequence.flip(1, 2)
        other, mirrored = _read(extractor, turned, layout.mirrored, layout.count, said)
        pairs = torch.tensor(extractor.tracks["strand_pair"].tolist(), dtype=torch.long)
        tracks, embedding = (tracks + other[:, pairs]) / 2, (embedding + mirrored) / 2
    for what, found in (("tracks", tracks), ("embedding", embedding)):
        if not torch.isfinite(found).all():
            raise UserError(f"{what} that are no finite numbers; {said.precision}", said.model)
    return tracks.float().numpy(), embedding.float().numpy()


def _read(
    extractor: Extractor, sequence: Tensor, first: int, count: int, said: ExtractorSettings
) -> tuple[Tensor, Tensor]:
    """(B, tracks) sums and (B, width) means over bins, float64 on the CPU."""
    kind = torch.device(extractor.device).type
    cast: Any = nullcontext()
    if said.precision in _CAST:
        cast = torch.autocast(kind, _CAST[said.precision])
    with cast:
        tracks, embedding = extractor(sequence, slice(first, first + count))
    size = len(sequence)
    summed = _expect(tracks, (size, count, len(extractor.tracks)), "tracks", said.model).sum(1)
    mean = _expect(embedding, (size, count, extractor.width), "embedding", said.model).mean(1)
    return summed, mean


def _expect(found: Tensor | None, shape: tuple[int, int, int], what: str, model: str) -> Tensor:
    """What was promised, float64 on the CPU; without a last axis it may be left out."""
    if found is None and not shape[-1]:
        return torch.zeros(shape, dtype=torch.float64)
    if found is None or tuple(found.shape) != shape:
        given = "nothing" if found is None else tuple(found.shape)
        raise UserError(f"it gave {given} as {what}, expected {shape}", model)
    return found.double().cpu()
