"""A set of genes given as a file: a list of names, or the regions that hold their TSS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.intervals import BED3, data_lines, read_intervals

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
    rows = [line.split() for _, line in data_lines(path)]
    if all(len(fields) == 1 for fields in rows):
        names = {fields[0] for fields in rows}
        chosen = genes["gene_id"].isin(names) | genes["symbol"].isin(names)
    else:
        chosen = _within(_regions(path, min(map(len, rows))), genes)
    if not chosen.any():
        raise UserError(f"none of the {len(genes)} genes is named or lies in a region", path)
    return set(genes.loc[chosen, "gene_id"])


def _regions(path: Path, columns: int) -> pd.DataFrame:
    table = read_intervals(path, [*BED3, "part"] if columns > len(BED3) else BED3)
    if "part" in table and (table["part"] == TEST).any():
        return table[table["part"] == TEST]
    return table


def _within(regions: pd.DataFrame, genes: pd.DataFrame) -> pd.Series:
    found = pd.Series(False, index=genes.index)
    for chrom, there in genes.groupby("chrom", sort=False):
        tss = there["tss"].to_numpy()[:, None]
        own = regions[regions["chrom"] == chrom]
        inside = (tss >= own["start"].to_numpy()) & (tss < own["end"].to_numpy())
        found[there.index] = np.asarray(inside.any(axis=1))
    return found
