"""The gene table: which genes, on which strand, with the TSS that every window is centred on."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.reference.gtf import read_gtf, representative_transcripts
from gexpipe.tabular import read_tsv

__all__ = ["GENE_COLUMNS", "genes_from_gtf", "genes_from_table", "read_genes", "write_table"]

# Order of the columns of results/genes/genes.tsv.
GENE_COLUMNS = ["gene_id", "symbol", "chrom", "tss", "strand", "start", "end", "source"]


def genes_from_gtf(path: str | Path, chromosomes: list[str]) -> pd.DataFrame:
    """One TSS per protein-coding gene from gene models (see `representative_transcripts`).

    ``start`` and ``end`` bound all transcripts of the gene: the body that makes an element genic.
    """
    models = read_gtf(path, chromosomes)
    transcripts = models[models["feature"] == "transcript"].groupby("gene_id")
    genes = representative_transcripts(models)
    genes["start"] = genes["gene_id"].map(transcripts["start"].min())
    genes["end"] = genes["gene_id"].map(transcripts["end"].max())
    return genes[GENE_COLUMNS]


def genes_from_table(
    path: str | Path, chromosomes: list[str], tss_column: str = ""
) -> pd.DataFrame:
    """Genes of a published table: EPInformer's Xpresso table, or any CSV/TSV with such columns.

    Accepted column names (first found wins): gene_id | ENSID; symbol | Gene name; chrom; tss | TSS
    | TSS_xpresso; strand; start; end. Chromosomes may lack their ``chr``. The TSS is taken as a
    0-based position, as the authors' code does. Strand may be +, -, 1 or -1; a table without
    strands is unstranded (``.``), which only matters to strand-aware options.

    Parameters
    ----------
    path : str or Path
        The table.
    chromosomes : list of str
        Chromosomes in use.
    tss_column : str, optional
        The column that holds the TSS: a table may have several. The column taken stands in
        ``source``.

    Returns
    -------
    DataFrame
        `GENE_COLUMNS`, restricted to ``chromosomes``, in the table's order.
    """
    table = read_any_table(path)
    where = str(path)

    def column(*names: str) -> pd.Series:
        for name in names:
            if name in table:
                return table[name]
        raise UserError(
            f"no column {' or '.join(names)}; it has {', '.join(map(str, table.columns[:12]))}",
            where,
        )

    chrom = column("chrom").astype(str)
    chrom = chrom.where(chrom.str.startswith("chr"), "chr" + chrom)
    position = column(tss_column) if tss_column else column("tss", "TSS", "TSS_xpresso")
    tss = pd.to_numeric(position, errors="coerce")
    if tss.isna().any():
        row = int(np.flatnonzero(tss.isna())[0]) + 2
        raise UserError("the TSS is not a number", f"{where}, row {row}")
    strand = table["strand"].astype(str) if "strand" in table else pd.Series(".", index=table.index)
    genes = pd.DataFrame(
        {
            "gene_id": column("gene_id", "ENSID").astype(str),
            "symbol": column("symbol", "Gene name").fillna("").astype(str),
            "chrom": chrom,
            "tss": tss.astype(np.int64),
            "strand": strand.replace({"1": "+", "-1": "-", "1.0": "+", "-1.0": "-"}),
            "start": table.get("start", tss).fillna(tss).astype(np.int64),
            "end": table.get("end", tss + 1).fillna(tss + 1).astype(np.int64),
            "source": f"table:{position.name}",
        }
    )
    genes = genes[genes["chrom"].isin(chromosomes)].reset_index(drop=True)
    if genes.empty:
        raise UserError(f"no gene on {', '.join(chromosomes[:5])} ...", where)
    duplicated = genes["gene_id"][genes["gene_id"].duplicated()]
    if len(duplicated):
        raise UserError(f"gene {duplicated.iloc[0]} stands twice", where)
    return genes


def read_any_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV or TSV, gzipped or not; the header line decides which."""
    source = require(path, "table")
    zipped = source.open("rb").read(2) == b"\x1f\x8b"
    options = {"compression": "gzip" if zipped else None, "low_memory": False}
    try:
        head = pd.read_csv(source, sep="\t", nrows=0, **options)  # type: ignore[call-overload]
        separator = "\t" if len(head.columns) > 1 else ","
        return pd.read_csv(source, sep=separator, **options)  # type: ignore[call-overload]
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"not a readable table ({error})", source) from error


def read_genes(path: str | Path) -> pd.DataFrame:
    """Read results/genes/genes.tsv; a `UserError` names a missing column."""
    source = require(path, "gene table")
    types = {"gene_id": str, "symbol": str, "chrom": str, "strand": str}
    table = read_tsv(source, "gene table", GENE_COLUMNS, dtype=types, keep_default_na=False)
    for column in ("tss", "start", "end"):
        number = pd.to_numeric(table[column], errors="coerce")
        bad = np.flatnonzero(number.isna() | (number < 0) | (number % 1 != 0))
        if len(bad):
            found = table[column].iloc[bad[0]]
            raise UserError(f"{column} is {found!r}, expected bp", f"{source}, row {bad[0] + 2}")
    return table


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a TSV aside and rename it."""
    with aside(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
