"""Gene models from a GTF file: one representative transcript per gene, with its exons and CDS."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["GeneModels", "read_gtf", "representative_transcripts"]

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
    try:
        raw = pd.read_csv(
            source,
            sep="\t",
            comment="#",
            header=None,
            names=_COLUMNS,
            dtype={"chrom": str},
            compression="gzip" if source.open("rb").read(2) == b"\x1f\x8b" else None,
            quoting=3,
        )
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"not a GTF file ({error})", source) from error
    found = sorted(raw["chrom"].dropna().unique())
    raw = raw[raw["feature"].isin(_FEATURES) & raw["chrom"].isin(chromosomes)]
    if raw.empty:
        raise UserError(
            f"no gene models on {', '.join(chromosomes[:3])} ...; it has {', '.join(found[:3])}",
            source,
        )
    text = raw["attributes"]
    kind = _attribute(text, "gene_type").where(lambda x: x != "", _attribute(text, "gene_biotype"))
    tags = text.str.findall(r'\btag "([^"]*)"').str.join(",")
    models = pd.DataFrame(
        {
            "chrom": raw["chrom"],
            "feature": raw["feature"],
            "start": raw["start"].astype(np.int64) - 1,
            "end": raw["end"].astype(np.int64),
            "strand": raw["strand"],
            "gene_id": _attribute(text, "gene_id").str.replace(r"\.\d+", "", regex=True),
            "symbol": _attribute(text, "gene_name"),
            "transcript_id": _attribute(text, "transcript_id"),
            "tags": tags,
        }
    )[kind == "protein_coding"].reset_index(drop=True)
    if models.empty:
        raise UserError("no gene of gene_type protein_coding", source)
    return models


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
