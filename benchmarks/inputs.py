"""Random inputs of the methods, for measuring cost: nothing of them is real."""

from __future__ import annotations

import torch

from gexpipe.batch import Batch, Elements
from gexpipe.models import Inputs

SIGNALS = ("H3K27ac", "DNase", "contact")


def window_inputs(length: int, signals: tuple[str, ...]) -> Inputs:
    """What a method on windows is given, at the published number of gene features."""
    return Inputs(length, signals)


def random_windows(genes: int, length: int, signals: int, seed: int = 0) -> Batch:
    """A dense batch; the target is the mean of the signals plus one gene feature."""
    draw = torch.Generator().manual_seed(seed)
    none = torch.zeros(genes, length, dtype=torch.bool)
    strength = torch.rand(genes, 1, 1, generator=draw)
    features = torch.randn(genes, 9, generator=draw)
    return Batch(
        gene=torch.arange(genes),
        codes=torch.randint(0, 4, (genes, length), generator=draw, dtype=torch.uint8),
        signals=2 * strength * torch.rand(genes, signals, length, generator=draw),
        features=features,
        target=strength[:, 0, 0] + 0.3 * features[:, 0],
        peaks=none,
        blacklist=none,
    )


def neighbouring_genes(genes: int, slots: int, used: int, slot: int, step: int) -> Batch:
    """Genes in order, each with ``used`` elements of ``slots``, ``step`` of them new to it.

    ``step = used`` makes genes that share nothing, as in a shuffled training batch.
    """
    draw = torch.Generator().manual_seed(0)
    pool = torch.randint(0, 4, (used + step * genes, slot), generator=draw, dtype=torch.uint8)
    codes = torch.full((genes, slots, slot), 4, dtype=torch.uint8)
    features = torch.zeros(genes, slots, 3)
    for g in range(genes):
        codes[g, :used] = pool[g * step : g * step + used]
        features[g, 1:used] = torch.rand(used - 1, 3, generator=draw)
    none = torch.zeros(genes, 2, dtype=torch.bool)
    return Batch(
        gene=torch.arange(genes),
        codes=torch.zeros(genes, 2, dtype=torch.uint8),
        signals=torch.zeros(genes, 0, 2),
        features=torch.randn(genes, 9, generator=draw),
        target=torch.randn(genes, generator=draw),
        peaks=none,
        blacklist=none,
        elements=Elements(codes, features),
    )
