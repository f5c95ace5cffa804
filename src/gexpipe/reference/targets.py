"""Expression targets: summed CAGE around the TSS, RNA-seq tables, or a published column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig

from gexpipe.errors import UserError, at_row
from gexpipe.intervals import read_intervals
from gexpipe.log import get_logger
from gexpipe.tabular import numbers, read_table

__all__ = [
    "absent_target",
    "cage_bigwig",
    "cage_ctss",
    "cage_libraries",
    "target_table",
    "transform",
]


logger = get_logger(__name__)

CTSS = ("chrom", "start", "end", "name", "count", "strand")


def _bounds(genes: pd.DataFrame, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Half-open window of ``window`` bp centred on each TSS, 0-based."""
    start = genes["tss"].to_numpy(np.int64) - window // 2
    return start, start + window


def cage_ctss(path: str | Path, genes: pd.DataFrame, window: int, strand: str) -> np.ndarray:
    """Sum FANTOM5 CTSS counts in the window of every gene.

    Parameters
    ----------
    path : str or Path
        CTSS as BED: chrom, start, end, name, count, strand; one line per 5' end (0-based).
    genes : DataFrame
        Gene table (chrom, tss, strand).
    window : int
        Width in bp, centred on the TSS: ``[tss - window // 2, tss + window // 2)``.
    strand : {"both", "same"}
        Count both strands, or only the gene's own.

    Returns
    -------
    ndarray
        (genes,) float64 counts.
    """
    ctss = _tags(path)
    start, end = _bounds(genes, window)
    total = np.zeros(len(genes))
    _same_names(set(ctss["chrom"]), set(genes["chrom"]), path)
    strands = ["+", "-"] if strand == "same" else [None]
    for chrom, rows in genes.groupby("chrom", sort=False):
        here = ctss[ctss["chrom"] == chrom]
        for sign in strands:
            tags = here if sign is None else here[here["strand"] == sign]
            tags = tags.sort_values("start")
            position = tags["start"].to_numpy()
            cumulative = np.concatenate([[0.0], np.cumsum(tags["count"].to_numpy())])
            mine = rows if sign is None else rows[rows["strand"] == sign]
            at = mine.index.to_numpy()
            low = np.searchsorted(position, start[at])
            high = np.searchsorted(position, end[at])
            total[at] += cumulative[high] - cumulative[low]
    return total


def _tags(path: str | Path) -> pd.DataFrame:
    ctss = read_intervals(path, CTSS)
    count = pd.to_numeric(ctss["count"], errors="coerce").astype(np.float64)
    strand = ctss["strand"]
    for name, bad, expected in (
        ("count", ~(np.isfinite(count) & (count >= 0)), "a number >= 0"),
        ("strand", ~strand.isin(["+", "-"]), "+ or -"),
    ):
        if bad.any():
            found = ctss[name][bad].iloc[0]
            where = at_row(path, int(ctss[bad].index[0]))
            raise UserError(
                f"not a CTSS BED ({', '.join(CTSS)}): {name} is {found!r}, expected {expected}",
                where,
            )
    return ctss.assign(count=count).reset_index(drop=True)


def cage_bigwig(path: str | Path, genes: pd.DataFrame, window: int) -> np.ndarray:
    """Sum a CAGE bigWig in the window of every gene (the authors' rule for H1).

    A file without a value above zero is a minus strand as browsers draw it: its absolute values
    count.

    Raises
    ------
    UserError
        No bigWig, no chromosome of the genes, or values above and below zero.
    """
    total = np.zeros(len(genes))
    start, end = _bounds(genes, window)
    try:
        handle = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise UserError("not a readable bigWig", path) from error
    with handle:
        if not handle.isBigWig():
            raise UserError("a bigBed, expected a bigWig", path)
        lengths, sign = handle.chroms(), _sign(handle, path)
        _same_names(set(lengths), set(genes["chrom"]), path)
        for place, (chrom, low, high) in enumerate(zip(genes["chrom"], start, end, strict=True)):
            low, high = max(int(low), 0), min(int(high), lengths.get(chrom, 0))
            if high > low:
                values = sign * handle.values(chrom, low, high, numpy=True)
                if (values < 0).any():  # the header did not say so
                    raise UserError("values above and below 0: counts are not negative", path)
                total[place] = float(np.nansum(values))
    return total


def _sign(handle: Any, path: str | Path) -> int:
    """-1 where all values of a bigWig are negative, else 1; decided over the whole file."""
    about = handle.header()
    low, high = about["minVal"], about["maxVal"]
    if low < 0 < high:
        raise UserError(f"values from {low} to {high}: counts are not negative", path)
    if low < 0:
        logger.info("%s: all values are below 0, a minus strand: their absolute values count", path)
    return -1 if low < 0 else 1


def cage_libraries(paths: list[Path], genes: pd.DataFrame, window: int, strand: str) -> np.ndarray:
    """Sum of several libraries, each CTSS or bigWig by its extension (bigWig: both strands)."""
    total = np.zeros(len(genes))
    for path in paths:
        if path.suffix.lower() in (".bigwig", ".bw"):
            total += cage_bigwig(path, genes, window)
        else:
            total += cage_ctss(path, genes, window, strand)
    return total


def _same_names(found: set[str], wanted: set[str], path: str | Path) -> None:
    if not found & wanted:
        raise UserError(
            f"none of its chromosomes ({', '.join(sorted(found)[:3])}) carries a gene "
            f"({', '.join(sorted(wanted)[:3])})",
            path,
        )
    if wanted - found:
        logger.warning("%s has no %s: genes there count 0", path, ", ".join(sorted(wanted - found)))


def published_column(path: str | Path, column: str, gene_ids: list[str]) -> np.ndarray:
    """One column of a published gene table, in the order of ``gene_ids`` (NaN where absent)."""
    table = read_table(path)
    key = "gene_id" if "gene_id" in table else "ENSID"
    for name in (column, key):
        if name not in table:
            raise UserError(f"no column {name!r} (config: target.column)", path)
    values = numbers(table, column, path, missing=True)
    values.index = pd.Index(table[key])
    return values[~values.index.duplicated()].reindex(gene_ids).to_numpy(np.float64)


def transform(raw: np.ndarray, how: str) -> np.ndarray:
    """``log10p1``: log10(1 + x); ``none``: unchanged."""
    return np.log10(1.0 + raw) if how == "log10p1" else raw


def absent_target(genes: pd.DataFrame) -> pd.DataFrame:
    """The target table of a cell type without expression: gene_id, raw and target missing."""
    return pd.DataFrame({"gene_id": genes["gene_id"], "raw": np.nan, "target": np.nan})


def target_table(genes: pd.DataFrame, raw: np.ndarray, how: str) -> pd.DataFrame:
    """gene_id, raw, target; a `UserError` when no gene has a value."""
    if np.isnan(raw).all() or not np.nansum(np.abs(raw)) > 0:
        raise UserError("no gene has any expression", "target")
    return pd.DataFrame({"gene_id": genes["gene_id"], "raw": raw, "target": transform(raw, how)})
