"""A genome of three small chromosomes with stores of one cell type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from gexpipe.contact.rows import ContactRows
from gexpipe.contact.window import window_contact
from gexpipe.reference.examples import FEATURES
from gexpipe.windows.elements import build_elements
from gexpipe.windows.sequence import build_sequence
from gexpipe.windows.signals import SignalSources, build_signals

LENGTH = 16_000
SIZES = {"chr1": 60_000, "chr3": 30_000, "chr22": 24_000}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genome of three chromosomes with genes in the middle, at the ends, and overlapping."""
    folder = tmp_path_factory.mktemp("windows")
    rng = np.random.default_rng(3)
    letters = np.array(list("ACGTNacgt"))
    with (folder / "genome.fa").open("w") as handle:
        for name, size in SIZES.items():
            text = "".join(letters[rng.integers(0, 9, size)])
            lines = [text[i : i + 60] for i in range(0, size, 60)]
            handle.write(f">{name}\n" + "\n".join(lines) + "\n")
    for name in ("h3k27ac", "dnase"):
        with pyBigWig.open(str(folder / f"{name}.bigWig"), "w") as track:
            track.addHeader(list(SIZES.items()))
            for chrom, size in SIZES.items():
                edges = np.sort(rng.choice(size, 400, replace=False))
                start, end = edges[:-1:2], edges[1::2]
                values = rng.gamma(0.5, 20, len(start)).astype(float)
                track.addEntries(
                    [chrom] * len(start), start.tolist(), ends=end.tolist(), values=values.tolist()
                )
    rows = [
        ("chr1", 30_000),
        ("chr22", 12_000),
        ("chr1", 31_000),
        ("chr1", 40),
        ("chr3", 29_990),
        ("chr1", 59_999),
    ]
    genes = pd.DataFrame(
        {
            "gene_id": [f"G{k}" for k in range(len(rows))],
            "symbol": "x", "chrom": [c for c, _ in rows], "tss": [t for _, t in rows],
            "strand": list("+-+-++"), "start": 0, "end": 1, "source": "test",
        }
    )  # fmt: skip
    genes.to_csv(folder / "genes.tsv", sep="\t", index=False)
    (folder / "peaks.bed").write_text("chr1\t29000\t29500\nchr1\t55000\t60000\nchr3\t10\t20\n")
    reach = 4
    tss = genes["tss"].to_numpy(np.int64)
    contact = ContactRows(
        gene_id=genes["gene_id"].to_numpy(str), chrom=genes["chrom"].to_numpy(str), tss=tss,
        chrom_length=np.array([SIZES[c] for c in genes["chrom"]]), tss_bin=tss // 5000,
        values=rng.gamma(1, 1, (len(genes), 2 * reach + 1)).astype(np.float32),
        row_sum=np.ones(len(genes)), resolution=5000,
    )  # fmt: skip
    build_sequence(folder / "genome.fa", genes, LENGTH, folder / "sequence.zarr")
    sources = SignalSources(
        {"H3K27ac": folder / "h3k27ac.bigWig", "DNase": folder / "dnase.bigWig"},
        peaks=folder / "peaks.bed",
    )
    build_signals(
        sources, genes, SIZES, LENGTH, window_contact(contact, LENGTH), folder / "cell.zarr",
        resolution=5000,
    )  # fmt: skip
    table = genes[["gene_id", "symbol", "chrom", "tss", "strand"]].copy()
    for name in FEATURES:
        table[name] = rng.gamma(1, 1, size=len(genes))
    table["target"] = [1.0, 2.0, np.nan, 0.5, 0.1, 0.3]
    table["fold_11"] = ["train", "test", "train", "train", "valid", "train"]
    table.to_parquet(folder / "examples.parquet")
    np.save(folder / "contact.npy", contact.values)
    links = pd.DataFrame(
        {
            "element": [7, 9, 9], "gene_id": ["G0", "G0", "G2"], "rank": [1, 0, 0], "chrom": "chr1",
            "start": [33_000, 32_000, 32_000], "end": [33_500, 32_301, 32_301],
            "slot_start": [750, 850, 850], "distance_kb": [3.2, 2.1, 1.1],
            "contact_log": [0.2, 0.3, 0.4], "activity": [5.0, 6.0, 7.0],
        }
    )  # fmt: skip
    build_elements(links, folder / "genome.fa", genes, 2000, 4, folder / "elements.zarr")
    return folder
