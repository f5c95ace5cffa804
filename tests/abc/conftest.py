"""A small BAM with every kind of read, and the published chr22 run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

LENGTHS = {"chr1": 5000, "chr2": 3000}


def write_bam(path: Path, reads: int, seed: int, sort: bool = True) -> Path:
    """Reads with all flags that pysam's filters look at, gaps, and unmapped mates."""
    rng = np.random.default_rng(seed)
    header = {
        "HD": {"VN": "1.6", "SO": "coordinate" if sort else "unsorted"},
        "SQ": [{"SN": n, "LN": s} for n, s in LENGTHS.items()],
    }
    chrom, start = rng.integers(0, 2, reads), rng.integers(0, 2500, reads)
    order = np.lexsort((start, chrom)) if sort else np.arange(reads)
    cigars = [
        [(0, 36)],
        [(4, 6), (0, 30)],
        [(0, 10), (3, 200), (0, 26)],
        [(0, 20), (2, 5), (0, 16)],
    ]
    with pysam.AlignmentFile(str(path), "wb", header=header) as bam:
        for number in order:
            read = pysam.AlignedSegment(bam.header)
            read.query_name = f"r{number}"
            read.query_sequence = "A" * 36
            read.flag = int(rng.choice([0, 16, 1024, 256, 512, 4, 2048]))
            read.reference_id, read.reference_start = int(chrom[number]), int(start[number])
            read.mapping_quality = 20
            if read.flag != 4:
                read.cigartuples = cigars[int(rng.integers(0, 4))]
            bam.write(read)
        last = pysam.AlignedSegment(bam.header)
        last.query_name, last.query_sequence, last.flag = "nowhere", "A" * 36, 4
        bam.write(last)
    if sort:
        pysam.index(str(path))
    return path


@pytest.fixture(scope="session")
def make_bam() -> Callable[..., Path]:
    """The writer of small BAM files."""
    return write_bam


@pytest.fixture(scope="session")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bam(tmp_path_factory.mktemp("bam") / "reads.bam", 4000, seed=3)


@pytest.fixture(scope="session")
def run22(shared: Path) -> Path:
    """The published Activity-by-Contact run on K562 chr22."""
    return shared / "data/abc_k562_chr22_bam"


@pytest.fixture(scope="session")
def genes22(run22: Path) -> pd.DataFrame:
    names = ["chrom", "start", "end", "symbol", "score", "strand"]
    genes = pd.read_csv(run22 / "neighborhoods/GeneList.bed", sep="\t", names=names)
    genes["tss"] = np.where(genes["strand"] == "+", genes["start"], genes["end"])
    return genes.assign(gene_id=genes["symbol"])


@pytest.fixture(scope="session")
def published(run22: Path) -> pd.DataFrame:
    """Thresholded predictions of the published chr22 run."""
    return pd.read_csv(run22 / "predictions/EnhancerPredictionsFull.tsv.gz", sep="\t")
