"""Share of one training epoch that waits for data: Prism on 2,000 bp of a generated chromosome.

A narrow model computes less between two batches, which is the harder case for the loader.

    python benchmarks/epoch.py --size chr22 --width 32
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from loader import open_ours
from store import ours
from tabulate import tabulate
from tracks import INPUTS, make

from gexpipe.data.batches import BatchOrder
from gexpipe.methods.settings import MethodConfig
from gexpipe.train.run import train

PRISM = Path(__file__).resolve().parents[1] / "config/methods/prism.yaml"
FOLD, SEED = 11, 2


def method(width: int, rows: np.ndarray, workers: int) -> MethodConfig:
    """Prism as configured, ``width`` wide, for one epoch of the genes in ``rows``."""
    written = yaml.safe_load(PRISM.read_text())
    steps = BatchOrder(rows, written["train"]["batch_size"], SEED).per_epoch
    written["model"]["d_model"] = width
    written["train"] |= {
        "steps": steps, "warmup_steps": 1, "validations_per_epoch": 1,
        "precision": "32-true", "workers": workers,
    }  # fmt: skip
    return MethodConfig.from_mapping(written)


def epoch(size: str, width: int, workers: int, folder: Path) -> dict[str, float]:
    """Build the stores of one size, train one epoch, and give the last row of its history."""
    world = make(size, folder)
    ours(world, str(folder))
    data = open_ours(folder, 2_000)
    config = method(width, data.split(FOLD, "train"), workers)
    train(config, data, FOLD, SEED, folder / "run", parts=("valid",))
    (row,) = pd.read_csv(folder / "run" / "history.csv").to_dict("records")
    return row


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description="waiting for data")
    parser.add_argument("--size", choices=INPUTS, default="chr22")
    parser.add_argument("--width", type=int, default=32, help="d_model")
    parser.add_argument("--workers", type=int, default=0, help="loader processes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        row = epoch(chosen.size, chosen.width, chosen.workers, Path(name))
    names = ("step", "epoch", "genes_per_second", "data_wait")
    line = [chosen.size, chosen.width, chosen.workers, *(row[n] for n in names)]
    sys.stdout.write(tabulate([line], ["size", "width", "workers", *names], "github") + "\n")


if __name__ == "__main__":
    main()
