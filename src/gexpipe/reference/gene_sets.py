"""A set of genes given as a file: a list of names, or the regions that hold their TSS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import open_text

__all__ = ["genes_of"]

TEST = "test"  # word in the fourth column of a BED file of train, valid and test regions


def genes_of(path: Path, genes: pd.DataFrame) -> set[str]:
    """Ids of the genes that a file names, or whose TSS lies in its regions.

    Parameters
    ----------
    path : Path
        One gene id or symbol a line; or BED, 0-based half-open, gzipped or not. Where the fourth
        column of a BED file says ``test``, as in Basenji's and Enformer's files of sequences, only
        these regions count.
    genes : DataFrame
        Gene table: gene_id, symbol, chrom, tss.

    Raises
    ------
    UserError
        A line that is neither, or a file without any of the genes.
    """
    with open_text(path) as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if all(len(row) == 1 for row in rows):
        names = {row[0] for row in rows}
        chosen = genes["gene_id"].isin(names) | genes["symbol"].isin(names)
    else:
        chosen = _within(_regions(rows, path), genes)
    if not chosen.any():
        raise UserError(f"none of the {len(genes)} genes is named or lies in a region", path)
    return set(genes.loc[chosen, "gene_id"])


def _regions(rows: list[list[str]], path: Path) -> pd.DataFrame:
    for row in rows:
        if len(row) < 3 or not (row[1].isdigit() and row[2].isdigit()):
            message = f"{' '.join(row)!r} is neither a gene's name nor chrom, start, end"
            raise UserError(message, path)
    table = pd.DataFrame([row[:3] for row in rows], columns=["chrom", "start", "end"])
    part = pd.Series([row[3] if len(row) > 3 else "" for row in rows])
    table = table[part == TEST] if (part == TEST).any() else table
    return table.astype({"start": np.int64, "end": np.int64})


def _within(regions: pd.DataFrame, genes: pd.DataFrame) -> pd.Series:
    found = pd.Series(False, index=genes.index)
    for chrom, there in genes.groupby("chrom", sort=False):
        tss = there["tss"].to_numpy()[:, None]
        own = regions[regions["chrom"] == chrom]
        inside = (tss >= own["start"].to_numpy()) & (tss < own["end"].to_numpy())
        found[there.index] = np.asarray(inside.any(axis=1))
    return found
