"""Pairs of elements and genes tested by CRISPRi, and what element-gene scores say of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gexpipe.errors import UserError, at_row
from gexpipe.files import require
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.tabular import numbers, read_table, read_tsv

__all__ = [
    "STUDY_COLUMNS",
    "best_overlap",
    "crispr_pairs",
    "overlap_scores",
    "predicted",
]

logger = get_logger(__name__)

Floats = NDArray[np.float64]

# What a study itself measured of its pairs, where its table says so (`gexpipe.crispri.workbook`).
STUDY_COLUMNS = ("study_activity", "study_contact")
COLUMNS = ("chrom", "chromStart", "chromEnd", "startTSS", "endTSS", "measuredGeneSymbol")


def crispr_pairs(
    path: str | Path, genes: pd.DataFrame, cells: Collection[str] = (), reference: str = ""
) -> pd.DataFrame:
    """Tested element-gene pairs of a CRISPRi table (the column names of EPCrisprBenchmark).

    Kept are the rows whose ``ValidConnection`` is TRUE, where the table has that column. A pair is
    positive when ``Regulated``: a significant decrease of the gene. Genes are matched by Ensembl
    id, else by symbol.

    Parameters
    ----------
    path : str or Path
        CSV or TSV, gzipped or not; coordinates 0-based half-open, of the genes' assembly.
    genes : DataFrame
        Gene table (gene_id, symbol).
    cells : collection of str
        Keep the rows of these ``CellType``; all without one.
    reference : str
        Keep the rows whose ``Reference`` holds this text.

    Returns
    -------
    DataFrame
        chrom, start, end, gene_id (NaN: not in the gene table), distance (bp, middle of the element
        to middle of the TSS), regulated (bool), effect (fraction of expression gained, EffectSize;
        NaN where the table has none), and the `STUDY_COLUMNS` that the table has.
    """
    table = read_table(path)
    missing = [name for name in [*COLUMNS, "Regulated"] if name not in table]
    if missing:
        raise UserError(f"no column {missing[0]!r} of a CRISPRi benchmark table", path)
    table = _kept(table, "ValidConnection", {"TRUE"}, path)
    table = _kept(table, "CellType", {name.upper() for name in cells}, path)
    if reference:
        named = (
            table["Reference"].astype(str) if "Reference" in table else pd.Series("", table.index)
        )
        table = table[named.str.contains(reference, regex=False)]
        if table.empty:
            raise UserError(f"no row whose Reference holds {reference!r}", path)
    known = dict(zip(genes["symbol"], genes["gene_id"], strict=True))
    gene = table["measuredGeneSymbol"].map(known)
    if "measuredGeneEnsemblId" in table:
        named = without_version(table["measuredGeneEnsemblId"])
        gene = named.where(named.isin(genes["gene_id"]), gene)
    if gene.isna().all():
        raise UserError(
            f"none of its genes ({table['measuredGeneSymbol'].iloc[0]} ...) is in the gene table "
            f"({genes['symbol'].iloc[0]} ...)",
            path,
        )
    start, end, first, last = (
        numbers(table, name, path, whole=True)
        for name in ("chromStart", "chromEnd", "startTSS", "endTSS")
    )
    if (start >= end).any():
        at = int(start.index[(start >= end).to_numpy()][0])
        raise UserError(
            f"found {start[at]} {end[at]}, expected chromStart < chromEnd", at_row(path, at)
        )
    pairs = pd.DataFrame(
        {
            "chrom": table["chrom"].astype(str),
            "start": start,
            "end": end,
            "gene_id": gene,
            "distance": ((start + end) / 2.0 - (first + last) / 2.0).abs(),
            "regulated": _flags(table, "Regulated", path),
            "effect": _effects(table, path),
            **{
                name: numbers(table, name, path, missing=True)
                for name in STUDY_COLUMNS
                if name in table
            },
        }
    ).reset_index(drop=True)
    if pairs["regulated"].all() or not pairs["regulated"].any():
        raise UserError("expected regulated and unregulated pairs, found one kind", path)
    return pairs


def _flags(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    words = table[column].str.upper()
    bad = ~words.isin(["TRUE", "FALSE", "1", "0"])
    if bad.any():
        where = at_row(path, int(words.index[bad][0]))
        raise UserError(
            f"{column} is {table[column][bad].iloc[0]!r}, expected TRUE or FALSE", where
        )
    return words.isin(["TRUE", "1"])


def _effects(table: pd.DataFrame, path: str | Path) -> pd.Series:
    if "EffectSize" not in table:
        return pd.Series(np.nan, index=table.index)
    return numbers(table, "EffectSize", path, missing=True)


def _kept(table: pd.DataFrame, column: str, wanted: set[str], path: str | Path) -> pd.DataFrame:
    """Rows with one of the wanted words, whatever their case; all where nothing is wanted."""
    if column not in table or not wanted:
        return table
    found = table[column].astype(str)
    kept = table[found.str.upper().isin(wanted)]
    if kept.empty:
        words = " or ".join(sorted(wanted))
        raise UserError(f"no row with {column} {words}; it has {found.iloc[0]}", path)
    return kept


def predicted(path: Path, wanted: set[str], scores: Sequence[str]) -> pd.DataFrame:
    """Rows of the genes in question and their score columns, read batch by batch."""
    columns = ["gene_id", "chrom", "start", "end", *scores]
    with require(path, "prediction file").open("rb") as handle:
        stored = handle.read(4) == b"PAR1"
    if not stored:  # text, as our table looks once it is exported
        names = {"gene_id": str, "chrom": str}
        table = read_tsv(path, "prediction table", columns, dtype=names, keep_default_na=True)
        return table.loc[table["gene_id"].isin(wanted), columns].reset_index(drop=True)
    try:
        return _stored_scores(path, wanted, columns)
    except (OSError, ValueError) as error:  # pyarrow's are ValueErrors
        raise UserError(f"not a readable prediction file ({error})", path) from error


def _stored_scores(path: Path, wanted: set[str], columns: list[str]) -> pd.DataFrame:
    with pq.ParquetFile(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise UserError(
                f"no column {missing[0]!r}; it has {', '.join(file.schema_arrow.names)}", path
            )
        parts = []
        for batch in file.iter_batches(1 << 20, columns=columns):
            table = batch.to_pandas()
            parts.append(table[table["gene_id"].isin(wanted)])
    found = pd.concat(parts, ignore_index=True)
    return found.astype({"gene_id": str, "chrom": str})


def overlap_scores(pairs: pd.DataFrame, predictions: Path, column: str = "abc_score") -> Floats:
    """Score of every tested pair: the largest among the gene's overlapping predicted elements.

    An element counts when it shares at least one base with the perturbed region and was predicted
    for the same gene. A pair without one, a gene that is not predicted and a missing score count
    0: not predicting a link is a prediction. Of a gene's own promoter elements ABC says 1; a tested
    region that overlaps one gets that.

    Parameters
    ----------
    pairs : DataFrame
        See `crispr_pairs`.
    predictions : Path
        Parquet with gene_id, chrom, start, end and ``column``; a row per element and gene.
    column : str
        The score; larger means a link is more likely.

    Returns
    -------
    ndarray
        (pairs,) float64.
    """
    found = predicted(predictions, set(pairs["gene_id"].dropna()), [column])
    score, hits = best_overlap(pairs, found, column)
    if hits == 0:
        raise UserError(
            "no predicted element overlaps a tested one: another assembly?", predictions
        )
    logger.info("%d of %d tested pairs overlap a predicted element", hits, len(pairs))
    return score


def best_overlap(pairs: pd.DataFrame, found: pd.DataFrame, column: str) -> tuple[Floats, int]:
    """Largest score of the elements of the same gene that overlap each pair, and how many do.

    ``found`` has gene_id, chrom, start, end and ``column``; a pair without an element has 0.
    """
    tested = pairs[["chrom", "start", "end", "gene_id"]].reset_index(names="pair")
    groups = dict(iter(found.groupby(["gene_id", "chrom"], sort=False)))
    score = np.zeros(len(pairs))
    hits = 0
    for key, rows in tested.groupby(["gene_id", "chrom"], sort=False):
        if key not in groups:
            continue
        elements = groups[key]
        start, end = elements["start"].to_numpy(), elements["end"].to_numpy()
        value = np.nan_to_num(elements[column].to_numpy(np.float64), nan=0.0)
        overlap = (start[None, :] < rows["end"].to_numpy()[:, None]) & (
            end[None, :] > rows["start"].to_numpy()[:, None]
        )
        best = np.where(overlap, value[None, :], -np.inf).max(axis=1)
        hits += int(overlap.any(axis=1).sum())
        score[rows["pair"].to_numpy()] = np.where(np.isfinite(best), best, 0.0)
    return score, hits
