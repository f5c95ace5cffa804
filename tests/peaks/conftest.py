"""Small alignments with enriched places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

LENGTHS = {"chr1": 200_000, "chr2": 100_000, "chr3": 50_000}
SITES = np.arange(10_000, 200_000, 20_000)
READ = 36


def cuts(seed: int, background: int = 1500, per_site: int = 150) -> np.ndarray:
    """Sorted read starts on chr1: a flat background and ten enriched sites."""
    rng = np.random.default_rng(seed)
    near = rng.normal(np.repeat(SITES, per_site), 40).astype(int)
    flat = rng.integers(500, LENGTHS["chr1"] - 500, background)
    return np.sort(np.concatenate([near, flat]))


def write_bam(path: Path, starts: np.ndarray, paired: bool = False) -> Path:
    """Alternating strands; pairs are fragments of 120 bp. chr3 carries one read, chr2 none."""
    header = {
        "HD": {"VN": "1.6", "SO": "coordinate"},
        "SQ": [{"SN": name, "LN": size} for name, size in LENGTHS.items()],
    }
    reads = []
    for number, start in enumerate([*starts, None]):
        chrom, at = (2, 1000) if start is None else (0, int(start))
        places = [(at, 99), (at + 120 - READ, 147)] if paired else [(at, 16 * (number % 2))]
        for place, flag in places:
            reads.append((chrom, place, number, flag, at))
    path.parent.mkdir(parents=True, exist_ok=True)
    with pysam.AlignmentFile(str(path), "wb", header=header) as bam:
        for chrom, place, number, flag, at in sorted(reads):
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.query_sequence = f"r{number}", "A" * READ
            read.flag, read.reference_id, read.reference_start = flag, chrom, place
            read.mapping_quality, read.cigartuples = 30, [(0, READ)]
            if paired:
                read.next_reference_id = chrom
                read.next_reference_start = at if place != at else at + 120 - READ
                read.template_length = 120 if place == at else -120
            bam.write(read)
    return path


def write_tags(path: Path, starts: np.ndarray) -> Path:
    """The single-end reads of `write_bam` as tagAlign."""
    import gzip

    lines = [
        f"chr1\t{start}\t{start + READ}\tN\t30\t{'-' if number % 2 else '+'}\n"
        for number, start in enumerate(starts)
    ]
    strand = "-" if len(starts) % 2 else "+"
    lines.append(f"chr3\t1000\t{1000 + READ}\tN\t30\t{strand}\n")
    path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    return path


@pytest.fixture(scope="session")
def alignments(tmp_path_factory):
    """Writers of alignments, and the place of a ready single-end BAM."""
    from gexpipe.peaks.macs import index_bam

    folder = tmp_path_factory.mktemp("alignments")
    single = write_bam(folder / "single.bam", cuts(1))
    second = write_bam(folder / "second.bam", cuts(2))
    pairs = write_bam(folder / "pairs.bam", cuts(1), paired=True)
    for path in (single, second, pairs):
        index_bam(path)
    tags = write_tags(folder / "single.tagAlign.gz", cuts(1))
    return {"single": single, "second": second, "pairs": pairs, "tags": tags}
