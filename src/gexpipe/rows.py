"""Rows of the tables that people have: CSV, TSV, or what a spreadsheet makes of them.

Everything is text, so that names stay names (NA, 1-Mar), and rows have the number that a person
counts. Nothing but Python's own library is loaded: a plan reads its sheets here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from gexpipe.errors import UserError, at_row
from gexpipe.files import open_text, require

__all__ = ["Rows", "lacks", "read_rows", "split_rows"]

_SEPARATORS = "\t;,"
_BEFORE_HEADER = 100  # lines in which a header is sought


class Rows(NamedTuple):
    """A table as text.

    Attributes
    ----------
    header : list of str
        Names of the columns.
    numbers : list of int
        Of every row, as a person counts, from 1.
    fields : list of list of str
        Of every row, as many as the header, without blanks around them.
    """

    header: list[str]
    numbers: list[int]
    fields: list[list[str]]

    def records(self) -> list[dict[str, str]]:
        """Every row as a mapping."""
        return [dict(zip(self.header, fields, strict=True)) for fields in self.fields]


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


def read_rows(
    path: str | Path, what: str = "table", columns: Sequence[str] = (), separator: str | None = None
) -> Rows:
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
    Rows
        Row names without a heading, as R writes them, are a column called "".

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
    lacks(header, source, what, columns)
    return Rows(header, [n for n, _ in found], values)


def _fitted(fields: list[str], width: int, where: str) -> list[str]:
    if len(fields) == width:
        return fields
    if len(fields) > width and not "".join(fields[width:]):
        return fields[:width]
    found = "1 column" if len(fields) == 1 else f"{len(fields)} columns"
    hint = ": are they separated as in the header?" if len(fields) == 1 else ""
    raise UserError(f"{found}, the header has {width}{hint}", where)


def lacks(found: Iterable[object], source: str | Path, what: str, columns: Sequence[str]) -> None:
    """Raise a `UserError` that names the first of some columns which a table has not."""
    names = list(map(str, found))
    missing = [name for name in columns if name not in names]
    if missing:
        listed = ", ".join(names[:12])
        raise UserError(f"missing column {missing[0]!r} of a {what}; it has {listed}", source)
