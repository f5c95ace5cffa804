"""The eight mRNA features of Xpresso: lengths, G/C fractions and exon-junction density."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pyfaidx import Fasta

from gexpipe.errors import UserError
from gexpipe.reference.genes import read_any_table
from gexpipe.reference.gtf import read_gtf, representative_transcripts

__all__ = ["MRNA_FEATURES", "mrna_from_gtf", "mrna_from_table"]

MRNA_FEATURES = [
    "UTR5LEN_log10zscore",
    "CDSLEN_log10zscore",
    "INTRONLEN_log10zscore",
    "UTR3LEN_log10zscore",
    "UTR5GC",
    "CDSGC",
    "UTR3GC",
    "ORFEXONDENSITY",
]
# Added to a length in bp before the logarithm, so that a transcript without an intron has one.
LENGTH_PSEUDOCOUNT = 0.1


def mrna_from_table(path: str | Path, gene_ids: list[str]) -> pd.DataFrame:
    """The eight columns of a published table, one row per gene, in the order of ``gene_ids``."""
    table = read_any_table(path)
    key = "gene_id" if "gene_id" in table else "ENSID"
    missing = [name for name in [key, *MRNA_FEATURES] if name not in table]
    if missing:
        raise UserError(f"no column {missing[0]!r}", path)
    table = table.drop_duplicates(key).set_index(key)
    absent = [gene for gene in gene_ids if gene not in table.index]
    if absent:
        raise UserError(f"no mRNA features for {len(absent)} genes, the first is {absent[0]}", path)
    return table.loc[gene_ids, MRNA_FEATURES].reset_index(names="gene_id")


def _pieces(exons: list[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """Parts of the exons inside ``[low, high)``."""
    cut = [(max(start, low), min(end, high)) for start, end in exons]
    return [(start, end) for start, end in cut if end > start]


def _length(pieces: list[tuple[int, int]]) -> int:
    return sum(end - start for start, end in pieces)


def _gc(sequence: str) -> float:
    """Fraction of G and C among the A, C, G, T of a sequence; 0 for none."""
    upper = sequence.upper()
    strong = upper.count("G") + upper.count("C")
    known = strong + upper.count("A") + upper.count("T")
    return strong / known if known else 0.0


def _transcript_features(
    exons: list[tuple[int, int]], cds: list[tuple[int, int]], strand: str, chromosome: str
) -> dict[str, float]:
    low, high = min(s for s, _ in cds), max(e for _, e in cds)
    left, right = _pieces(exons, 0, low), _pieces(exons, high, len(chromosome))
    utr5, utr3 = (left, right) if strand == "+" else (right, left)
    introns = max(e for _, e in exons) - min(s for s, _ in exons) - _length(exons)
    read = {
        name: "".join(chromosome[s:e] for s, e in pieces)
        for name, pieces in (("UTR5", utr5), ("CDS", cds), ("UTR3", utr3))
    }
    return {
        "UTR5LEN": _length(utr5),
        "CDSLEN": _length(cds),
        "INTRONLEN": introns,
        "UTR3LEN": _length(utr3),
        "UTR5GC": _gc(read["UTR5"]),
        "CDSGC": _gc(read["CDS"]),
        "UTR3GC": _gc(read["UTR3"]),
        "ORFEXONDENSITY": 1000.0 * (len(cds) - 1) / _length(cds),
    }


def mrna_from_gtf(
    gtf: str | Path, fasta: str | Path, chromosomes: list[str], gene_ids: list[str]
) -> pd.DataFrame:
    """Compute the eight features from gene models and sequence.

    Lengths in bp are of the representative transcript (`representative_transcripts`): 5'UTR, CDS,
    all introns, 3'UTR; each becomes log10(0.1 + length), then a z-score over the genes. G/C are
    fractions of the spliced sequence; exon-junction density is coding junctions per kb of CDS.

    Returns
    -------
    DataFrame
        gene_id and `MRNA_FEATURES`, in the order of ``gene_ids``.
    """
    models = read_gtf(gtf, chromosomes)
    chosen = representative_transcripts(models)
    models = models[models["transcript_id"].isin(set(chosen["transcript_id"]))]
    parts = {
        feature: {
            str(name): sorted(zip(rows["start"], rows["end"], strict=True))
            for name, rows in models[models["feature"] == feature].groupby("transcript_id")
        }
        for feature in ("exon", "CDS")
    }
    genome = Fasta(str(fasta), as_raw=True, sequence_always_upper=True)
    records = []
    for chrom, rows in chosen.groupby("chrom", sort=False):
        if chrom not in genome:
            raise UserError(f"no chromosome {chrom!r}, which {gtf} has", fasta)
        sequence = genome[chrom][:]
        for gene in rows.itertuples():
            transcript = str(gene.transcript_id)
            values = _transcript_features(
                parts["exon"][transcript], parts["CDS"][transcript], str(gene.strand), sequence
            )
            records.append({"gene_id": gene.gene_id, **values})
    return _scale(pd.DataFrame(records).set_index("gene_id"), gene_ids, str(gtf))


def _scale(raw: pd.DataFrame, gene_ids: list[str], where: str) -> pd.DataFrame:
    absent = [gene for gene in gene_ids if gene not in raw.index]
    if absent:
        raise UserError(f"no gene model for {len(absent)} genes, the first is {absent[0]}", where)
    raw = raw.loc[gene_ids]
    result = pd.DataFrame(index=raw.index)
    for name in ("UTR5LEN", "CDSLEN", "INTRONLEN", "UTR3LEN"):
        value = np.log10(LENGTH_PSEUDOCOUNT + raw[name].to_numpy(dtype=float))
        spread = value.std()
        result[f"{name}_log10zscore"] = (value - value.mean()) / (spread if spread > 0 else 1.0)
    for name in ("UTR5GC", "CDSGC", "UTR3GC", "ORFEXONDENSITY"):
        result[name] = raw[name]
    return result[MRNA_FEATURES].reset_index(names="gene_id")
