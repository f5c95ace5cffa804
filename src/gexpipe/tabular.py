"""Tables with a header: those that people have, and those that earlier stages wrote.

People's tables are CSV, TSV or what a spreadsheet makes of them. They are read as text in one
place, `read_table`, so that names stay names (NA, 1-Mar) and rows have the number that a person
counts; `numbers` turns a column into numbers and names the row of what is none.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow

from gexpipe.errors import UserError
from gexpipe.files import aside, open_text, require
from gexpipe.intervals import at_row

__all__ = [
    "MISSING",
    "complete",
    "numbers",
    "read_parquet",
    "read_table",
    "read_tsv",
    "split_rows",
    "write_parquet",
]

# What stands for a missing number.
MISSING = frozenset(("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "."))
_SEPARATORS = "\t;,"
_BEFORE_HEADER = 100  # lines in which a header is sought


def split_rows(path: str | Path, separator: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Fields of every row of a table, its header included, with the row's number from 1.

    Comments (lines that begin with ``#``, but for a header) and rows without any content are left
    out. Fields may be quoted.

    Parameters
    ----------
    path : str or Path
        CSV or TSV, gzipped or not.
    separator : str, optional
        Tab, semicolon or comma; the first of these that the header holds by default.

    Raises
    ------
    UserError
        With file and row, where a quote is not closed.
    """
    fed: list[int] = []  # numbers of the lines that the parser was given
    with open_text(path) as handle:
        first = list(islice(handle, _BEFORE_HEADER))
        at = _header(first)
        if separator is None:
            separator = next((mark for mark in _SEPARATORS if mark in first[at]), "\t")

        def lines() -> Iterator[str]:
            for number, line in enumerate(chain(first, handle)):
                if number == at or not line.startswith("#"):
                    fed.append(number + 1)
                    yield line

        parser = csv.reader(lines(), delimiter=separator, strict=True)
        begin = 0
        while True:
            try:
                fields = next(parser, None)
            except csv.Error as error:
                where = at_row(path, fed[min(begin, len(fed) - 1)])
                raise UserError(f"cannot be split into columns ({error})", where) from error
            if fields is None:
                return
            if separator == "\t" and parser.line_num > begin + 1:
                raise UserError(
                    "a quote opens here that its row does not close", at_row(path, fed[begin])
                )
            if any(field.strip() for field in fields):
                yield fed[begin], fields
            begin = parser.line_num


def _header(lines: list[str]) -> int:
    """Place of the header: the first line that is no comment, or one above with as many columns."""
    plain = next((i for i, t in enumerate(lines) if t.strip() and not t.startswith("#")), 0)
    if plain == 0 or lines[plain - 1].startswith("##"):
        return plain
    columns = [
        max(line.count(mark) for mark in _SEPARATORS) for line in lines[plain - 1 : plain + 1]
    ]
    return plain - 1 if lines[plain - 1].startswith("#") and columns[0] == columns[1] > 0 else plain


def read_table(
    path: str | Path, what: str = "table", columns: Sequence[str] = (), separator: str | None = None
) -> pd.DataFrame:
    """Read a CSV or TSV with a header as text.

    Parameters
    ----------
    path : str or Path
        Gzipped or not; see `split_rows`.
    what : str
        What it holds, for messages.
    columns : sequence of str
        Columns that must be there; all are read.
    separator : str, optional
        See `split_rows`.

    Returns
    -------
    DataFrame
        All columns as text without blanks around it, indexed by the row's number as a person
        counts. Row names without a heading, as R writes them, are a column called "".

    Raises
    ------
    UserError
        No rows, a row with more or fewer columns than the header, a heading that stands twice, a
        missing column.
    """
    source = require(path, what)
    rows = split_rows(source, separator)
    number, header = next(rows, (1, []))
    found = [(n, [field.strip() for field in fields]) for n, fields in rows]
    if not found:
        raise UserError(f"this {what} has no rows below its header", source)
    header = [name.strip() for name in header]
    if all(len(fields) == len(header) + 1 for _, fields in found):
        header = ["", *header]
    while header and not header[-1] and all(not "".join(f[len(header) - 1 :]) for _, f in found):
        header.pop()  # a spreadsheet's empty columns
    named = [name for name in header if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"column {twice!r} stands twice", at_row(source, number))
    values = [_fitted(fields, len(header), at_row(source, n)) for n, fields in found]
    table = pd.DataFrame(values, columns=header, index=pd.Index([n for n, _ in found]), dtype=str)
    return complete(table, source, what, columns)


def _fitted(fields: list[str], width: int, where: str) -> list[str]:
    if len(fields) == width:
        return fields
    if len(fields) > width and not "".join(fields[width:]):
        return fields[:width]
    found = "1 column" if len(fields) == 1 else f"{len(fields)} columns"
    hint = ": are they separated as in the header?" if len(fields) == 1 else ""
    raise UserError(f"{found}, the header has {width}{hint}", where)


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
    missing = [name for name in columns if name not in table]
    if missing:
        found = ", ".join(map(str, table.columns[:12]))
        raise UserError(f"missing column {missing[0]!r} of a {what}; it has {found}", source)
    return table


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table of a stage, aside and renamed."""
    with aside(path) as temporary:
        table.to_parquet(temporary, index=False)
