"""A tiny genome with gene models on both strands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


def gtf_line(
    feature: str, start: int, end: int, strand: str, names: tuple[str, str, str], extra: str = ""
) -> str:
    """One GTF line from 0-based half-open coordinates; names: gene id, symbol, transcript id."""
    gene, symbol, transcript = names
    attributes = (
        f'gene_id "{gene}"; transcript_id "{transcript}"; gene_type "protein_coding"; '
        f'gene_name "{symbol}"; {extra}'
    )
    chrom = "chr1"
    fields = [chrom, "TEST", feature, str(start + 1), str(end), ".", strand, ".", attributes]
    return "\t".join(fields)


def transcript_lines(
    strand: str,
    names: tuple[str, str, str],
    exons: list[tuple[int, int]],
    cds: list[tuple[int, int]],
    stop: tuple[int, int] | None = None,
    extra: str = "",
) -> list[str]:
    """Lines of one transcript."""
    span = (min(s for s, _ in exons), max(e for _, e in exons))
    lines = [gtf_line("transcript", *span, strand, names, extra)]
    lines += [gtf_line("exon", s, e, strand, names, extra) for s, e in exons]
    lines += [gtf_line("CDS", s, e, strand, names, extra) for s, e in cds]
    lines += [gtf_line("stop_codon", *stop, strand, names, extra)] if stop else []
    return lines


@pytest.fixture
def genes() -> pd.DataFrame:
    """Three genes: two on chr1, one on chr2."""
    return pd.DataFrame(
        {
            "gene_id": ["G1", "G2", "G3"],
            "symbol": ["ONE", "TWO", "THREE"],
            "chrom": ["chr1", "chr1", "chr2"],
            "tss": [1000, 2000, 100],
            "strand": ["+", "-", "+"],
            "start": [1000, 1500, 100],
            "end": [1500, 2001, 900],
            "source": "table",
        }
    )


@pytest.fixture
def write_gtf(tmp_path: Path):
    """Writer of a GTF with the given lines."""

    def write(lines: list[str]) -> Path:
        path = tmp_path / "models.gtf"
        path.write_text("#!comment\n" + "\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture(scope="session")
def models():
    """Writers of GTF lines."""
    return transcript_lines
