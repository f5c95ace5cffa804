"""A generated chromosome with tracks as dense as real ones, for the store and loader benchmarks.

Runs are those of a chr22 DNase track (12 % of the bases covered, 416,000 runs) and of an H3K27ac
fold-change track (79 %, 1.83 million runs); values are random float32, which is what compresses
worst. A third track has 1 inside peaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pybigtools
import pyBigWig
from pyfaidx import Faidx

from gexpipe.contact.rows import ContactRows
from gexpipe.reference.examples import FEATURES
from gexpipe.windows.signals import SignalSources

# Genes and chromosome length in bp.
INPUTS = {
    "small": (20, 2_000_000),
    "chr22": (416, 50_818_468),
    "chr1": (2_000, 248_956_422),
}
CHROM = "chr22"
STEP = 5000
REACH = 60  # bins of contact on either side of the TSS
SIGNALS = ("H3K27ac", "DNase", "CTCF")
Runs = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Track:
    """Blocks of ``block`` runs of ``mean`` bases, so far apart that ``covered`` is covered."""

    mean: float
    block: int
    covered: float


TRACKS = {"H3K27ac": Track(21.9, 200, 0.79), "DNase": Track(14.6, 20, 0.12)}


@dataclass(frozen=True)
class World:
    """Files of a generated chromosome, and what is known about its genes."""

    folder: Path
    genes: pd.DataFrame
    length: int
    contact: ContactRows

    @property
    def fasta(self) -> Path:
        """Genome."""
        return self.folder / "genome.fa"

    @property
    def examples(self) -> Path:
        """Example table."""
        return self.folder / "examples.parquet"

    @property
    def sizes(self) -> dict[str, int]:
        """Chromosome sizes."""
        return {CHROM: self.length}

    def sources(self, signals: tuple[str, ...] = SIGNALS) -> SignalSources:
        """Inputs of a cell store."""
        suffix = {"CTCF": "bigBed"}
        tracks = {name: self.folder / f"{name}.{suffix.get(name, 'bigWig')}" for name in signals}
        masks = {name: self.folder / f"{name}.bed" for name in ("peaks", "blacklist", "elements")}
        return SignalSources(tracks, **masks)


def make(size: str, folder: Path) -> World:
    """Write FASTA, tracks, intervals and the example table of one size."""
    count, length = INPUTS[size]
    rng = np.random.default_rng(1)
    letters = np.frombuffer(b"ACGT", np.uint8)
    (folder / "genome.fa").write_bytes(_fasta(letters[rng.integers(0, 4, length)]))
    Faidx(str(folder / "genome.fa"))
    for name, track in TRACKS.items():
        _runs(folder / f"{name}.bigWig", length, rng, track)
    for name, every, width in (
        ("peaks", 4000, 400), ("blacklist", 500_000, 5000), ("elements", 14_000, 500),
    ):  # fmt: skip
        start = np.unique(rng.integers(0, length // width - 1, length // every)) * width
        table = pd.DataFrame({"chrom": CHROM, "start": start, "end": start + width})
        table.to_csv(folder / f"{name}.bed", sep="\t", header=False, index=False)
        if name == "peaks":
            entries = ((CHROM, int(s), int(s) + width, "") for s in start)
            bed = pybigtools.open(str(folder / "CTCF.bigBed"), "w")
            bed.write({CHROM: length}, entries)
    tss = np.sort(rng.integers(length // 5, length, count))
    genes = pd.DataFrame(
        {"gene_id": [f"g{n}" for n in range(count)], "symbol": "x", "chrom": CHROM, "tss": tss,
         "strand": rng.choice(["+", "-"], count)}
    )  # fmt: skip
    table = genes.copy()
    for name in FEATURES:
        table[name] = rng.gamma(1, 1, count)
    table["target"] = rng.gamma(1, 1, count)
    table["fold_11"] = np.where(np.arange(count) % 10 == 0, "valid", "train")
    table.to_parquet(folder / "examples.parquet")
    return World(folder, genes, length, _contact(genes, length, rng))


def _fasta(letters: np.ndarray) -> bytes:
    lines = np.full((-(-len(letters) // 60), 61), ord("\n"), np.uint8)
    padded = np.full(lines.shape[0] * 60, ord("N"), np.uint8)
    padded[: len(letters)] = letters
    lines[:, :60] = padded.reshape(-1, 60)
    short = len(padded) - len(letters)
    body = lines.tobytes()
    return f">{CHROM}\n".encode() + body[: len(body) - 1 - short] + b"\n"


def _runs(path: Path, length: int, rng: np.random.Generator, track: Track) -> None:
    start, end, values = random_runs(length, rng, track)
    with pyBigWig.open(str(path), "w") as handle:
        handle.addHeader([(CHROM, length)])
        names = np.full(len(start), CHROM)
        handle.addEntries(names, start, ends=end, values=values.astype(np.float64))


def random_runs(length: int, rng: np.random.Generator, track: Track) -> Runs:
    """Start, end and value of the runs of a track on a chromosome of ``length`` bp, in order."""
    count = round(length * track.covered / track.mean)
    widths = rng.geometric(1 / track.mean, count)
    gap = track.mean * track.block * (1 - track.covered) / track.covered
    gaps = np.where(rng.random(count) < 1 / track.block, rng.geometric(1 / gap, count), 0)
    start = np.cumsum(gaps + widths) - widths
    keep = start + widths < length
    start, end = start[keep], (start + widths)[keep]
    return start, end, rng.gamma(1.2, 1.5, len(start)).astype(np.float32)


def _contact(genes: pd.DataFrame, length: int, rng: np.random.Generator) -> ContactRows:
    tss = genes["tss"].to_numpy(np.int64)
    return ContactRows(
        gene_id=genes["gene_id"].to_numpy(str), chrom=genes["chrom"].to_numpy(str), tss=tss,
        chrom_length=np.full(len(genes), length), tss_bin=tss // STEP,
        values=rng.gamma(1, 20, (len(genes), 2 * REACH + 1)).astype(np.float32),
        row_sum=np.ones(len(genes)), resolution=STEP,
    )  # fmt: skip
