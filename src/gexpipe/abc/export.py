"""Scores as the table that ABC's own pipeline writes, EnhancerPredictionsAllPutative.tsv."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.errors import UserError
from gexpipe.files import aside, require

__all__ = ["COLUMNS", "abc_rows", "write_abc_table"]

# Ours -> ABC's name.
NAMES = {
    "chrom": "chr", "start": "start", "end": "end", "name": "name", "class": "class",
    "activity": "activity_base", "symbol": "TargetGene", "tss": "TargetGeneTSS",
    "gene_id": "TargetGeneEnsembl_ID", "promoter_activity_quantile":
    "TargetGenePromoterActivityQuantile", "distance": "distance",
    "is_self_promoter": "isSelfPromoter", "powerlaw": "powerlaw_contact",
    "hic_contact": "hic_contact", "contact": "hic_contact_pl_scaled_adj",
    "numerator": "ABC.Score.Numerator", "abc_score": "ABC.Score",
    "powerlaw_numerator": "powerlaw.Score.Numerator", "powerlaw_score": "powerlaw.Score",
}  # fmt: skip
TSV = arrow_csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
COLUMNS = [*NAMES.values(), "CellType"]


def abc_rows(
    pairs: pd.DataFrame, elements: pd.DataFrame, genes: pd.DataFrame, law: PowerLaw, cell: str
) -> pd.DataFrame:
    """Pairs of some genes under ABC's column names.

    Parameters
    ----------
    pairs : DataFrame
        Rows of predictions.parquet; all pairs of each gene, whose sum the power-law score needs.
    elements : DataFrame
        name, class, by the numbers of the pairs' column ``element``.
    genes : DataFrame
        symbol, tss, promoter_activity_quantile, by the numbers of the column ``gene``.
    law : PowerLaw
        Of ``powerlaw_contact`` and ``powerlaw.Score``.
    cell : str
        Of the column CellType.

    Returns
    -------
    DataFrame
        `COLUMNS`; a gene without a symbol is named by its id.
    """
    element, gene = pairs["element"].to_numpy(), pairs["gene"].to_numpy()
    table = pairs.reset_index(drop=True).astype({"gene_id": str, "chrom": str})
    for name in ("name", "class"):
        table[name] = elements[name].to_numpy()[element]
    for name in ("symbol", "tss", "promoter_activity_quantile"):
        table[name] = genes[name].to_numpy()[gene]
    table["symbol"] = table["symbol"].where(table["symbol"] != "", table["gene_id"])
    table["powerlaw"] = law(table["distance"])
    table["numerator"] = table["activity"].astype(np.float64) * table["contact"]
    table["powerlaw_numerator"] = table["activity"].astype(np.float64) * table["powerlaw"]
    total = table.groupby("gene")["powerlaw_numerator"].transform("sum")
    score = table["powerlaw_numerator"] / total
    table["powerlaw_score"] = score.mask(table["is_self_promoter"], 1.0)
    table["is_self_promoter"] = np.where(table["is_self_promoter"], "True", "False")
    return table[list(NAMES)].rename(columns=NAMES).assign(CellType=cell)


def _by_chromosome(file: pq.ParquetFile) -> Iterator[pd.DataFrame]:
    """Rows of one chromosome after the other: a row group may hold a part of one."""
    parts: list[pd.DataFrame] = []
    for group in range(file.num_row_groups):
        pairs = file.read_row_group(group).to_pandas()
        for _, rows in pairs.groupby("chrom", sort=False, observed=True):
            if parts and str(parts[-1]["chrom"].iloc[0]) != str(rows["chrom"].iloc[0]):
                yield pd.concat(parts, ignore_index=True)
                parts = []
            parts.append(rows)
    if parts:
        yield pd.concat(parts, ignore_index=True)


def write_abc_table(
    predictions: Path,
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    law: PowerLaw,
    cell: str,
    threshold: float,
    out: Path,
) -> int:
    """Write pairs with a score of at least ``threshold`` as TSV, gzipped where the name says so.

    One chromosome is in memory at a time. Returns the number of rows.
    """
    rows = 0
    try:
        with (
            pq.ParquetFile(require(predictions, "ABC predictions")) as file,
            aside(out) as temporary,
            temporary.open("wb") as raw,
        ):
            sink = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if out.suffix == ".gz" else raw
            sink.write(("\t".join(COLUMNS) + "\n").encode())
            for pairs in _by_chromosome(file):
                table = abc_rows(pairs, elements, genes, law, cell)
                kept = table[table["ABC.Score"] >= threshold] if threshold > 0 else table
                arrow_csv.write_csv(pa.Table.from_pandas(kept, preserve_index=False), sink, TSV)
                rows += len(kept)
            if sink is not raw:
                sink.close()
    except (OSError, ValueError, KeyError) as error:  # pyarrow's are ValueErrors
        raise UserError(f"not ABC predictions ({error})", predictions) from error
    return rows
