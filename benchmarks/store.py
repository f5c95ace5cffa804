"""Building window stores, beside a straightforward loop.

The plain way reads every track of every gene's window as a list, encodes letters one by one into a
one-hot matrix, makes byte masks from the interval table, and writes one file of float32 a gene and
array with zarr's defaults.

    python benchmarks/store.py --size chr22
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import zarr
from measure import Cost, chosen_sizes, measure, row, table
from pyfaidx import Fasta
from tabulate import tabulate
from tracks import CHROM, INPUTS, STEP, World, make

from gexpipe.contact.window import window_contact
from gexpipe.windows.sequence import build_sequence
from gexpipe.windows.signals import build_signals

WINDOW = 200_000
PLAIN_GENES = 20  # the plain way costs the same for every gene
LETTERS = {"A": [1, 0, 0, 0], "C": [0, 1, 0, 0], "G": [0, 0, 1, 0], "T": [0, 0, 0, 1]}


def plain(world: World, out: str) -> None:
    """Signals, masks and one-hot sequence, gene by gene."""
    sources = world.sources()
    group = zarr.open_group(out, mode="w")
    tables = [
        pd.read_csv(path, sep="\t", names=["chrom", "start", "end"], usecols=[0, 1, 2])
        for path in sources.masks().values()
        if path
    ]
    with Fasta(str(world.fasta)) as genome:
        for gene in world.genes[:PLAIN_GENES].itertuples():
            start = gene.tss - WINDOW // 2
            end = min(start + WINDOW, world.length)
            text = str(genome[CHROM][start:end]).upper()
            one_hot = np.zeros((WINDOW, 4), np.float32)
            one_hot[: len(text)] = [LETTERS.get(letter, [0, 0, 0, 0]) for letter in text]
            signals = np.zeros((len(sources.signals), WINDOW), np.float32)
            for k, path in enumerate(sources.signals.values()):
                signals[k, : end - start] = _values(path, start, end)
            masks = np.zeros((len(tables), WINDOW), bool)
            for k, found in enumerate(tables):
                near = found[(found["end"] > start) & (found["start"] < end)]
                for _, interval in near.iterrows():
                    low = max(interval["start"] - start, 0)
                    masks[k, low : interval["end"] - start] = True
            for name, values in (("sequence", one_hot), ("signals", signals), ("masks", masks)):
                group.create_array(f"{gene.gene_id}/{name}", data=values)


def _values(path: Path, start: int, end: int) -> np.ndarray:
    with pyBigWig.open(str(path)) as track:
        if not track.isBigBed():
            return np.nan_to_num(np.array(track.values(CHROM, start, end), np.float32))
        values = np.zeros(end - start, np.float32)
        for low, high, _ in track.entries(CHROM, start, end) or []:
            values[max(low - start, 0) : high - start] = 1.0
        return values


def ours(world: World, out: str) -> None:
    """Both stores, one process."""
    build_sequence(world.fasta, world.genes, WINDOW, Path(out) / "sequence.zarr")
    contact = window_contact(world.contact, WINDOW)
    build_signals(
        world.sources(), world.genes, world.sizes, WINDOW, contact, Path(out) / "cell.zarr",
        resolution=STEP,
    )  # fmt: skip


def stored(folder: Path, genes: int) -> float:
    """Size on disk, kB a gene."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / genes / 1e3


def size_rows(size: str, folder: Path, genes: int) -> list[list[str | float]]:
    """Size of each part, and of signals and contact together."""
    chrom = folder / "cell.zarr" / CHROM
    tracks = {
        name: stored(chrom / "signals" / name, genes) for name in ("H3K27ac", "DNase", "CTCF")
    }
    parts = {f"signal {name}": value for name, value in tracks.items()}
    contact = stored(chrom / "contact", genes)
    parts |= {"contact": contact, "masks": stored(chrom / "masks", genes)}
    parts["signals and contact"] = sum(tracks.values()) + contact
    parts["sequence"] = stored(folder / "sequence.zarr", genes)
    return [[size, name, value] for name, value in parts.items()]


def main() -> None:
    """Measure, print."""
    rows, sizes = [], []
    for size in chosen_sizes("window stores", INPUTS):
        with tempfile.TemporaryDirectory() as folder:
            world = make(size, Path(folder))
            genes = len(world.genes)
            loop = measure(plain, world, str(Path(folder) / "plain.zarr"))
            whole = measure(ours, world, folder)
            each = [
                Cost(1e3 * cost.cpu / count, cost.memory, None)
                for cost, count in ((loop, PLAIN_GENES), (whole, genes))
            ]
            rows.append(row(size, "a gene, ms", *each))
            sizes += size_rows(size, Path(folder), genes)
    sys.stdout.write(table(rows) + "\n\n")
    sys.stdout.write(
        tabulate(sizes, ["size", "part", "kB a gene"], "github", floatfmt=".3g") + "\n"
    )


if __name__ == "__main__":
    main()
