"""Transcript structures, their mRNA features, and a GTF in GENCODE's style."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.reference.mrna import MRNA_FEATURES, transcript_lengths
from gexpipe.simulate.genome import Codes, gc_fraction, random_bases

__all__ = [
    "MRNA_FEATURES",
    "Transcript",
    "draw_transcript",
    "mrna_features",
    "recolour",
    "write_gtf",
]

Interval = tuple[int, int]


@dataclass(frozen=True)
class Transcript:
    """A canonical transcript; intervals are 0-based half-open, in transcript order.

    Attributes
    ----------
    strand : str
        "+" or "-".
    exons, utr5, cds, utr3 : list of (start, end)
        Pieces on the chromosome, first the piece at the 5' end.
    """

    strand: str
    exons: list[Interval]
    utr5: list[Interval]
    cds: list[Interval]
    utr3: list[Interval]

    @property
    def body(self) -> Interval:
        """Leftmost start and rightmost end."""
        return min(s for s, _ in self.exons), max(e for _, e in self.exons)


def draw_transcript(rng: np.random.Generator, tss: int, strand: str, room: int) -> Transcript:
    """Random exon structure whose 5' end is at ``tss`` and whose body is at most ``room`` bp."""
    utr5 = int(np.clip(rng.lognormal(np.log(160), 0.6), 40, 700))
    cds = 3 * int(np.clip(rng.lognormal(np.log(400), 0.5), 70, 1_200))
    utr3 = int(np.clip(rng.lognormal(np.log(800), 0.7), 60, 3_000))
    mrna = utr5 + cds + utr3
    count = int(np.clip(2 + rng.poisson(rng.gamma(3.0, 1.4)), 2, mrna // 120))
    cuts = np.sort(rng.choice(np.arange(1, mrna // 30), count - 1, replace=False)) * 30
    edges = np.concatenate([[0], cuts, [mrna]])
    introns = np.clip(rng.lognormal(np.log(900), 0.8, count - 1), 80, 8_000)
    introns *= min(1.0, max(0, room - mrna) / max(1.0, introns.sum()))
    offsets = edges[:-1] + np.concatenate([[0], np.cumsum(introns.astype(np.int64))])
    sections = {
        "exons": (0, mrna),
        "utr5": (0, utr5),
        "cds": (utr5, utr5 + cds),
        "utr3": (utr5 + cds, mrna),
    }
    pieces = {
        name: [
            _on_chromosome(tss, strand, int(o + max(a, lo) - a), int(o + min(b, hi) - a))
            for a, b, o in zip(edges[:-1], edges[1:], offsets, strict=True)
            if min(b, hi) > max(a, lo)
        ]
        for name, (lo, hi) in sections.items()
    }
    return Transcript(strand, **pieces)


def _on_chromosome(tss: int, strand: str, start: int, end: int) -> Interval:
    return (tss + start, tss + end) if strand == "+" else (tss + 1 - end, tss + 1 - start)


def recolour(rng: np.random.Generator, codes: Codes, transcript: Transcript) -> None:
    """Redraw the transcribed bases with a G + C content of their own per section, in place."""
    for pieces, mean in ((transcript.utr5, 0.58), (transcript.cds, 0.52), (transcript.utr3, 0.43)):
        gc = float(np.clip(rng.normal(mean, 0.08), 0.2, 0.8))
        for start, end in pieces:
            codes[start:end] = random_bases(rng, end - start, gc)


def mrna_features(
    genes: pd.DataFrame, transcripts: list[Transcript], genome: Mapping[str, Codes]
) -> pd.DataFrame:
    """The eight mRNA features, one row per gene, columns `MRNA_FEATURES`.

    Lengths and exon density follow `gexpipe.reference.mrna.transcript_lengths`, here from the
    simulator's own transcripts; lengths are z-scores of log10(bp + 0.1) over the simulated genes,
    G + C fractions ignore N.
    """
    lengths = pd.DataFrame(
        transcript_lengths(list(t.exons), {"UTR5": t.utr5, "CDS": t.cds, "UTR3": t.utr3})
        for t in transcripts
    )
    table = {
        f"{name}_log10zscore": _zscore(np.log10(lengths[name].to_numpy() + 0.1))
        for name in ("UTR5LEN", "CDSLEN", "INTRONLEN", "UTR3LEN")
    }
    for name, section in (("UTR5GC", "utr5"), ("CDSGC", "cds"), ("UTR3GC", "utr3")):
        table[name] = np.array(
            [
                gc_fraction(np.concatenate([genome[chrom][s:e] for s, e in getattr(t, section)]))
                for chrom, t in zip(genes["chrom"], transcripts, strict=True)
            ]
        )
    table["ORFEXONDENSITY"] = lengths["ORFEXONDENSITY"].to_numpy()
    return pd.DataFrame(table)[list(MRNA_FEATURES)]


def _zscore(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return (values - values.mean()) / values.std()


def write_gtf(
    path: Path, genes: pd.DataFrame, transcripts: list[Transcript], noncoding: pd.DataFrame
) -> None:
    """Gzipped GTF: coding genes with exon, CDS and UTR lines, then lncRNA genes.

    Every third coding gene has a second, non-canonical transcript that starts 300 bp inside the
    gene, so that a reader who ignores the canonical tag finds another TSS.
    """
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as handle:
        handle.write(b"##description: simulated genome\n##provider: GENCODE\n##format: gtf\n")
        for row, (gene, transcript) in enumerate(
            zip(genes.itertuples(index=False), transcripts, strict=True)
        ):
            for line in _gene_lines(gene, transcript, second=row % 3 == 0):
                handle.write(line.encode())
        for gene in noncoding.itertuples(index=False):
            for line in _noncoding_lines(gene):
                handle.write(line.encode())


def _line(chrom: str, kind: str, span: Interval, strand: str, phase: str, attributes: str) -> str:
    place = f"{span[0] + 1}\t{span[1]}\t.\t{strand}\t{phase}"
    return f"{chrom}\tHAVANA\t{kind}\t{place}\t{attributes}\n"


def _attributes(gene_id: str, symbol: str, kind: str, transcript: str = "", tags: str = "") -> str:
    text = f'gene_id "{gene_id}.1"; '
    if transcript:
        text += f'transcript_id "{transcript}.1"; '
    text += f'gene_type "{kind}"; gene_name "{symbol}"; '
    if transcript:
        text += f'transcript_type "{kind}"; transcript_name "{symbol}-{transcript[-3:]}"; '
    return text + "level 2;" + tags


def _gene_lines(gene: object, transcript: Transcript, second: bool) -> Iterator[str]:
    gene_id, symbol, chrom = gene.gene_id, gene.symbol, gene.chrom  # type: ignore[attr-defined]
    strand, kind = transcript.strand, "protein_coding"
    body = transcript.body
    yield _line(chrom, "gene", body, strand, ".", _attributes(gene_id, symbol, kind))
    if second:
        yield from _second_lines(gene_id, symbol, chrom, transcript)
    name = gene_id.replace("ENSG", "ENST")
    tags = ' tag "basic"; tag "Ensembl_canonical"; tag "MANE_Select"; tag "appris_principal_1";'
    yield _line(
        chrom, "transcript", body, strand, ".", _attributes(gene_id, symbol, kind, name, tags)
    )
    for number, span in enumerate(transcript.exons, start=1):
        text = _attributes(gene_id, symbol, kind, name, f" exon_number {number};{tags}")
        yield _line(chrom, "exon", span, strand, ".", text)
    done = 0
    text = _attributes(gene_id, symbol, kind, name, tags)
    for span in transcript.cds:
        yield _line(chrom, "CDS", span, strand, str(-done % 3), text)
        done += span[1] - span[0]
    for span in (*transcript.utr5, *transcript.utr3):
        yield _line(chrom, "UTR", span, strand, ".", text)


def _second_lines(gene_id: str, symbol: str, chrom: str, transcript: Transcript) -> Iterator[str]:
    start, end = transcript.body
    span = (start + 300, end) if transcript.strand == "+" else (start, end - 300)
    name = gene_id.replace("ENSG9", "ENST8")
    text = _attributes(gene_id, symbol, "retained_intron", name, ' tag "basic";')
    text = text.replace('gene_type "retained_intron"', 'gene_type "protein_coding"')
    yield _line(chrom, "transcript", span, transcript.strand, ".", text)
    yield _line(chrom, "exon", span, transcript.strand, ".", text + " exon_number 1;")


def _noncoding_lines(gene: object) -> Iterator[str]:
    gene_id, symbol, chrom = gene.gene_id, gene.symbol, gene.chrom  # type: ignore[attr-defined]
    span, strand = (gene.start, gene.end), gene.strand  # type: ignore[attr-defined]
    name = gene_id.replace("ENSG", "ENST")
    yield _line(chrom, "gene", span, strand, ".", _attributes(gene_id, symbol, "lncRNA"))
    tags = ' tag "basic"; tag "Ensembl_canonical";'
    text = _attributes(gene_id, symbol, "lncRNA", name, tags)
    yield _line(chrom, "transcript", span, strand, ".", text)
    yield _line(chrom, "exon", span, strand, ".", text + " exon_number 1;")
