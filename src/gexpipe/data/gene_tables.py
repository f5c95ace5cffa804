"""Feature tables of genes: promoter, mRNA and summed activity x contact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.methods.gene_features import FEATURE_SETS
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.schemas import ACTIVITY, EXAMPLES, NEAR, read_stage

__all__ = ["FEATURE_SETS", "GeneTables", "feature_table", "read_gene_tables", "summed_contact"]

OFFSET = 0.1


@dataclass(frozen=True)
class GeneTables:
    """Tables of one cell type, rows in the order of ``examples``.

    Attributes
    ----------
    examples : DataFrame
        gene_id, symbol, chrom, mRNA features, promoter_activity, target, fold_1 ... fold_12.
    activity : DataFrame or None
        gene_id, dnase_rpm, h3k27ac_rpm.
    elements : DataFrame or None
        EPInformer's element table: gene_id, rank, distance_kb, contact_log, activity.
    """

    examples: pd.DataFrame
    activity: pd.DataFrame | None = None
    elements: pd.DataFrame | None = None


def read_gene_tables(
    examples: Path, activity: Path | None = None, elements: Path | None = None
) -> GeneTables:
    """Read the tables and put the activity rows in the order of the examples."""
    table = read_stage(examples, EXAMPLES, *MRNA_FEATURES)
    marks = None
    if activity is not None:
        keyed = read_stage(activity, ACTIVITY).set_index("gene_id")
        absent = table["gene_id"][~table["gene_id"].isin(keyed.index)]
        if len(absent):
            raise UserError(f"gene {absent.iloc[0]} of {examples} is missing", activity)
        marks = keyed.loc[table["gene_id"]].reset_index()
    near = read_stage(elements, NEAR) if elements is not None else None
    return GeneTables(table, marks, near)


def log_activity(values: pd.Series | np.ndarray) -> np.ndarray:
    """``log10(0.1 + x)``, float64: counts and RPM span four decades."""
    return np.log10(OFFSET + np.asarray(values, dtype=np.float64))


def summed_contact(elements: pd.DataFrame, gene_id: pd.Series) -> np.ndarray:
    """Activity x contact summed over each gene's elements, (G,) float64; 0 without elements."""
    product = elements["activity"] * (10.0 ** elements["contact_log"] - 1.0)
    total = product.groupby(elements["gene_id"]).sum()
    return total.reindex(gene_id).fillna(0.0).to_numpy(np.float64)


def feature_table(tables: GeneTables, sets: list[str]) -> pd.DataFrame:
    """Columns of the chosen feature sets, one row per gene of the examples.

    Parameters
    ----------
    tables : GeneTables
        ``marks`` needs ``activity``, ``contact`` needs ``elements``.
    sets : list of str
        Names from `FEATURE_SETS`.

    Raises
    ------
    UserError
        For an unknown set, or one whose table was not given.
    """
    columns: dict[str, np.ndarray] = {}
    for name in sets:
        if name not in FEATURE_SETS:
            raise UserError(f"{name!r} is not one of {', '.join(FEATURE_SETS)}", "--features")
        columns |= _columns(name, tables)
    return pd.DataFrame(columns)


def _columns(name: str, tables: GeneTables) -> dict[str, np.ndarray]:
    examples = tables.examples
    if name == "promoter":
        return {"promoter_activity": log_activity(examples["promoter_activity"])}
    if name == "mrna":
        return {column: examples[column].to_numpy(np.float64) for column in MRNA_FEATURES}
    if name == "marks":
        if tables.activity is None:
            raise UserError("the set 'marks' needs --gene-activity", "--features")
        marks = [c for c in ("dnase_rpm", "h3k27ac_rpm") if c in tables.activity]
        return {column: log_activity(tables.activity[column]) for column in marks}
    if tables.elements is None:
        raise UserError("the set 'contact' needs --elements", "--features")
    return {"contact": log_activity(summed_contact(tables.elements, examples["gene_id"]))}
