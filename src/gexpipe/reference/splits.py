"""Leave-chromosome-out folds: EPInformer's twelve (Seq2Exp, Prism), or a genome's own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.tabular import read_table

__all__ = [
    "FOLDS",
    "balanced_chromosomes",
    "check_fold",
    "fold_chromosomes",
    "folds_of",
    "own_splits",
    "split_table",
]

logger = get_logger(__name__)

FOLDS = range(1, 13)
# Assemblies that the papers' folds are made for begin so (sim: `gexpipe simulate`).
_PAPERS = ("hg", "GRCh", "sim")


def folds_of(declared: str, assembly: str) -> str:
    """``papers``, ``balanced`` or ``file``, as declared; ``auto`` by the assembly's name."""
    if declared != "auto":
        return declared
    return "papers" if assembly.startswith(_PAPERS) else "balanced"


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
    number = _groups(len(names), fold)
    groups: list[set[str]] = [set() for _ in range(number)]
    sizes = [0] * number
    for name in names:
        at = sizes.index(min(sizes))
        groups[at].add(name)
        sizes[at] += int(counts[name])
    return groups[fold % number], groups[fold - 1]


def _groups(chromosomes: int, fold: int) -> int:
    """Number of balanced folds; a `UserError` where ``fold`` is none of them."""
    number = min(len(FOLDS), chromosomes)
    if number < 3:
        found = f"balanced folds need three chromosomes with genes, {chromosomes} is there"
        raise UserError(found, "config: splits.folds")
    if not 1 <= fold <= number:
        known = f"balanced folds of {chromosomes} chromosomes are 1-{number}"
        raise UserError(f"fold {fold} does not exist; {known}", "config: splits.fold")
    return number


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


def check_fold(fold: int, chromosomes: list[str], folds: str = "papers") -> None:
    """Raise a `UserError` when a fold's validation, test or training part has no chromosome."""
    if folds == "file":
        if fold != 1:
            raise UserError(f"a file of parts is fold 1, not {fold}", "config: splits.fold")
        return
    if folds == "balanced":
        _groups(len(chromosomes), fold)
        return
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
        part, so no gene sits in two parts of a fold. Balanced folds of fewer than twelve
        chromosomes begin anew after the last one.
    """
    table = genes[["gene_id", "chrom"]].copy()
    there = min(len(FOLDS), genes["chrom"].nunique())
    for fold in FOLDS:
        if folds == "balanced":
            valid, test = balanced_chromosomes(genes, (fold - 1) % there + 1)
        else:
            valid, test = fold_chromosomes(fold)
        part = pd.Series("train", index=table.index)
        part[table["chrom"].isin(valid)] = "valid"
        part[table["chrom"].isin(test)] = "test"
        table[f"fold_{fold}"] = part
    return table


def own_splits(genes: pd.DataFrame, path: Path) -> pd.DataFrame:
    """As `split_table`, every fold being the parts that a file gives.

    Parameters
    ----------
    genes : DataFrame
        Columns gene_id, chrom.
    path : Path
        Tab- or comma-separated with columns gene_id and part (train, valid, test); genes that are
        not in use are counted.

    Raises
    ------
    UserError
        Another part, a gene in two parts, genes in use without a part, a part without genes.
    """
    given = read_table(path, "table of parts", ["gene_id", "part"])
    given["gene_id"] = without_version(given["gene_id"])
    given = given[["gene_id", "part"]].drop_duplicates()
    for bad, what in (
        (~given["part"].isin(["train", "valid", "test"]), "is in none of train, valid, test"),
        (given["gene_id"].duplicated(), "is in two parts"),
    ):
        if bad.any():
            raise UserError(f"gene {given.loc[bad, 'gene_id'].iloc[0]} {what}", path)
    table = genes[["gene_id", "chrom"]].copy()
    part = table["gene_id"].map(given.set_index("gene_id")["part"])
    if part.isna().any():
        first = table.loc[part.isna(), "gene_id"].iloc[0]
        found = f"{int(part.isna().sum())} of {len(part)} genes have no part, the first is {first}"
        raise UserError(found, path)
    for name in ("train", "valid", "test"):
        if not (part == name).any():
            raise UserError(f"no gene in use is in part {name}", path)
    unknown = len(given) - len(part)
    logger.info("%s: %d genes; %d more are not in use", path, len(part), unknown)
    return table.assign(**{f"fold_{fold}": part for fold in FOLDS})
