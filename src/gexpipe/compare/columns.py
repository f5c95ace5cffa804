"""One column of a table of elements, by its elements' names or places."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import open_text

__all__ = ["read_column"]


def read_column(place: str, keys: Sequence[str]) -> pd.Series:
    """A column of numbers.

    Parameters
    ----------
    place : str
        ``FILE:COLUMN``: a table with a header (tabs or commas, gzip allowed). Without a header, as
        bedGraph, the column is a number counted from 1 and an element is its first three columns.
    keys : sequence of str
        Columns that name an element; not read of a file without header.
    """
    file, _, column = place.rpartition(":")
    if not file:
        raise UserError("expected FILE:COLUMN", place)
    if column.isdigit():
        with open_text(file) as handle:
            table = pd.read_csv(handle, sep="\t", header=None, comment="#")
        if int(column) > table.shape[1] or table.shape[1] < 4:
            raise UserError(f"{table.shape[1]} columns, asked for number {column}", file)
        keys, column = [0, 1, 2], int(column) - 1  # type: ignore[assignment, list-item]
    else:
        with open_text(file) as handle:
            table = pd.read_csv(handle, sep=None, engine="python")
        absent = [name for name in [*keys, column] if name not in table]
        if absent:
            raise UserError(f"no column {absent[0]!r}; it has {', '.join(table.columns)}", file)
    values = pd.to_numeric(table[column], errors="coerce")
    index = pd.Index(table[list(keys)].astype(str).agg(":".join, axis=1))
    if index.has_duplicates:
        again = index[index.duplicated()][0]
        raise UserError(f"the element {again} stands twice", file)
    return pd.Series(values.to_numpy(float), index)
