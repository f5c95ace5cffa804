"""Gene models from a GTF file: one representative transcript per gene, with its exons and CDS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError, at_row
from gexpipe.files import require
from gexpipe.gene_ids import without_version
from gexpipe.intervals import column_blocks
from gexpipe.log import get_logger

__all__ = ["GeneModels", "coding_genes", "read_gtf", "representative_transcripts"]

logger = get_logger(__name__)

GeneModels = pd.DataFrame
_FEATURES = ("transcript", "exon", "CDS", "start_codon", "stop_codon")
_COLUMNS = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]


def _attribute(column: pd.Series, name: str) -> pd.Series:
    return column.str.extract(rf'\b{name} "([^"]*)"', expand=False).fillna("")


def read_gtf(path: str | Path, chromosomes: list[str]) -> GeneModels:
    """Read transcripts, exons and CDS of protein-coding genes.

    Parameters
    ----------
    path : str or Path
        GTF, gzipped or not (1-based closed coordinates, as the format says).
    chromosomes : list of str
        Chromosomes to keep.

    Returns
    -------
    DataFrame
        Columns chrom, feature, start, end (0-based half-open), strand, gene_id (without version),
        symbol, transcript_id, tags; one row per GTF line.
    """
    source = require(path, "GTF file")
    found: dict[str, None] = {}
    parts = []
    for block in column_blocks(source, _COLUMNS):
        found.update(dict.fromkeys(block["chrom"].unique()))
        here = block["feature"].isin(_FEATURES) & block["chrom"].isin(chromosomes)
        parts.append(_models(block[here], source))
    if not any(map(len, parts)):
        raise UserError(
            f"no gene models on {', '.join(chromosomes[:3])} ...; it has "
            f"{', '.join(sorted(found)[:3])}",
            source,
        )
    models = pd.concat(parts)
    models = models[models.pop("kind") == "protein_coding"].reset_index(drop=True)
    if models.empty:
        raise UserError("no gene of gene_type (or gene_biotype) protein_coding", source)
    return _with_transcripts(_one_place(models, source), source)


def coding_genes(path: str | Path, chromosomes: list[str]) -> pd.DataFrame:
    """gene_id (without version) and symbol of the protein-coding genes, without their models.

    A fraction of the time of `read_gtf`; the file may end anywhere.
    """
    parts = []
    for block in column_blocks(require(path, "GTF file"), _COLUMNS):
        rows = block[block["chrom"].isin(chromosomes)]
        lines = rows[rows["feature"] == "transcript"]
        found = _models(lines if len(lines) else rows[rows["feature"] == "exon"], Path(path))
        parts.append(found.loc[found["kind"] == "protein_coding", ["gene_id", "symbol"]])
    genes = pd.concat(parts) if parts else pd.DataFrame(columns=["gene_id", "symbol"])
    return genes.drop_duplicates("gene_id").reset_index(drop=True)


def _models(rows: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Our columns of GTF lines, and the kind of their gene."""
    text = rows["attributes"]
    bad = ((rows["start"] < 1) | (rows["start"] > rows["end"])).to_numpy()
    if bad.any():
        place = rows[bad].iloc[0]
        raise UserError(
            f"found {place['chrom']} {place['start']} {place['end']}, expected 1 <= start <= end",
            at_row(source, int(rows.index[bad][0])),
        )
    gene = _attribute(text, "gene_id")
    if (gene == "").any():
        at = int(rows.index[(gene == "").to_numpy()][0])
        raise UserError('no gene_id "..." among its attributes: GFF3?', at_row(source, at))
    kind = _attribute(text, "gene_type")
    return pd.DataFrame(
        {
            "chrom": rows["chrom"],
            "feature": rows["feature"],
            "start": rows["start"] - 1,
            "end": rows["end"],
            "strand": rows["strand"],
            "gene_id": without_version(gene),
            "symbol": _attribute(text, "gene_name"),
            "transcript_id": _attribute(text, "transcript_id"),
            "tags": text.str.findall(r'\btag "([^"]*)"').str.join(","),
            "kind": kind.where(kind != "", _attribute(text, "gene_biotype")),
        }
    )


