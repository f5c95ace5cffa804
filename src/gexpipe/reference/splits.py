"""Leave-chromosome-out folds (EPInformer's twelve, used by Seq2Exp and Prism)."""

from __future__ import annotations

import pandas as pd

from gexpipe.errors import UserError

__all__ = ["FOLDS", "check_fold", "fold_chromosomes", "split_table"]

FOLDS = range(1, 13)


def fold_chromosomes(fold: int) -> tuple[set[str], set[str]]:
    """Validation and test chromosomes of a fold.

    Folds 1-10 validate on chromosomes i and i + 10 and test on i + 1 and i + 11; fold 11 validates
    on 3 and 21 and tests on 22 and X; fold 12 validates on 2 and 22 and tests on 1 and Y.
    """
    if fold in range(1, 11):
        valid, test = (fold, fold + 10), (fold + 1, fold + 11)
    elif fold == 11:
        valid, test = (3, 21), (22, "X")  # type: ignore[assignment]
    elif fold == 12:
        valid, test = (2, 22), (1, "Y")  # type: ignore[assignment]
    else:
        raise UserError(f"fold {fold} does not exist; folds are 1-12", "config: splits.fold")
    return {f"chr{name}" for name in valid}, {f"chr{name}" for name in test}


def testing_fold(chrom: str) -> int:
    """The fold that tests a chromosome: there is one for each of 1-22, X and Y.

    Raises
    ------
    UserError
        For a chromosome that no fold tests.
    """
    found = [fold for fold in FOLDS if chrom in fold_chromosomes(fold)[1]]
    if not found:
        raise UserError("no fold tests this chromosome", chrom)
    return found[0]


def check_fold(fold: int, chromosomes: list[str]) -> None:
    """Raise a `UserError` when a fold's validation, test or training part has no chromosome."""
    valid, test = fold_chromosomes(fold)
    parts = {"validation": valid, "test": test}
    listed = ", ".join(chromosomes[:6]) + (", ..." if len(chromosomes) > 6 else "")
    for part, names in parts.items():
        if not names & set(chromosomes):
            wanted = ", ".join(sorted(names))
            raise UserError(
                f"fold {fold} has no {part} chromosome ({wanted}) among reference.chromosomes "
                f"({listed}): add one of them, or choose another fold",
                "config: splits.fold",
            )
    if not set(chromosomes) - valid - test:
        raise UserError(f"fold {fold} leaves no chromosome to train on", "config: splits.fold")


def split_table(genes: pd.DataFrame) -> pd.DataFrame:
    """Part of every gene in every fold.

    Parameters
    ----------
    genes : DataFrame
        Columns gene_id, chrom.

    Returns
    -------
    DataFrame
        gene_id, chrom, fold_1 ... fold_12, each train, valid or test. A whole chromosome is in one
        part, so no gene sits in two parts of a fold.
    """
    table = genes[["gene_id", "chrom"]].copy()
    for fold in FOLDS:
        valid, test = fold_chromosomes(fold)
        part = pd.Series("train", index=table.index)
        part[table["chrom"].isin(valid)] = "valid"
        part[table["chrom"].isin(test)] = "test"
        table[f"fold_{fold}"] = part
    return table
