"""A data set in memory with what training needs of one: made from a seed, learnable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gexpipe.batch import Batch, Elements
from gexpipe.methods.declared import declaration
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.models.checkpoint import save_checkpoint

SIGNALS = ["H3K27ac", "DNase", "contact"]


class FakeData:
    """Genes whose target is the mean signal near the TSS, plus one gene feature."""

    def __init__(
        self, genes: int = 40, length: int = 256, signals: int = 3, slot: int = 0, seed: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        parts = np.array(["train"] * (genes - genes // 4 * 2) + ["valid", "test"] * (genes // 4))
        self.table = pd.DataFrame(
            {
                "gene_id": [f"G{i}" for i in range(genes)],
                "symbol": [f"S{i}" for i in range(genes)],
                "chrom": "chr1",
                "fold_11": parts,
            }
        )
        self.fingerprint = f"fake-{genes}-{length}-{seed}"
        self.codes = torch.from_numpy(rng.integers(0, 5, (genes, length), dtype=np.uint8))
        strength = rng.gamma(1.0, 1.0, (genes, 1, 1)).astype(np.float32)
        noise = rng.gamma(1.0, 1.0, (genes, 3, length)).astype(np.float32)
        self.signals = torch.from_numpy(strength * noise)[:, :signals]
        self.features = torch.from_numpy(rng.standard_normal((genes, 9)).astype(np.float32))
        self.target = torch.from_numpy(strength[:, 0, 0]) + 0.3 * self.features[:, 0]
        self.slot = slot
        if slot:
            self.slots = torch.from_numpy(rng.integers(0, 4, (genes, 5, slot), dtype=np.uint8))
            self.slots[:, 3:] = 4

    @property
    def gene_ids(self) -> list[str]:
        return self.table["gene_id"].tolist()

    def split(self, fold: int, part: str) -> np.ndarray:
        return np.flatnonzero(self.table[f"fold_{fold}"] == part)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        index = torch.as_tensor(np.asarray(rows))
        none = torch.zeros(len(rows), self.codes.shape[1], dtype=torch.bool)
        elements = None
        if self.slot:
            elements = Elements(
                self.slots[index], self.target[index][:, None, None].repeat(1, 5, 3)
            )
        return Batch(
            gene=index,
            codes=self.codes[index],
            signals=self.signals[index],
            features=self.features[index],
            target=self.target[index],
            peaks=self.signals[index, 0] > 0.5 if self.signals.shape[1] else none,
            blacklist=none,
            elements=elements,
        )


SMALL = {"d_model": 16, "layers": 1, "d_state": 4, "center": 64}
SLOT = 400
MODELS = {
    "hyena": {"d_model": 16, "layers": 1, "filter_width": 8, "center": 64},
    "mamba": SMALL,
    "caduceus": SMALL,
    "macs3": SMALL,
    "seq2exp_soft": {**SMALL, "generator_layers": 1},
    "seq2exp_hard": SMALL,
    "seq2exp_retrain": {**SMALL, "generator_layers": 1, "share": 0.5},
    "prism": {**SMALL, "cnn_width": 4},
    "infer": {**SMALL, "cnn_width": 4},
    "enhancer_encoder": {"encoder_widths": [8, 8, 8, 8, 8], "mlp_width": 16},
    "epinformer": {
        "slot": SLOT,
        "encoder_widths": [8, 8, 8, 8, 8],
        "summary_widths": [8, 8, 8, 8],
        "d_model": 16,
        "heads": 2,
        "layers": 1,
    },
}


def method(architecture: str, **train: object) -> dict:
    """Merged configuration of a small model."""
    elements = architecture == "epinformer"
    settings = {
        "steps": 8,
        "warmup_steps": 2,
        "batch_size": 4,
        "precision": "32-true",
        "validations_per_epoch": 1,
        "learning_rate": 3e-3,
    }
    return {
        "name": architecture,
        "architecture": architecture,
        "inputs": {"length": 256, "signals": [] if elements else SIGNALS, "elements": elements},
        "model": MODELS[architecture],
        "train": {**settings, **train},
    }


def data_for(architecture: str, **options: int) -> FakeData:
    """Data set that fits `method` of the same architecture."""
    if architecture == "epinformer":
        return FakeData(signals=0, slot=SLOT, **options)
    return FakeData(**options)


def start_for(architecture: str, folder: Path) -> Path | None:
    """Checkpoint that `method` of an architecture starts from, if it cannot do without."""
    if not declaration(architecture).needs_start:
        return None
    source = MethodConfig.from_mapping(method(declaration(architecture).starts_from))
    torch.manual_seed(5)
    model = build(source.architecture, source.model, source.inputs)
    path = folder / f"{source.name}.ckpt"
    save_checkpoint(path, {"method": source.as_mapping(), "model": model.state_dict()})
    return path
