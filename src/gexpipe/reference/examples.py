"""The example table of a cell type: everything about a gene that is a number, and its folds."""

from __future__ import annotations

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.reference.folds import FOLDS
from gexpipe.reference.mrna import MRNA_FEATURES

__all__ = ["FEATURES", "example_table"]

# The nine gene features that every method reads, in this order (SPEC of Seq2Exp's code: eight mRNA
# features, then promoter activity).
FEATURES = [*MRNA_FEATURES, "promoter_activity"]


def example_table(
    genes: pd.DataFrame,
    splits: pd.DataFrame,
    mrna: pd.DataFrame,
    target: pd.DataFrame,
    activity: pd.DataFrame,
) -> pd.DataFrame:
    """Join the gene tables of one cell type, one row per gene in the order of ``genes``.

    Genes without a target (NaN) keep their row, so that rows stay aligned with the window stores;
    training and metrics leave them out.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, tss, strand, `FEATURES`, target, fold_1 ... as in the splits.
    """
    columns = ["gene_id", "symbol", "chrom", "tss", "strand"]
    table = genes[columns].copy()
    for other, names, what in (
        (mrna, MRNA_FEATURES, "mRNA features"),
        (activity, ["promoter_activity"], "promoter activity"),
        (target, ["target"], "target"),
        (splits, [f"fold_{fold}" for fold in FOLDS if f"fold_{fold}" in splits], "splits"),
    ):
        keyed = other.set_index("gene_id")
        absent = table["gene_id"][~table["gene_id"].isin(keyed.index)]
        if len(absent):
            raise UserError(f"{len(absent)} genes are missing, the first is {absent.iloc[0]}", what)
        for name in names:
            table[name] = keyed[name].loc[table["gene_id"]].to_numpy()
    broken = table[FEATURES].isna().any(axis=1)
    if broken.any():
        gene = table["gene_id"][broken].iloc[0]
        raise UserError(f"gene {gene} has a missing feature value ({int(broken.sum())} genes do)")
    return table