def _one_place(models: GeneModels, source: Path) -> GeneModels:
    """Rows of each gene's first chromosome and strand: over two, its body would span nonsense."""
    places = models[["gene_id", "chrom", "strand"]].drop_duplicates()
    again = places["gene_id"].duplicated()
    if not again.any():
        return models
    twice = places[again]
    logger.warning(
        "%s: %d genes have two chromosomes or strands (%s is on %s %s too): the first place counts",
        source, len(twice), *twice.iloc[0],
    )  # fmt: skip
    kept = models.merge(places[~again], on=["gene_id", "chrom", "strand"], how="inner")
    return kept[models.columns].reset_index(drop=True)


def _with_transcripts(models: GeneModels, source: Path) -> GeneModels:
    """Add the transcripts of files that have exon and CDS lines only: they span their exons."""
    lines = models["feature"] == "transcript"
    named = models["transcript_id"] != ""
    known = set(models.loc[lines, "transcript_id"])
    exons = models[(models["feature"] == "exon") & named & ~models["transcript_id"].isin(known)]
    if exons.empty:
        if not lines.any():
            raise UserError("no transcript and no exon with a transcript_id", source)
        return models
    groups = exons.groupby("transcript_id", sort=False)
    spans = groups.first().assign(start=groups["start"].min(), end=groups["end"].max())
    logger.info(
        "%s: %d transcripts without a line of their own span their exons", source, len(spans)
    )
    spans = spans.assign(feature="transcript").reset_index()[models.columns]
    return pd.concat([models, spans], ignore_index=True)


def _coding_lengths(models: GeneModels) -> pd.DataFrame:
    """Bases of CDS, 5'UTR and 3'UTR of every coding transcript (index transcript_id)."""
    coding = models[models["feature"].isin(["CDS", "stop_codon"])].groupby("transcript_id")
    low, high = coding["start"].min(), coding["end"].max()
    cds = models[models["feature"] == "CDS"]
    exons = models[models["feature"] == "exon"]
    first, last = exons["transcript_id"].map(low), exons["transcript_id"].map(high)
    left = (np.minimum(exons["end"], first) - exons["start"]).clip(lower=0)
    right = (exons["end"] - np.maximum(exons["start"], last)).clip(lower=0)
    forward = exons["strand"] == "+"
    name = exons["transcript_id"]
    return pd.DataFrame(
        {
            "cds": (cds["end"] - cds["start"]).groupby(cds["transcript_id"]).sum(),
            "utr5": left.where(forward, right).groupby(name).sum(),
            "utr3": right.where(forward, left).groupby(name).sum(),
        }
    ).dropna(subset="cds")


def representative_transcripts(models: GeneModels) -> pd.DataFrame:
    """One transcript per gene: MANE Select, else Ensembl canonical, else the longest CDS.

    Among equally long CDS the longest 5'UTR decides, then the longest 3'UTR (Xpresso's rule,
    Agarwal & Shendure 2020), then the transcript id.

    Returns
    -------
    DataFrame
        Columns chrom, start, end, strand, gene_id, symbol, transcript_id, source (which rule chose
        it), tss (0-based position of the first transcribed base); sorted by chromosome and TSS.
    """
    transcripts = models[models["feature"] == "transcript"]
    transcripts = transcripts.join(_coding_lengths(models), on="transcript_id", how="inner")
    mane = transcripts["tags"].str.contains("MANE_Select")
    canonical = transcripts["tags"].str.contains("Ensembl_canonical")
    transcripts["rank"] = np.select([mane, canonical], [0, 1], default=2)
    order = ["rank", "cds", "utr5", "utr3", "transcript_id"]
    transcripts = transcripts.sort_values(order, ascending=[True, False, False, False, True])
    chosen = transcripts.drop_duplicates("gene_id")
    names = np.array(["MANE_Select", "Ensembl_canonical", "longest_CDS"])
    chosen = chosen.assign(
        source=names[chosen["rank"].to_numpy()],
        tss=np.where(chosen["strand"] == "+", chosen["start"], chosen["end"] - 1),
    )
    columns = ["gene_id", "symbol", "chrom", "tss", "strand", "start", "end", "source"]
    return chosen.sort_values(["chrom", "tss"])[[*columns, "transcript_id"]].reset_index(drop=True)
