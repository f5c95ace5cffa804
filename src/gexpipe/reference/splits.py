"""The part of every gene in every fold."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.reference.folds import FOLDS, balanced_folds, fold_chromosomes
from gexpipe.schemas import SPLITS, read_stage

__all__ = ["balanced_chromosomes", "read_splits", "split_table"]


def balanced_chromosomes(genes: pd.DataFrame, fold: int) -> tuple[set[str], set[str]]:
    """Validation and test chromosomes of a fold made for the genome of these genes.

    Chromosomes, those with most genes first, each go to the group that has fewest genes so far;
    there are twelve groups, or as many as chromosomes. Fold i tests group i and validates on the
    next one, so that all folds together test every gene once.

    Parameters
    ----------
    genes : DataFrame
        Column chrom.
    fold : int
        From 1.

    Raises
    ------
    UserError
        Fewer than three chromosomes, or no such fold.
    """
    counts = genes["chrom"].value_counts()
    names = sorted(counts.index, key=lambda name: (-counts[name], name))
    number = balanced_folds(len(names), fold)
    groups: list[set[str]] = [set() for _ in range(number)]
    sizes = [0] * number
    for name in names:
        at = sizes.index(min(sizes))
        groups[at].add(name)
        sizes[at] += int(counts[name])
    return groups[fold % number], groups[fold - 1]


def split_table(genes: pd.DataFrame, folds: str = "papers") -> pd.DataFrame:
    """Part of every gene in every fold.

    Parameters
    ----------
    genes : DataFrame
        Columns gene_id, chrom.
    folds : str
        papers (`fold_chromosomes`) or balanced (`balanced_chromosomes`).

    Returns
    -------
    DataFrame
        gene_id, chrom, fold_1 ... fold_12, each train, valid or test. A whole chromosome is in one
        part, so no gene sits in two parts of a fold. Of fewer than twelve chromosomes there are as
        many balanced folds.
    """
    table = genes[["gene_id", "chrom"]].copy()
    there = genes["chrom"].nunique() if folds == "balanced" else len(FOLDS)
    for fold in FOLDS[: max(there, 1)]:
        if folds == "balanced":
            valid, test = balanced_chromosomes(genes, fold)
        else:
            valid, test = fold_chromosomes(fold)
        part = pd.Series("train", index=table.index)
        part[table["chrom"].isin(valid)] = "valid"
        part[table["chrom"].isin(test)] = "test"
        table[f"fold_{fold}"] = part
    return table


def read_splits(path: Path) -> pd.DataFrame:
    """Read a table as `split_table` makes it; a `UserError` where a fold lacks within it."""
    table = read_stage(path, SPLITS)
    names = [f"fold_{fold}" for fold in FOLDS]
    number = sum(name in table for name in names)
    for name in names[:number]:
        if name not in table:
            raise UserError(f"missing column {name!r}", path)
    return table
