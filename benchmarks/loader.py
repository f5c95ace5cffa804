"""Loading training samples, beside a loader that reads bigWig and HDF5 for every item.

The plain way does what Seq2Exp's data set does when it is asked for one gene, with the calls that
it makes: one-hot letters through a dictionary into a NumPy array, three tracks as lists, contact of
every base of 200 kb from HDF5, a scan of the table of 450,000 links for the gene's elements and two
masks of them, masks of the blacklist and of promoters cut from those of the chromosome, features by
label, checks for NaN. What both return is compared before a ratio is printed.

    python benchmarks/loader.py --size chr22
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyBigWig
import torch
from measure import Cost, chosen_sizes, measure, row, table
from numcodecs import zstd
from pyfaidx import Fasta
from store import WINDOW, ours
from tabulate import tabulate
from torch import Tensor
from tracks import CHROM, INPUTS, STEP, World, make

from gexpipe.batch import Batch
from gexpipe.contact.window import expand_window, inside_chromosome, window_contact
from gexpipe.data.windows import WindowData
from gexpipe.reference.examples import FEATURES
from gexpipe.windows.tracks import interval_track

LINKS, LINKED_GENES = 450_000, 18_377  # of a whole genome: 24 links a gene
SHORT = 2_000
PLAIN_GENES, OUR_GENES = 40, 400
OPEN: dict = {}  # what a measured process has open: the warm-up opens it
LETTERS = {
    "A": [True, False, False, False],
    "C": [False, True, False, False],
    "G": [False, False, True, False],
    "T": [False, False, False, True],
    "N": [False, False, False, False],
}


class PlainData:
    """One gene at a time from FASTA, bigWig and HDF5."""

    def __init__(self, folder: Path, length: int) -> None:
        self.length = length
        self.genes = pd.read_parquet(folder / "examples.parquet").set_index("gene_id")
        links = pd.read_csv(folder / "links.tsv.gz", sep="\t")
        links = links[(links["distance"] > 1000) & (links["distance"] <= 100_000)].reset_index()
        names = self.genes[["chrom", "tss"]].reset_index()
        self.links = links.merge(names, on="gene_id", how="left", suffixes=("", "_gene"))
        with np.load(folder / "masks.npz") as masks:
            self.masks = {name: masks[name] for name in ("blacklist", "promoters")}
        self.genome = Fasta(str(folder / "genome.fa"))
        tracks = ("H3K27ac.bigWig", "DNase.bigWig", "peaks.bigWig")
        self.tracks = [pyBigWig.open(str(folder / name)) for name in tracks]
        self.contact = h5py.File(folder / "contact.h5", "r")

    def __getitem__(self, gene: str) -> dict[str, Tensor]:
        _, tss = self.genes.loc[gene][["chrom", "tss"]]
        start, size = tss - self.length // 2, len(self.genome[CHROM])
        low, high = max(start, 0), min(start + self.length, size)
        pad = (low - start, start + self.length - high)
        text = "N" * pad[0] + self.genome[CHROM][low:high].seq + "N" * pad[1]
        one_hot = np.array([LETTERS[letter] for letter in text], dtype=bool)
        signals = []
        for track in self.tracks:
            values = [0.0] * pad[0] + track.values(CHROM, low, high) + [0.0] * pad[1]
            signals.append(torch.nan_to_num(torch.tensor(values, dtype=torch.float32), nan=0.0))
        contact = torch.tensor(self.contact[gene][:], dtype=torch.float32)
        contact = torch.log10(torch.nan_to_num(contact, nan=0.0) + 1)
        middle = slice((WINDOW - self.length) // 2, (WINDOW + self.length) // 2)
        black, promoters = (np.pad(self.masks[m][low:high], pad) for m in self.masks)
        features = self.genes.loc[gene][FEATURES[:-1]].to_numpy(float).tolist()
        features.append(self.genes.loc[gene][FEATURES[-1]])
        sample = {
            "sequence": torch.from_numpy(one_hot).float(),
            "elements": self.elements(gene, tss)[middle],
            "peaks": signals[2],
            "features": torch.from_numpy(np.array(features)).float(),
            "signals": torch.stack([*signals[:2], contact[middle]], dim=-1),
            "target": torch.tensor([self.genes.loc[gene]["target"]]).float(),
        }
        if any(torch.isnan(values).any() for values in sample.values()):
            raise ValueError(gene)
        regions = [torch.tensor(mask, dtype=torch.bool) for mask in (promoters, black)]
        return {**sample, "regions": torch.stack(regions, dim=-1)}

    def elements(self, gene: str, tss: int) -> Tensor:
        """(200,000, 2): the gene's elements and promoter, all of them and the nearest 60."""
        found = self.links[self.links["gene_id"] == gene].sort_values(by="distance")
        masks = np.zeros((2, WINDOW), dtype=bool)
        masks[:, WINDOW // 2 - 1000 : WINDOW // 2 + 1000] = True
        begin, number = tss - WINDOW // 2, 0
        for _, link in found.iterrows():
            if pd.isna(link["start"]):
                continue
            low, high = max(0, int(link["start"]) - begin), int(link["end"]) - begin
            masks[: 1 + (number < 60), low:high] = True
            number += 1
        return torch.stack([torch.tensor(mask, dtype=torch.float32) for mask in masks], dim=-1)


def prepare(world: World) -> None:
    """Files that only the plain way reads."""
    rng = np.random.default_rng(2)
    genes, folder = world.genes, world.folder
    which = rng.integers(0, LINKED_GENES, LINKS)
    away = rng.integers(-100_000, 100_000, LINKS)
    start = genes["tss"].to_numpy()[which % len(genes)] + away
    links = pd.DataFrame(
        {"chrom": CHROM, "start": start, "end": start + 500, "distance": np.abs(away + 250),
         "gene_id": [f"g{number}" for number in which], "activity": rng.random(LINKS),
         "hic_contact": rng.random(LINKS)}
    )  # fmt: skip
    links.to_csv(folder / "links.tsv.gz", sep="\t", index=False)
    promoters = genes.assign(start=genes["tss"] - 250, end=genes["tss"] + 250)
    black = pd.read_csv(folder / "blacklist.bed", sep="\t", names=["chrom", "start", "end"])
    masks = {
        "blacklist": interval_track(black, CHROM, world.length),
        "promoters": interval_track(promoters, CHROM, world.length),
    }
    np.savez(folder / "masks.npz", **masks)
    peaks = pd.read_csv(folder / "peaks.bed", sep="\t", names=["chrom", "start", "end"])
    with pyBigWig.open(str(folder / "peaks.bigWig"), "w") as track:
        track.addHeader([(CHROM, world.length)])
        chroms, ones = peaks["chrom"].to_numpy(str), np.ones(len(peaks))
        starts, ends = peaks["start"].to_numpy(), peaks["end"].to_numpy()
        track.addEntries(chroms, starts, ends=ends, values=ones)
    contact = window_contact(world.contact, WINDOW)
    inside = inside_chromosome(world.contact.tss, world.contact.chrom_length, WINDOW)
    dense = 10 ** expand_window(contact, inside, WINDOW, STEP).astype(np.float64) - 1
    with h5py.File(folder / "contact.h5", "w") as out:
        for gene, values in zip(genes["gene_id"], dense, strict=True):
            out[gene] = values


def open_plain(folder: Path, length: int) -> int:
    return len(PlainData(folder, length).genes)


def open_ours(folder: Path, length: int) -> WindowData:
    return WindowData(
        folder / "sequence.zarr", folder / "cell.zarr", folder / "examples.parquet",
        length=length, signal_names=["H3K27ac", "DNase", "contact"],
    )  # fmt: skip


def opened(folder: Path, length: int) -> int:
    return len(open_ours(folder, length))


def plain_load(data: PlainData, genes: list[str]) -> dict[str, np.ndarray]:
    for gene in genes:
        sample = data[gene]
    return {name: values.numpy() for name, values in sample.items()}


def some(genes: int, count: int) -> np.ndarray:
    """Rows in random order, as training asks for them; the last is row 0, which is compared."""
    rows = np.random.default_rng(0).integers(0, genes, count)
    rows[-1] = 0
    return rows


def run_plain(folder: Path, length: int, count: int) -> dict[str, np.ndarray]:
    if count == 0:
        torch.set_num_threads(1)
        OPEN["plain"] = PlainData(folder, length)
        plain_load(OPEN["plain"], OPEN["plain"].genes.index.tolist()[:2])
        return {}
    names = OPEN["plain"].genes.index.to_numpy()
    return plain_load(OPEN["plain"], names[some(len(names), count)].tolist())


def run_ours(folder: Path, length: int, count: int) -> dict:
    if count == 0:
        torch.set_num_threads(1)
        OPEN["ours"] = open_ours(folder, length)
        OPEN["ours"].batch(np.arange(len(OPEN["ours"])))
        return {}
    for rows in np.split(some(len(OPEN["ours"]), count), count // 8):
        batch = OPEN["ours"].batch(rows)
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {k: v.numpy() if isinstance(v, Tensor) else v for k, v in values.items()}


def run_decompression(folder: Path, length: int, count: int) -> None:
    """The zstd calls of `run_ours` and nothing else."""
    if count == 0:
        data = open_ours(folder, length)
        data.batch(np.arange(len(data)))
        arrays = [array for array in data._arrays.values() if not array._packed]
        OPEN["chunks"] = [
            [
                (bytes(array._chunk(data._at[gene][1])), np.empty(array._entry, array.dtype))
                for array in arrays
            ]
            for gene in range(len(data))
        ]
        return
    for gene in some(len(OPEN["chunks"]), count).tolist():
        for chunk, out in OPEN["chunks"][gene]:
            zstd.decompress(chunk, out)


def run_memory_map(folder: Path, length: int, count: int) -> None:
    """A copy of codes and two signals from plain files."""
    if count == 0:
        genes = len(pd.read_parquet(folder / "examples.parquet"))
        OPEN["maps"] = []
        for dtype, shape in ((np.uint8, (genes, length)), (np.float16, (genes, 2, length))):
            made = np.lib.format.open_memmap(
                folder / f"{np.dtype(dtype)}.npy", "w+", dtype=dtype, shape=shape
            )
            made[:] = 1
            OPEN["maps"].append(made)
        return
    for gene in some(len(OPEN["maps"][0]), count).tolist():
        for made in OPEN["maps"]:
            np.array(made[gene])


def compare(plain: dict[str, np.ndarray], ours: dict) -> None:
    """The last gene of both, within the error of float16."""
    batch = Batch(
        **{k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in ours.items()}
    )
    dense = batch.dense()
    given = {name: torch.from_numpy(values) for name, values in plain.items()}
    torch.testing.assert_close(dense.sequence()[-1], given["sequence"])
    torch.testing.assert_close(dense.signals[-1].T, given["signals"], rtol=2**-10, atol=1e-6)
    torch.testing.assert_close(dense.peaks[-1].float(), given["peaks"])
    assert torch.equal(dense.blacklist[-1], given["regions"][:, 1])
    assert torch.equal(dense.features[-1], given["features"])


def main() -> None:
    """Measure, compare, print."""
    rows, shares = [], []
    for size in chosen_sizes("loading", INPUTS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            world = make(size, folder)
            prepare(world)
            ours(world, name)
            rows.append(
                row(size, "open, s", measure(open_plain, folder, WINDOW),
                    measure(opened, folder, WINDOW))
            )  # fmt: skip
            for length in (WINDOW, SHORT):
                costs = {}
                for run in (run_plain, run_ours, run_decompression, run_memory_map):
                    count = PLAIN_GENES if run is run_plain else OUR_GENES
                    cost = measure(run, folder, length, count, warm_up=(folder, length, 0))
                    costs[run] = Cost(1e3 * cost.cpu / count, cost.memory, cost.result)
                compare(costs[run_plain].result, costs[run_ours].result)
                rows.append(row(size, f"{length:,} bp, ms", costs[run_plain], costs[run_ours]))
                loaded, unpacked = costs[run_ours].cpu, costs[run_decompression].cpu
                mapped = costs[run_memory_map].cpu
                shares.append([size, length, loaded, unpacked / loaded, mapped, loaded / mapped])
    sys.stdout.write(table(rows) + "\n\n")
    names = ["size", "bp", "ours, ms", "zstd share", "memory map, ms", "ours / map"]
    sys.stdout.write(tabulate(shares, names, "github", floatfmt=".3g") + "\n")


if __name__ == "__main__":
    main()
