"""Which chromosomes a fold tests: EPInformer's twelve (Seq2Exp, Prism), or a genome's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gexpipe.errors import UserError

__all__ = [
    "FOLDS",
    "TESTED",
    "balanced_folds",
    "check_fold",
    "fold_chromosomes",
    "folds_of",
    "papers_folds",
    "testing_fold",
]

FOLDS = range(1, 13)
# Assemblies that the papers' folds are made for begin so (sim: `gexpipe simulate`).
_PAPERS = ("hg", "GRCh", "sim")
# Folds that a paper's numbers are of, together; GTA's are of Geuvadis' held-out genes instead.
TESTED = {
    "seq2exp": [11], "infer": [11], "prism": [11],
    "epinformer": [*FOLDS], "epinformer_2026": [*FOLDS],
}  # fmt: skip


def folds_of(declared: str, assembly: str) -> str:
    """``papers``, ``balanced`` or ``file``, as declared; ``auto`` by the assembly's name."""
    if declared != "auto":
        return declared
    return "papers" if assembly.startswith(_PAPERS) else "balanced"


def papers_folds(folds: Sequence[int], declared: str, reference: Mapping[str, Any]) -> list[int]:
    """Those of some folds that test what the papers' fold of the same number tests.

    Parameters
    ----------
    folds : sequence of int
        Folds that are run.
    declared : str
        ``splits.folds`` of the configuration: none of its own or balanced folds is the papers'.
    reference : mapping
        The section of the configuration: a fold whose test chromosomes are not all in use is none
        of theirs either (chrY apart, which the shipped configuration leaves out).
    """
    if folds_of(declared, reference["assembly"]) != "papers":
        return []
    used = {"chrY", *reference["chromosomes"]}
    return [fold for fold in folds if fold_chromosomes(fold)[1] <= used]


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


def balanced_folds(chromosomes: int, fold: int) -> int:
    """Number of balanced folds; a `UserError` where ``fold`` is none of them."""
    number = min(len(FOLDS), chromosomes)
    if number < 3:
        found = f"balanced folds need three chromosomes with genes, {chromosomes} is there"
        raise UserError(found, "config: splits.folds")
    if not 1 <= fold <= number:
        known = f"balanced folds of {chromosomes} chromosomes are 1-{number}"
        raise UserError(f"fold {fold} does not exist; {known}", "config: splits.fold")
    return number


def check_fold(
    fold: int, chromosomes: list[str], folds: str = "papers", own: Sequence[int] = ()
) -> None:
    """Raise a `UserError` when a fold's validation, test or training part has no chromosome.

    ``own`` are the folds of a file of own splits; none where it is not here yet.
    """
    if folds == "file":
        if own and fold not in own:
            known = "fold 1 alone" if len(own) == 1 else f"folds 1-{len(own)}"
            found = f"the file of own splits has {known}, not fold {fold}"
            raise UserError(found, "config: splits.fold")
        return
    if folds == "balanced":
        balanced_folds(len(chromosomes), fold)
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
