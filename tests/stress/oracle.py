"""A small world in memory, a model that computes its truth, and models that are misled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from gexpipe.batch import Batch
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import ExpressionModel, Output
from gexpipe.stress.truth import Sites, Truth

LENGTH, BIN = 4000, 200
SLOTS = [[720, 820], [1200, 1300], [1650, 1750]]
MODEL = {
    "scale": {"near": 2.0, "mid": 3.0}, "slots": SLOTS, "logic": ["max", "sum", "rivals"],
    "by_contact": True, "bin": BIN, "cells": ["A", "B"],
    "tracks": {"Copy": "cause", "Echo": "effect"},
}  # fmt: skip
SIGNALS = ["H3K27ac", "DNase", "contact", "Copy", "Echo"]
TSS = 100_000  # first base of its contact bin


@dataclass(frozen=True)
class Options:
    """None."""


class _Model(ExpressionModel):
    Options = Options
    reads = "windows"
    scores = ("perturbation", "saliency")
    reading = 0  # channel that strength is read from
    contact = True

    def __init__(self, options: Options, inputs: object) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def strengths(self, batch: Batch) -> torch.Tensor:
        """(B, slots, sides): the strongest mark of each slot times its contact."""
        middle, found = LENGTH // 2, []
        for low, high in SLOTS:
            for side in (-1, 1):
                a, b = sorted((side * (low - 170), side * (high + 170)))
                track = batch.signals[:, self.reading, middle + a : middle + b]
                place = middle + side * (low + high) // 2
                contact = 10 ** batch.signals[:, 2, place] - 1 if self.contact else 0.2
                found.append(track.amax(dim=1) * contact)
        return torch.stack(found, dim=1).view(len(batch), len(SLOTS), 2)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        x, y = self.strengths(batch).unbind(dim=2)
        rivals = (x * x + y * y) / (x + y).clamp(min=1e-9)
        levels = torch.stack(
            [2 * torch.maximum(x, y)[:, 0], 3 * (x + y)[:, 1], 3 * rivals[:, 2]], dim=1
        )
        alone = batch.features[:, 0] > 0
        return Output(1.0 + torch.where(alone, torch.zeros(1), levels.sum(dim=1)))


class Oracle(_Model):
    """Knows everything."""


class Misled(_Model):
    """Reads what is open instead of what is acetylated, and nothing of contact."""

    reading, contact = 1, False


class Copier(_Model):
    """Reads the copy instead of the cause."""

    reading = 3


class Echoing(_Model):
    """Reads what follows expression."""

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        return Output(batch.signals[:, 4].mean(dim=1) + 0.01 * super().forward(batch).prediction)


class Deaf(_Model):
    """Reads the gene features alone."""

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        return Output(batch.features[:, 1])


def config(name: str, signals: list[str] | None = None) -> MethodConfig:
    inputs = {"length": LENGTH, "signals": SIGNALS if signals is None else signals}
    place = f"tests.stress.oracle:{name}"
    return MethodConfig.from_mapping({"name": "own", "architecture": place, "inputs": inputs})


class World:
    """Genes of two cell types, with their truth and their windows."""

    def __init__(self, genes: int = 60, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.ids = [f"G{i}" for i in range(genes)]
        special = np.where(np.arange(genes) % 8 == 7, "promoter_only", "")
        self.sites: dict[str, dict[str, Sites]] = {"A": {}, "B": {}}
        curves: dict[str, np.ndarray] = {}
        for gene, alone in zip(self.ids, special, strict=True):
            curve = rng.uniform(0.1, 0.4, 25)
            curves[gene] = curve
            slots, offsets, acts, decoys = [], [], [], []
            for slot, (low, high) in enumerate(SLOTS):
                for side in (-1, 1):
                    # A contact bin holds the whole slot, so that its middle says the contact.
                    offsets.append(side * int(rng.integers(low, high + 1)))
                    here = (TSS + np.array([side * low, side * high])) // BIN - TSS // BIN + 12
                    curve[here] = curve[here[0]]
                    slots.append(slot)
                    kind = rng.random()
                    acts.append(kind < 0.55)
                    decoys.append(0.55 <= kind < 0.8)
            present = np.array(acts) | np.array(decoys)
            for cell in ("A", "B"):
                activity = np.where(acts, rng.uniform(0.3, 1.5, 6), 0.0)
                activity *= rng.random(6) < 0.85
                kinds = np.where(decoys, "decoy", np.where(activity > 0, "acting", "silent"))
                if alone:
                    kinds = np.where(kinds == "acting", "idle", kinds)
                order = np.flatnonzero(present)
                self.sites[cell][gene] = _Marked(
                    np.array(offsets)[order],
                    np.array(slots)[order],
                    np.where(kinds == "acting", activity, 0.0)[order],
                    kinds.astype(object)[order],
                    np.where(np.array(decoys), 1.0, activity)[order],
                )
        table = pd.DataFrame(
            {"gene_id": self.ids, "chrom": "chr1", "tss": TSS, "strand": "+", "fold_11": "test"}
        )
        self.table = table
        genes_table = table.assign(special=special).set_index("gene_id")
        self.truths = {
            cell: Truth(cell, MODEL, genes_table, dict(self.sites[cell]), curves)
            for cell in ("A", "B")
        }

    def data(self, cell: str, signals: list[str] | None = None) -> Data:
        return Data(self, cell, SIGNALS if signals is None else signals)


@dataclass(frozen=True)
class _Marked(Sites):
    """Sites with what is seen of them."""

    seen: np.ndarray = None  # type: ignore[assignment]


class Data:
    """The windows of one cell type: a `gexpipe.data.batches.Genes`."""

    fingerprint = "oracle"

    def __init__(self, world: World, cell: str, signals: list[str]) -> None:
        self.world, self.cell, self.names, self.table = world, cell, signals, world.table

    @property
    def gene_ids(self) -> list[str]:
        return self.world.ids

    def split(self, fold: int, part: str) -> np.ndarray:
        return np.arange(len(self.table))

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        genes = [self.world.ids[row] for row in rows]
        truth = self.world.truths[self.cell]
        tracks = {name: np.zeros((len(rows), LENGTH), np.float32) for name in SIGNALS}
        contact, features = [], np.zeros((len(rows), 9), np.float32)
        for i, gene in enumerate(genes):
            sites = self.world.sites[self.cell][gene]
            for offset, kind, seen in zip(sites.offset, sites.kind, sites.seen, strict=True):
                where = slice(LENGTH // 2 + offset - 20, LENGTH // 2 + offset + 20)
                tracks["DNase"][i, where] = seen
                if kind in ("acting", "idle"):
                    tracks["H3K27ac"][i, where] = tracks["Copy"][i, where] = seen
            features[i, 0] = truth.genes.at[gene, "special"] == "promoter_only"
            features[i, 1] = truth.level(gene, sites)
            tracks["Echo"][i] = features[i, 1]
            contact.append(np.log10(1 + truth.curves[gene]))
        target = 1 + features[:, 1]
        used = [name for name in self.names if name != "contact"]
        batch = Batch(
            gene=torch.as_tensor(np.asarray(rows)),
            codes=torch.zeros(len(rows), LENGTH, dtype=torch.uint8),
            signals=torch.from_numpy(np.stack([tracks[name] for name in used], axis=1)),
            features=torch.from_numpy(features),
            target=torch.from_numpy(target),
            peaks=torch.zeros(len(rows), LENGTH, dtype=torch.bool),
            blacklist=torch.zeros(len(rows), LENGTH, dtype=torch.bool),
            contact=torch.tensor(np.stack(contact), dtype=torch.float32),
            # Bin 12 begins at the TSS.
            contact_start=torch.full((len(rows),), 12 * BIN - LENGTH // 2),
            inside=torch.tensor([[0, LENGTH]] * len(rows)),
            contact_channel=2,
            resolution=BIN,
        )
        return batch if "contact" in self.names else replace(batch, contact=None)
