"""The published values: one machine-readable file, one row per number."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["PAPERS", "Published", "read_published"]

PAPERS = ("seq2exp", "infer", "prism", "epinformer", "gta")
COLUMNS = ["paper", "table", "row", "method", "cell", "setting", "metric", "value", "sd", "note"]

Published = pd.DataFrame


def read_published(path: str | Path) -> Published:
    """Read the published values.

    Returns
    -------
    DataFrame
        paper (one of `PAPERS`), table (as numbered there), row (label as printed), method (id of
        this project, empty where it has none), cell, setting (what else the number depends on, as
        ``key=value`` pairs), metric, value, sd (NaN where none is printed), note.

    Raises
    ------
    UserError
        Naming the row: an unknown paper, a value that is no number, a number that stands twice.
    """
    source = require(path, "file of published values")
    table = pd.read_csv(source, sep="\t", dtype=str, keep_default_na=False)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise UserError(f"no column {missing[0]!r}", source)
    for column in ("value", "sd"):
        number = pd.to_numeric(table[column].where(table[column] != "", None), errors="coerce")
        bad = number.isna() & (table[column] != "") | (number.isna() & (column == "value"))
        if bad.any():
            line = int(bad.to_numpy().argmax())
            raise UserError(
                f"{column} {table[column][line]!r} is no number", f"{source}, row {line + 2}"
            )
        table[column] = number
    unknown = ~table["paper"].isin(PAPERS)
    if unknown.any():
        line = int(unknown.to_numpy().argmax())
        where = f"{source}, row {line + 2}"
        raise UserError(f"paper {table['paper'][line]!r} is not one of {', '.join(PAPERS)}", where)
    key = ["paper", "table", "row", "cell", "setting", "metric"]
    twice = table.duplicated(key)
    if twice.any():
        line = int(twice.to_numpy().argmax())
        raise UserError(
            f"{' '.join(table.loc[line, key])} stands twice", f"{source}, row {line + 2}"
        )
    return table


def lookup(
    published: Published, paper: str, tables: list[str], method: str, cell: str, metric: str
) -> tuple[float, float] | None:
    """Value and standard deviation (NaN where none is printed); None where there is no value."""
    chosen = published[
        (published["paper"] == paper)
        & published["table"].isin(tables)
        & (published["method"] == method)
        & (published["cell"] == cell)
        & (published["metric"] == metric)
        & (published["setting"] == "")
    ]
    if chosen.empty:
        return None
    values = chosen["value"].unique()
    if len(values) > 1:
        raise UserError(f"{paper} tables {tables} give {values} for {method} {cell} {metric}")
    return float(values[0]), float(chosen["sd"].iloc[0])
