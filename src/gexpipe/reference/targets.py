"""Expression targets: summed CAGE around the TSS, RNA-seq tables, or a published column."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig

from gexpipe.errors import UserError
from gexpipe.files import open_text
from gexpipe.reference.genes import read_any_table

__all__ = [
    "cage_bigwig",
    "cage_ctss",
    "cage_libraries",
    "rnaseq_table",
    "target_table",
    "transform",
]


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
    with open_text(path) as handle:
        try:
            ctss = pd.read_csv(
                handle,
                sep="\t",
                header=None,
                comment="#",
                usecols=[0, 1, 4, 5],
                names=["chrom", "start", "end", "name", "count", "strand"],
                dtype={"chrom": str, "start": np.int64, "count": float, "strand": str},
            )
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise UserError(
                f"not a CTSS BED (chrom, start, end, name, count, strand): {error}", path
            ) from error
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


def cage_bigwig(path: str | Path, genes: pd.DataFrame, window: int) -> np.ndarray:
    """Sum a CAGE bigWig in the window of every gene (the authors' rule for H1)."""
    total = np.zeros(len(genes))
    start, end = _bounds(genes, window)
    try:
        handle = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise UserError("not a readable bigWig", path) from error
    with handle:
        lengths = handle.chroms()
        _same_names(set(lengths), set(genes["chrom"]), path)
        for row, (chrom, low, high) in enumerate(zip(genes["chrom"], start, end, strict=True)):
            low, high = max(int(low), 0), min(int(high), lengths.get(chrom, 0))
            if high > low:
                values = handle.values(chrom, low, high, numpy=True)
                total[row] = float(np.nansum(values))
    return total


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


def rnaseq_table(path: str | Path, genes: pd.DataFrame) -> np.ndarray:
    """TPM per gene from a table whose first column is a gene id or symbol, second the value.

    Versions of ids are dropped; a name that stands several times keeps its maximum; a gene that is
    absent gives NaN. Genes are matched by id first, then by symbol.
    """
    with open_text(path) as handle:
        try:
            table = pd.read_csv(handle, sep=None, engine="python", header=None, dtype=str)
        except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
            raise UserError(f"not a table of name and value ({error})", path) from error
    if table.shape[1] < 2:
        raise UserError("one column; expected a gene id or symbol and a value", path)
    value = pd.to_numeric(table[1], errors="coerce")
    name = table[0].str.replace(r"\.\d+$", "", regex=True)
    best = value[value.notna()].groupby(name[value.notna()]).max()
    by_id = genes["gene_id"].map(best)
    result = by_id.fillna(genes["symbol"].map(best)).to_numpy(float)
    if np.isnan(result).all():
        raise UserError(f"none of its names ({name.iloc[0]} ...) is a gene id or symbol", path)
    return result


def published_column(path: str | Path, column: str, gene_ids: list[str]) -> np.ndarray:
    """One column of a published gene table, in the order of ``gene_ids`` (NaN where absent)."""
    table = read_any_table(path)
    key = "gene_id" if "gene_id" in table else "ENSID"
    if column not in table:
        raise UserError(f"no column {column!r} (config: target.column)", path)
    values = table.drop_duplicates(key).set_index(key)[column]
    return pd.to_numeric(values.reindex(gene_ids), errors="coerce").to_numpy(float)


def transform(raw: np.ndarray, how: str) -> np.ndarray:
    """``log10p1``: log10(1 + x); ``none``: unchanged."""
    return np.log10(1.0 + raw) if how == "log10p1" else raw


def target_table(genes: pd.DataFrame, raw: np.ndarray, how: str) -> pd.DataFrame:
    """gene_id, raw, target; a `UserError` when no gene has a value."""
    if np.isnan(raw).all() or not np.nansum(np.abs(raw)) > 0:
        raise UserError("no gene has any expression", "target")
    return pd.DataFrame({"gene_id": genes["gene_id"], "raw": raw, "target": transform(raw, how)})
