"""Tables that earlier stages wrote, read back with an error that names the file and the column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["read_parquet", "read_tsv"]


def read_parquet(path: str | Path, what: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a parquet file.

    Parameters
    ----------
    path : str or Path
        The file.
    what : str
        What it holds, for the message.
    columns : sequence of str
        Columns that must be there; all are read.

    Raises
    ------
    UserError
        No file, cut off or damaged, or without one of the columns.
    """
    source = require(path, what)
    try:
        table = pd.read_parquet(source)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"not a readable {what} ({error})", source) from error
    return _complete(table, source, what, columns)


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
        table = pd.read_csv(source, sep="\t", **options)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise UserError(f"not a readable {what} ({error})", source) from error
    return _complete(table, source, what, columns)


def _complete(table: pd.DataFrame, source: Path, what: str, columns: Sequence[str]) -> pd.DataFrame:
    missing = [name for name in columns if name not in table]
    if missing:
        found = ", ".join(map(str, table.columns[:12]))
        raise UserError(f"missing column {missing[0]!r} of a {what}; it has {found}", source)
    return table
