"""Reads in candidate regions: one pass over the file against a query per region.

The plain way does what ABC's ``count_bam`` does: ``pysam.AlignmentFile.count`` region by region,
rows of a table. Counts of both ways are compared.

    python benchmarks/counting.py --size small
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
from measure import chosen_sizes, measure, row, table

from gexpipe.abc.counts import count_reads
from gexpipe.simulate.bam import write_bam
from gexpipe.simulate.reads import Reads

# Reads, regions, chromosome length in bp. The published chr22 run has 17,732 regions; chr22's
# share of a run on the whole genome is about a fifth of that. One pass costs the same for both.
INPUTS = {
    "small": (200_000, 1_000, 10_000_000),
    "chr22, few": (2_000_000, 3_586, 50_818_468),
    "chr22": (2_000_000, 17_732, 50_818_468),
    "chr1": (10_000_000, 80_000, 248_956_422),
}
READ = 36


def plain(bam: str, regions: pd.DataFrame) -> np.ndarray:
    """Query every region."""
    with pysam.AlignmentFile(bam) as file:
        known = set(file.references)
        counts = [
            file.count(region["chrom"], region["start"], region["end"])
            if region["chrom"] in known
            else 0
            for _, region in regions.iterrows()
        ]
    return regions.assign(count=counts)["count"].to_numpy()


def ours(bam: str, regions: pd.DataFrame) -> np.ndarray:
    """One pass."""
    return count_reads(bam, [regions]).counts[0]


def inputs(size: str, folder: Path) -> tuple[str, pd.DataFrame]:
    """A sorted BAM, half of its reads near regions; duplicate, secondary and QC-fail flags."""
    number, count, length = INPUTS[size]
    rng = np.random.default_rng(1)
    start = np.sort(rng.choice(np.arange(1000, length - 2000, 600), count, replace=False))
    regions = pd.DataFrame({"chrom": "chr1", "start": start, "end": start + 500})
    near = rng.choice(start, number // 2) + rng.integers(-100, 600, number // 2)
    reads = np.sort(np.concatenate([near, rng.integers(0, length - READ, number - len(near))]))
    flags = rng.choice(np.array([0, 16, 1024, 256, 512]), number, p=[0.45, 0.45, 0.05, 0.03, 0.02])
    path = folder / f"{size}.bam"
    genome = {"chr1": rng.integers(0, 4, length, dtype=np.uint8)}
    write_bam(path, Reads(np.zeros(number, np.int64), reads, flags), genome, READ, "benchmark")
    pysam.index(str(path))
    return str(path), regions


def main() -> None:
    """Measure, compare, print."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        warm = inputs("small", Path(folder))
        for size in chosen_sizes("read counting", INPUTS):
            given = warm if size == "small" else inputs(size, Path(folder))
            by_region, one_pass = measure(plain, *given), measure(ours, *given, warm_up=warm)
            np.testing.assert_array_equal(one_pass.result, by_region.result)
            rows.append(row(size, "count reads", by_region, one_pass))
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
