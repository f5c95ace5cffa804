"""The Geuvadis target: median over individuals, the held-out genes, and 80/20 of the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import open_text
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.reference.folds import FOLDS
from gexpipe.tabular import numbers, read_table

__all__ = ["examples", "id_column", "median_expression", "read_list"]

log = get_logger(__name__)

_IDS = ("TargetID", "gene_id", "Gene_ID", "ID")
# Columns of the released tables that are no individuals.
_OTHER = {"#chr", "chr", "chrom", "start", "end", "gene_symbol", "symbol", "coord", "strand"}


def read_list(path: Path) -> list[str]:
    """The first word, or field between commas, of every line that is no comment."""
    with open_text(path) as lines:
        rows = [re.split(r"[,\s]", line, maxsplit=1)[0] for line in lines if line[:1] != "#"]
    return [row for row in rows if row]


def median_expression(
    path: Path, individuals: Sequence[str] = (), transform: str = "log10p1"
) -> pd.Series:
    """Median over individuals of a Geuvadis table, by Ensembl gene id without version.

    Parameters
    ----------
    path : Path
        Table of Geuvadis (TargetID, Gene_Symbol, Chr, Coord, an individual a column) or of FastQTL
        (#Chr, start, end, TargetID, ...).
    individuals : sequence of str
        Those to use, by column; all by default. The paper uses 421 of the 462.
    transform : str
        ``log10p1``, log10(1 + x) with values below 0 as 0, of the median; or ``none``.

    Raises
    ------
    UserError
        When the table has no gene ids, lacks an individual, or holds what is no number.
    """
    table = read_table(path)
    key = id_column(table, path)
    found = [c for c in table.columns if c != key and c.lower() not in _OTHER | set(_IDS)]
    absent = [name for name in individuals if name not in found]
    if absent:
        raise UserError(f"no individual {absent[0]!r} ({len(absent)} are missing)", path)
    chosen = list(individuals) or found
    if not chosen:
        raise UserError("no column of an individual", path)
    values = pd.DataFrame({name: numbers(table, name, path) for name in chosen})
    median = values.median(axis=1)
    if transform == "log10p1":
        median = np.log10(1 + median.clip(lower=0))
    median.index = pd.Index(without_version(table[key]))
    if median.index.has_duplicates:
        gene = median.index[median.index.duplicated()][0]
        raise UserError(f"gene {gene} stands twice", path)
    log.info("%s: median of %d individuals, %d genes", path.name, len(chosen), len(median))
    return median


def id_column(table: pd.DataFrame, path: str | Path) -> str:
    """The column of gene ids of a Geuvadis table."""
    key = next((name for name in _IDS if name in table), None)
    if key is None:
        raise UserError(f"no column {' or '.join(_IDS)}", path)
    return key


def examples(
    genes: pd.DataFrame,
    target: pd.Series,
    held_out: Sequence[str],
    tss: Sequence[str] = ("mane",),
    validation: float = 0.2,
    seed: int = 1,
) -> pd.DataFrame:
    """Example table of GTA: the held-out genes are the test, the others 80 % and 20 %.

    The paper gives the sizes of the parts but not which genes they hold. Every fold draws them
    anew, so that other folds repeat the experiment; the test genes are the same in all.

    Parameters
    ----------
    genes : DataFrame
        Genes with bins (`centred_genes`).
    target : Series
        Expression by gene id.
    held_out : sequence of str
        Gene ids (with or without version) or symbols.
    tss : sequence of str
        Only genes whose TSS is from these sources.
    validation : float
        Share of the other genes.
    seed : int
        Of the draw, with the fold.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, tss, strand, target, fold_1 ... fold_12.

    Raises
    ------
    UserError
        When no held-out gene, or no other, has bins and a target.
    """
    key = without_version(genes["gene_id"])
    known = key.isin(target.index) & genes["source"].isin(list(tss))
    table = genes.loc[known, ["gene_id", "symbol", "chrom", "tss", "strand"]]
    table = table.reset_index(drop=True)
    ids = key[known].reset_index(drop=True)
    table["target"] = target.loc[ids].to_numpy(np.float64)
    names = {without_version(name) for name in held_out} | set(held_out)
    test = (ids.isin(names) | table["symbol"].isin(names)).to_numpy()
    if not test.any() or test.all():
        raise UserError(
            f"{int(test.sum())} of {len(test)} genes with bins and expression are held out; "
            "expected some, and others to train on",
            "held-out genes",
        )
    others = np.flatnonzero(~test)
    count = max(1, round(validation * len(others)))
    for fold in FOLDS:
        part = np.where(test, "test", "train").astype(object)
        part[np.random.default_rng([seed, fold]).permutation(others)[:count]] = "valid"
        table[f"fold_{fold}"] = part
    log.info("%d genes, of them %d held out and %d to validate", len(test), test.sum(), count)
    return table
