"""Models whose answers are known: counts of a motif by strand, and numbers of random filters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gexpipe.extractors.sizes import Sizes

MOTIF = "GACTC"
CODES = {base: code for code, base in enumerate("ACGT")}


def reverse_complement(text: str) -> str:
    return text.translate(str.maketrans("ACGT", "TGCA"))[::-1]


class Motifs:
    """Motifs per bin, by the bin of their first base on their own strand; base counts beside."""

    device, recipe, width = "cpu", "motifs", 4

    def __init__(self, length: int = 1024, bins: int = 24) -> None:
        self.sizes = Sizes(length, 32, bins)
        names, pairs = ["m+", "m-", "both"], [1, 0, 2]
        described = ["CAGE of SIM1", "CAGE of SIM1", "ATAC"]
        self.tracks = pd.DataFrame(
            {"identifier": names, "description": described, "strand_pair": pairs}
        )

    def __call__(self, sequence: Tensor, bins: slice) -> tuple[Tensor, Tensor]:
        sizes, size = self.sizes, len(MOTIF)
        assert sequence.shape[1:] == (sizes.length, 4)
        hits = torch.zeros(*sequence.shape[:2], 3)
        for track, text in enumerate((MOTIF, reverse_complement(MOTIF))):
            found = torch.ones(len(sequence), sizes.length - size + 1)
            for place, base in enumerate(text):
                column = sequence[:, place : sizes.length - size + 1 + place, CODES[base]]
                found = found * column
            first = 0 if track == 0 else size - 1
            hits[:, first : first + found.shape[1], track] = found
        hits[..., 2] = hits[..., 0] + hits[..., 1]
        return self._binned(hits)[:, bins], self._binned(sequence)[:, bins]

    def _binned(self, values: Tensor) -> Tensor:
        cropped = (self.sizes.length - self.sizes.bins * self.sizes.bin) // 2
        middle = values[:, cropped : self.sizes.length - cropped]
        return middle.unflatten(1, (self.sizes.bins, self.sizes.bin)).sum(2)


class Filters:
    """Random filters over the whole window: every bin's answer depends on every base's place."""

    device, recipe = "cpu", "filters"

    def __init__(self, length: int = 512, width: int = 6) -> None:
        self.sizes, self.width = Sizes(length, 64, length // 64 - 2), width
        draw = np.random.default_rng(3)
        size = (self.sizes.bins, length, 4)
        self._tracks = torch.tensor(draw.random((*size, 2)), dtype=torch.float32)
        self._numbers = torch.tensor(draw.normal(size=(*size, width)), dtype=torch.float32)
        self.tracks = pd.DataFrame(
            {"identifier": ["f+", "f-"], "description": ["CAGE of SIM1"] * 2, "strand_pair": [1, 0]}
        )

    def __call__(self, sequence: Tensor, bins: slice) -> tuple[Tensor, Tensor]:
        both = self._tracks[bins], self._numbers[bins]
        tracks, numbers = (torch.einsum("blc,nlct->bnt", sequence, f) for f in both)
        return tracks, numbers


def not_a_factory() -> int:
    return 3
