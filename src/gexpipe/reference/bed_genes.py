"""The gene table from one's own BED file of genes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError, at_row
from gexpipe.files import require
from gexpipe.intervals import read_intervals

__all__ = ["genes_from_bed"]

FIELDS = ["chrom", "start", "end", "name", "score", "strand"]


def genes_from_bed(path: str | Path, chromosomes: list[str]) -> pd.DataFrame:
    """Genes of a BED file: one row a gene, its body 0-based half-open.

    The name is the gene id, or id and symbol as ``id|symbol``. The TSS is that of ABC:
    ``start`` on +, ``end`` on - (one past the first transcribed base).

    Parameters
    ----------
    path : str or Path
        BED of at least six columns (more are ignored), gzipped or not; ``#``, ``track`` and
        ``browser`` lines are skipped.
    chromosomes : list of str
        Chromosomes in use; genes elsewhere are left out.

    Returns
    -------
    DataFrame
        gene_id, symbol (empty without one), chrom, tss, strand, start, end, source (``bed``), in
        the file's order.

    Raises
    ------
    UserError
        At a row with fewer than six columns, without strand, without a body, or with an id that
        stood before; or when no gene lies on ``chromosomes``.
    """
    rows = read_intervals(require(path, "BED file of genes"), FIELDS)
    stranded = rows["strand"].isin(["+", "-"]).to_numpy()
    _refuse(path, rows, ~stranded, "strand", "+ or -: the TSS depends on it")
    names = [name.partition("|") for name in rows["name"]]
    start, end = rows["start"].to_numpy(), rows["end"].to_numpy()
    genes = pd.DataFrame(
        {
            "gene_id": [name[0] for name in names],
            "symbol": [name[2] for name in names],
            "chrom": rows["chrom"],
            "tss": np.where(rows["strand"] == "+", start, end),
            "strand": rows["strand"],
            "start": start,
            "end": end,
            "source": "bed",
        },
        index=rows.index,
    )
    _refuse(path, rows, genes["gene_id"].isin(["", "."]).to_numpy(), "name", "a gene id")
    _refuse(path, rows, genes["gene_id"].duplicated().to_numpy(), "name", "each gene id once")
    genes = genes[genes["chrom"].isin(chromosomes)].reset_index(drop=True)
    if genes.empty:
        found = ", ".join(map(str, rows["chrom"].unique()[:4]))
        raise UserError(f"no gene on {', '.join(chromosomes[:4])}; it has {found}", path)
    return genes


def _refuse(
    path: str | Path, rows: pd.DataFrame, bad: np.ndarray, column: str, expected: str
) -> None:
    if bad.any():
        found = rows[bad].iloc[0]
        raise UserError(
            f"{column} of {found['name']} is {found[column]!r}, expected {expected}",
            at_row(path, int(rows.index[bad][0])),
        )
