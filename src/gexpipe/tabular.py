"""Tables with a header: those that people have, and those that earlier stages wrote.

People's tables are read as text in one place (`gexpipe.rows`); `numbers` turns a column into
numbers and names the row of what is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow

from gexpipe.errors import UserError, at_row
from gexpipe.files import aside, open_text, require
from gexpipe.rows import lacks, read_rows

__all__ = [
    "MISSING",
    "complete",
    "numbers",
    "read_parquet",
    "read_table",
    "read_tsv",
    "write_parquet",
]

# What stands for a missing number.
MISSING = frozenset(("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "."))


def read_table(
    path: str | Path, what: str = "table", columns: Sequence[str] = (), separator: str | None = None
) -> pd.DataFrame:
    """Read a CSV or TSV with a header as text.

    Returns
    -------
    DataFrame
        What `gexpipe.rows.read_rows` finds there, indexed by the row's number as a person counts.

    Raises
    ------
    UserError
        As `read_rows`.
    """
    header, number, fields = read_rows(path, what, columns, separator)
    return pd.DataFrame(fields, columns=header, index=pd.Index(number), dtype=str)


def numbers(
    table: pd.DataFrame,
    column: str,
    path: str | Path,
    *,
    missing: bool = False,
    whole: bool = False,
) -> pd.Series:
    """A column of `read_table` as float64 (int64 if ``whole``).

    Parameters
    ----------
    table : DataFrame
        From `read_table`.
    column : str
        Its name.
    path : str or Path
        For the message.
    missing : bool
        Whether a value may be missing: then NaN.
    whole : bool
        Whether only whole numbers are expected.

    Raises
    ------
    UserError
        With file and row: no number, an infinite one, a missing or a broken one.
    """
    text = table[column]
    value = pd.to_numeric(text, errors="coerce").astype(np.float64)
    absent = text.isin(MISSING)
    bad = ~np.isfinite(value) & ~(absent & missing)
    if whole:
        bad |= np.isfinite(value) & (value % 1 != 0)
    if bad.any():
        found = text[bad].iloc[0]
        comma = " (a comma is no part of a number here)" if "," in found else ""
        kind = "a whole number" if whole else "a number"
        where = at_row(path, int(text.index[bad][0]))
        raise UserError(f"{column} is {found!r}, expected {kind}{comma}", where)
    return value.astype(np.int64) if whole and not absent.any() else value


def read_parquet(
    path: str | Path, what: str, columns: Sequence[str] = (), filters: Any = None
) -> pd.DataFrame:
    """Read a parquet file.

    Parameters
    ----------
    path : str or Path
        The file.
    what : str
        What it holds, for the message.
    columns : sequence of str
        Columns that must be there; all are read.
    filters : list, optional
        Of `pandas.read_parquet`: which rows are read, and then these columns alone.

    Raises
    ------
    UserError
        No file, cut off or damaged, or without one of the columns.
    """
    source = require(path, what)
    try:
        chosen = list(columns) if filters is not None else None
        table = pd.read_parquet(source, columns=chosen, filters=filters)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"not a readable {what} ({error})", source) from error
    return complete(table, source, what, columns)


def read_tsv(
    path: str | Path, what: str, columns: Sequence[str] = (), **options: Any
) -> pd.DataFrame:
    """Read a tab-separated table with a header; ``options`` go to `pandas.read_csv`.

    Raises
    ------
    UserError
        As `read_parquet`.
    """
    source = require(path, what)
    try:
        with open_text(source) as handle:
            table = pd.read_csv(handle, sep="\t", **options)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise UserError(f"not a readable {what} ({error})", source) from error
    return complete(table, source, what, columns)


def complete(
    table: pd.DataFrame, source: str | Path, what: str, columns: Sequence[str]
) -> pd.DataFrame:
    """The table, if it has these columns; a `UserError` names the first that it lacks."""
    lacks(table.columns, source, what, columns)
    return table


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table of a stage, aside and renamed."""
    with aside(path) as temporary:
        table.to_parquet(temporary, index=False)
