"""A set of genes given as a file: a list of names, a table of splits, or regions of their TSS."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.intervals import BED3, data_lines, read_intervals

__all__ = ["genes_of", "seen_in_training"]

TRAIN, TEST = (
    "train",
    "test",
)  # words in the fourth column of a BED file of train, valid and test regions
# Column of EPInformer's table of splits that says in which part of Enformer's split a gene is.
ENFORMER = "fold_enformer"


def genes_of(path: Path, genes: pd.DataFrame) -> set[str]:
    """Ids of the genes that a file names, or whose TSS lies in its regions.

    Parameters
    ----------
    path : Path
        One gene id or symbol a line; BED, 0-based half-open, gzipped or not; or a comma-separated
        table with a header, gene ids in its first column, and a column ``fold_enformer``, as
        EPInformer's table of splits. Where that column, or the fourth of a BED file, says ``test``
        (as in Basenji's and Enformer's files of sequences), only these genes or regions count.
    genes : DataFrame
        Gene table: gene_id, symbol, chrom, tss.

    Raises
    ------
    UserError
        A line that is neither, or a file without any of the genes.
    """
    lines = [line for _, line in data_lines(path)]
    rows = [line.split() for line in lines]
    if lines and "," in lines[0]:
        chosen = genes["gene_id"].isin(_held_out(path, lines))
    elif all(len(fields) == 1 for fields in rows):
        names = {fields[0] for fields in rows}
        chosen = genes["gene_id"].isin(names) | genes["symbol"].isin(names)
    else:
        chosen = _within(_regions(path, min(map(len, rows)), TEST), genes)
    if not chosen.any():
        raise UserError(f"none of the {len(genes)} genes is named or lies in a region", path)
    return set(genes.loc[chosen, "gene_id"])


def seen_in_training(path: Path, genes: pd.DataFrame) -> set[str]:
    """Ids of the genes whose TSS lies in the regions that a model was trained on; may be none.

    Parameters
    ----------
    path : Path
        BED, 0-based half-open, gzipped or not. Where its fourth column says ``train``, as in
        Basenji's and Enformer's files of sequences, only these regions count.
    genes : DataFrame
        Gene table: gene_id, chrom, tss.

    Raises
    ------
    UserError
        No region is on a chromosome of the genes.
    """
    rows = [line.split() for _, line in data_lines(path)]
    regions = _regions(path, min(map(len, rows), default=0), TRAIN)
    if not regions["chrom"].isin(genes["chrom"]).any():
        first = regions["chrom"].iloc[0] if len(regions) else "nothing"
        raise UserError(f"no region is on a chromosome of the genes; it begins with {first}", path)
    return set(genes.loc[_within(regions, genes), "gene_id"])


def _held_out(path: Path, lines: list[str]) -> set[str]:
    """Ids of the test genes of Enformer's split, without versions."""
    header, *rows = csv.reader(lines, strict=True)
    if ENFORMER not in header:
        raise UserError(f"no column {ENFORMER!r} in the header: {', '.join(header[:9])} ...", path)
    part = header.index(ENFORMER)
    short = next((k for k, row in enumerate(rows, 2) if len(row) != len(header)), 0)
    if short:
        raise UserError(f"not as many fields as the header ({len(header)})", f"{path}, row {short}")
    return {row[0].partition(".")[0] for row in rows if row[part] == TEST}


def _regions(path: Path, columns: int, part: str) -> pd.DataFrame:
    """Regions of a BED file; where its fourth column names parts, those of one of them."""
    table = read_intervals(path, [*BED3, "part"] if columns > len(BED3) else BED3)
    if "part" in table and (table["part"] == part).any():
        return table[table["part"] == part]
    return table


def _within(regions: pd.DataFrame, genes: pd.DataFrame) -> pd.Series:
    found = pd.Series(False, index=genes.index)
    for chrom, there in genes.groupby("chrom", sort=False):
        tss = there["tss"].to_numpy()[:, None]
        own = regions[regions["chrom"] == chrom]
        inside = (tss >= own["start"].to_numpy()) & (tss < own["end"].to_numpy())
        found[there.index] = np.asarray(inside.any(axis=1))
    return found
