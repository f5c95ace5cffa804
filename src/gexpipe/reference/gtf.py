"""Gene models from a GTF file: one representative transcript per gene, with its exons and CDS."""

from __future__ import annotations

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
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
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


def representative_transcripts(models: GeneModels) -> pd.DataFrame:
    """One transcript per gene: MANE Select, else Ensembl canonical, else longest CDS, then span.

    Returns
    -------
    DataFrame
        Columns chrom, start, end, strand, gene_id, symbol, transcript_id, source (which rule chose
        it), tss (0-based position of the first transcribed base); sorted by chromosome and TSS.
    """
    transcripts = models[models["feature"] == "transcript"].copy()
    coding = models[models["feature"] == "CDS"]
    cds = (coding["end"] - coding["start"]).groupby(coding["transcript_id"]).sum()
    transcripts["cds"] = transcripts["transcript_id"].map(cds).fillna(0)
    transcripts = transcripts[transcripts["cds"] > 0]
    transcripts["span"] = transcripts["end"] - transcripts["start"]
    mane = transcripts["tags"].str.contains("MANE_Select")
    canonical = transcripts["tags"].str.contains("Ensembl_canonical")
    transcripts["rank"] = np.select([mane, canonical], [0, 1], default=2)
    order = ["rank", "cds", "span", "transcript_id"]
    transcripts = transcripts.sort_values(order, ascending=[True, False, False, True])
    chosen = transcripts.drop_duplicates("gene_id")
    names = np.array(["MANE_Select", "Ensembl_canonical", "longest_CDS"])
    chosen = chosen.assign(
        source=names[chosen["rank"].to_numpy()],
        tss=np.where(chosen["strand"] == "+", chosen["start"], chosen["end"] - 1),
    )
    columns = ["gene_id", "symbol", "chrom", "tss", "strand", "start", "end", "source"]
    return chosen.sort_values(["chrom", "tss"])[[*columns, "transcript_id"]].reset_index(drop=True)
