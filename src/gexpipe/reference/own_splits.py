"""Training, validation and test genes as people give them: one split, or several folds."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.reference.folds import FOLDS
from gexpipe.tabular import read_table

__all__ = ["own_folds", "own_splits"]

logger = get_logger(__name__)

PARTS = ("train", "valid", "test")
FOLD = re.compile(r"fold_([0-9]+)")


def own_folds(path: Path) -> list[int]:
    """Numbers of the folds that a file of own splits has; what it breaks is a `UserError`."""
    return sorted(_parts_by_fold(path))


def own_splits(genes: pd.DataFrame, path: Path) -> pd.DataFrame:
    """As `gexpipe.reference.splits.split_table`, with the folds that a file gives.

    Parameters
    ----------
    genes : DataFrame
        Columns gene_id, chrom.
    path : Path
        Tab- or comma-separated, with gene_id and the part (train, valid, test): in a column part
        (which is fold 1), in columns fold_1, fold_2, ..., or in a column part beside a column fold
        with its number (a row for each gene and fold). Genes that are not in use are counted.

    Returns
    -------
    DataFrame
        gene_id, chrom, fold_1 ... fold_N.

    Raises
    ------
    UserError
        None of these forms, a gap in the folds, another part, a gene in two parts of a fold, genes
        in use without a part, a part without genes.
    """
    table = genes[["gene_id", "chrom"]].copy()
    for fold, given in sorted(_parts_by_fold(path).items()):
        where = f"{path}, fold {fold}"
        part = table["gene_id"].map(given)
        if part.isna().any():
            first = table.loc[part.isna(), "gene_id"].iloc[0]
            lacking = int(part.isna().sum())
            found = f"{lacking} of {len(part)} genes have no part, the first is {first}"
            raise UserError(found, where)
        for name in PARTS:
            if not (part == name).any():
                raise UserError(f"no gene in use is in part {name}", where)
        unknown = len(given) - len(part)
        logger.info("%s: %d genes; %d more are not in use", where, len(part), unknown)
        table[f"fold_{fold}"] = part
    _say_how_often(table, path)
    return table


def _say_how_often(table: pd.DataFrame, path: Path) -> None:
    """Warn where the folds together do not test every gene once: pooled errors count them so."""
    folds = [name for name in table if FOLD.fullmatch(str(name))]
    times = (table[folds] == "test").sum(axis=1)
    if len(folds) > 1 and (times != 1).any():
        logger.warning(
            "%s: of %d genes %d are tested in no fold and %d in several; what pools the genes of "
            "all folds counts them so", path, len(times), (times == 0).sum(), (times > 1).sum(),
        )  # fmt: skip


def _parts_by_fold(path: Path) -> dict[int, pd.Series]:
    """Fold -> part of every gene of the file."""
    given = read_table(path, "table of parts", ["gene_id"])
    given["gene_id"] = without_version(given["gene_id"])
    names = [match for match in map(FOLD.fullmatch, map(str, given)) if match]
    wide = {match[0]: int(match[1]) for match in names}
    if wide and "part" in given:
        found = f"columns part and {', '.join(wide)}; expected either of them"
        raise UserError(found, path)
    if wide:
        folds = {fold: given[["gene_id", name]] for name, fold in wide.items()}
    elif {"part", "fold"} <= set(given):
        odd = ~given["fold"].str.fullmatch(r"[0-9]+")
        if odd.any():
            raise UserError(f"fold {given.loc[odd, 'fold'].iloc[0]!r} is not a whole number", path)
        numbers = given["fold"].astype(int)
        folds = {int(fold): rows[["gene_id", "part"]] for fold, rows in given.groupby(numbers)}
    elif "part" in given:
        folds = {1: given[["gene_id", "part"]]}
    else:
        found = ", ".join(map(str, given))
        raise UserError(f"columns {found}; expected gene_id and part, or fold_1, fold_2, ...", path)
    if sorted(folds) != list(range(1, len(folds) + 1)) or len(folds) > len(FOLDS):
        listed = ", ".join(map(str, sorted(folds)))
        raise UserError(
            f"folds {listed}; expected 1, 2, ... without a gap, at most {len(FOLDS)}", path
        )
    return {fold: _checked(rows, f"{path}, fold {fold}") for fold, rows in folds.items()}


def _checked(rows: pd.DataFrame, where: str) -> pd.Series:
    rows = rows.set_axis(["gene_id", "part"], axis=1).drop_duplicates()
    for bad, what in (
        (~rows["part"].isin(PARTS), f"is in none of {', '.join(PARTS)}"),
        (rows["gene_id"].duplicated(), "is in two parts"),
    ):
        if bad.any():
            raise UserError(f"gene {rows.loc[bad, 'gene_id'].iloc[0]} {what}", where)
    return rows.set_index("gene_id")["part"]
