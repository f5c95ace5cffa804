"""The eight mRNA features of Xpresso: lengths, G/C fractions and coding-exon density."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pyfaidx import Fasta

from gexpipe.errors import UserError
from gexpipe.reference.gtf import read_gtf, representative_transcripts
from gexpipe.schemas import MRNA_FEATURES
from gexpipe.tabular import numbers, read_table

__all__ = [
    "MRNA_FEATURES",
    "mrna_from_gtf",
    "mrna_from_table",
    "transcript_lengths",
    "transcript_models",
    "transcript_parts",
]

Intervals = list[tuple[int, int]]

# Added to a length in bp before the logarithm, so that a transcript without an intron has one.
LENGTH_PSEUDOCOUNT = 0.1


def mrna_from_table(path: str | Path, gene_ids: list[str]) -> pd.DataFrame:
    """The eight columns of a published table, one row per gene, in the order of ``gene_ids``."""
    table = read_table(path)
    key = "gene_id" if "gene_id" in table else "ENSID"
    missing = [name for name in [key, *MRNA_FEATURES] if name not in table]
    if missing:
        raise UserError(f"no column {missing[0]!r}", path)
    for name in MRNA_FEATURES:
        table[name] = numbers(table, name, path, missing=True)
    table = table.drop_duplicates(key).set_index(key)
    absent = [gene for gene in gene_ids if gene not in table.index]
    if absent:
        raise UserError(f"no mRNA features for {len(absent)} genes, the first is {absent[0]}", path)
    return table.loc[gene_ids, MRNA_FEATURES].reset_index(names="gene_id")


def _pieces(exons: Intervals, low: float, high: float) -> Intervals:
    """Parts of the exons inside ``[low, high)``."""
    cut = [(int(max(start, low)), int(min(end, high))) for start, end in exons]
    return [(start, end) for start, end in cut if end > start]


def _length(pieces: Intervals) -> int:
    # Xpresso's tables hold end - start of GTF's closed coordinates: one base less per piece.
    return sum(end - start - 1 for start, end in pieces)


def _gc(sequence: str) -> float:
    """Fraction of G and C among the A, C, G, T of a sequence; 0 for none."""
    upper = sequence.upper()
    strong = upper.count("G") + upper.count("C")
    known = strong + upper.count("A") + upper.count("T")
    return strong / known if known else 0.0


def transcript_parts(
    exons: Intervals, cds: Intervals, stop: Intervals, strand: str
) -> dict[str, Intervals]:
    """Pieces of the 5'UTR, the CDS and the 3'UTR of one transcript; the stop codon is in none.

    Parameters
    ----------
    exons, cds, stop : list of (start, end)
        Sorted, 0-based half-open; ``stop`` is empty where the stop codon is not annotated.
    strand : {"+", "-"}
        Strand of the transcript.
    """
    low, high = min(s for s, _ in [*cds, *stop]), max(e for _, e in [*cds, *stop])
    left, right = _pieces(exons, 0, low), _pieces(exons, high, np.inf)
    utr5, utr3 = (left, right) if strand == "+" else (right, left)
    return {"UTR5": utr5, "CDS": cds, "UTR3": utr3}


def transcript_lengths(exons: Intervals, parts: dict[str, Intervals]) -> dict[str, float]:
    """Lengths in bp and exon density of one transcript, counted as in Xpresso's tables.

    Every piece counts one base less than it has, and what is no UTR and no CDS counts as intron
    (the stop codon, and the bases that the pieces lost). The density is the number of coding exons
    per kb of CDS.
    """
    spliced = {f"{name}LEN": float(_length(pieces)) for name, pieces in parts.items()}
    span = max(e for _, e in exons) - min(s for s, _ in exons) - 1
    spliced["INTRONLEN"] = span - sum(spliced.values())
    density = 1000.0 * len(parts["CDS"]) / max(spliced["CDSLEN"], 1.0)
    return {**spliced, "ORFEXONDENSITY": density}


def transcript_models(gtf: str | Path, chromosomes: list[str]) -> pd.DataFrame:
    """Representative transcripts with their pieces.

    Returns
    -------
    DataFrame
        gene_id, chrom, strand, exons (intervals), parts (see `transcript_parts`); one row a gene.
    """
    models = read_gtf(gtf, chromosomes)
    chosen = representative_transcripts(models)
    models = models[models["transcript_id"].isin(set(chosen["transcript_id"]))]
    pieces: dict[str, dict[str, Intervals]] = {
        feature: {
            str(name): sorted(zip(rows["start"], rows["end"], strict=True))
            for name, rows in models[models["feature"] == feature].groupby("transcript_id")
        }
        for feature in ("exon", "CDS", "stop_codon")
    }
    names = chosen["transcript_id"].astype(str)
    parts = [
        transcript_parts(
            pieces["exon"][name], pieces["CDS"][name], pieces["stop_codon"].get(name, []), strand
        )
        for name, strand in zip(names, chosen["strand"], strict=True)
    ]
    columns = {name: chosen[name] for name in ("gene_id", "chrom", "strand")}
    exons = pd.Series([pieces["exon"][name] for name in names], index=chosen.index)
    return pd.DataFrame({**columns, "exons": exons, "parts": pd.Series(parts, chosen.index)})


def mrna_from_gtf(
    gtf: str | Path, fasta: str | Path, chromosomes: list[str], gene_ids: list[str]
) -> pd.DataFrame:
    """Compute the eight features from gene models and sequence.

    Definitions are those that the published table follows (Agarwal & Shendure 2020; found again
    from its numbers, see `transcript_lengths`): of the representative transcript
    (`representative_transcripts`) the lengths of 5'UTR, CDS, introns and 3'UTR, each as
    log10(0.1 + bp), then as z-score over the genes; G/C fractions of the spliced parts; coding
    exons per kb of CDS.

    Returns
    -------
    DataFrame
        gene_id and `MRNA_FEATURES`, in the order of ``gene_ids``.
    """
    models = transcript_models(gtf, chromosomes)
    genome = Fasta(str(fasta), as_raw=True, sequence_always_upper=True)
    records = []
    for chrom, rows in models.groupby("chrom", sort=False):
        if chrom not in genome:
            raise UserError(f"no chromosome {chrom!r}, which {gtf} has", fasta)
        sequence = genome[chrom][:]
        for gene, exons, parts in zip(rows["gene_id"], rows["exons"], rows["parts"], strict=True):
            content = {
                f"{name}GC": _gc("".join(sequence[s:e] for s, e in pieces))
                for name, pieces in parts.items()
            }
            records.append({"gene_id": gene, **transcript_lengths(exons, parts), **content})
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
