"""Rows of genomic intervals (BED and what looks like it), read in one place with one set of rules.

Blank lines, comments (``#``), ``track`` and ``browser`` lines are left out wherever they stand, and
a line of column names at the top. Rows have the number that a person counts: every line counts.
Names are names, also NA; quotes are part of a field. Coordinates are whole numbers, 0-based
half-open, with 0 <= start < end, and inside the chromosome where its length is known.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.files import open_text, require
from gexpipe.log import get_logger

__all__ = [
    "BED3",
    "Overhang",
    "column_blocks",
    "data_lines",
    "interval_blocks",
    "read_intervals",
    "at_row",
]

logger = get_logger(__name__)

BED3 = ("chrom", "start", "end")
BLOCK = 1 << 24  # characters read at once

# Lines that hold no interval, and how the text before them ends: most blocks have none.
_LEFT_OUT = re.compile(r"#|(?:track|browser)(?:\s|$)|\s*$")
_SUSPECT = ("\n#", "\ntrack", "\nbrowser", "\n\n", "\n ", "\n\t")
# What a line of column names says of the second and the third column.
_START = {"start", "chromstart", "chrom_start", "chrstart", "txstart", "start_position", "begin"}
_END = {"end", "chromend", "chrom_end", "chrend", "txend", "end_position", "stop"}


def at_row(path: str | Path, number: int) -> str:
    """Where an error is: file and row, as all messages say it."""
    return f"{path}, row {number}"


class _Block(NamedTuple):
    """Data lines of a part of a file, and their numbers from 1."""

    lines: list[str]
    numbers: NDArray[np.int64]


def _blocks(path: str | Path) -> Iterator[_Block]:
    with open_text(path) as handle:
        before = 0
        while text := handle.read(BLOCK):
            text += handle.readline()
            lines = text.split("\n")
            if text.endswith("\n"):
                lines.pop()
            numbers = np.arange(before + 1, before + len(lines) + 1)
            before += len(lines)
            if any(sign in "\n" + lines[0] + "\n" or sign in text for sign in _SUSPECT):
                kept = [i for i, line in enumerate(lines) if not _LEFT_OUT.match(line)]
                lines, numbers = [lines[i] for i in kept], numbers[kept]
            if lines:
                yield _Block(lines, numbers)


def data_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line that is no comment, browser line or blank."""
    for block in _blocks(path):
        yield from zip(block.numbers.tolist(), block.lines, strict=True)


class Overhang:
    """What intervals at the ends of a chromosome come to: cut there, and counted.

    Tools shift reads and MACS widens them past an end. What lies beyond it altogether is of another
    assembly.
    """

    def __init__(self) -> None:
        self.count = 0

    def say(self, path: str | Path, what: str) -> None:
        """Log how many were cut."""
        if self.count:
            logger.warning("%s: %d %s cut at a chromosome's end", path, self.count, what)


def column_blocks(path: str | Path, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Read the leading columns of a table without a header, block by block.

    ``start`` and ``end`` are whole numbers, the others text; no field is empty; the index is the
    row as a person counts. What the numbers say is left to the caller.
    """
    gap: str | None = None
    for block in _blocks(path):
        if gap is None:
            gap = "\t" if "\t" in block.lines[0] else r"\s+"
            if _is_header(block.lines[0], gap):
                block = _Block(block.lines[1:], block.numbers[1:])
        if block.lines:
            yield _parsed(block, gap, names, path)


def interval_blocks(
    path: str | Path,
    names: Sequence[str] = BED3,
    sizes: dict[str, int] | None = None,
    overhang: Overhang | None = None,
) -> Iterator[pd.DataFrame]:
    """Read interval rows block by block; parameters as `read_intervals`."""
    for table in column_blocks(path, names):
        _check_bounds(table, path, overhang is not None)
        if sizes is not None:
            _check_genome(table, sizes, path, overhang)
        yield table


def read_intervals(
    path: str | Path,
    names: Sequence[str] = BED3,
    sizes: dict[str, int] | None = None,
    overhang: Overhang | None = None,
) -> pd.DataFrame:
    """Read the leading columns of a file of intervals.

    Parameters
    ----------
    path : str or Path
        chrom, start, end, ..., tab-separated (or by blanks, where there is no tab); 0-based
        half-open; gzipped or not. See the module for what is left out.
    names : sequence of str
        Names of the leading columns to keep; the first three are chrom, start, end.
    sizes : dict, optional
        Chromosome lengths, bp. Then every interval on one of these chromosomes lies inside it, and
        some row is on one of them.
    overhang : Overhang, optional
        Cut what crosses an end of its chromosome, and count it, instead of refusing it.

    Returns
    -------
    DataFrame
        chrom (str), start, end (int64), the others as text; the index is the row, as a person
        counts.

    Raises
    ------
    UserError
        With file and row: too few columns, coordinates that are no whole numbers, start not before
        end, or outside the chromosome.
    """
    parts = list(interval_blocks(path, names, sizes, overhang))
    if not parts:
        types = {"start": np.int64, "end": np.int64}
        return pd.DataFrame({name: pd.Series([], dtype=types.get(name, str)) for name in names})
    table = pd.concat(parts) if len(parts) > 1 else parts[0]
    if sizes is not None and not table["chrom"].isin(sizes).any():
        found = ", ".join(table["chrom"].unique()[:4])
        raise UserError(
            f"chromosome names do not match: it has {found}; the genome has "
            f"{', '.join(list(sizes)[:4])}",
            path,
        )
    return table


def _is_header(line: str, gap: str) -> bool:
    fields = [field.strip().strip('"').lower() for field in re.split(gap, line)]
    return len(fields) > 2 and fields[1] in _START and fields[2] in _END


def _parsed(block: _Block, gap: str, names: Sequence[str], path: str | Path) -> pd.DataFrame:
    types = {name: np.int64 if name in ("start", "end") else str for name in names}
    try:
        table = pd.read_csv(
            io.StringIO("\n".join(block.lines)), sep=gap, header=None, names=list(names),
            usecols=range(len(names)), dtype=types, quoting=csv.QUOTE_NONE, na_filter=False,
            skip_blank_lines=False,
        )  # fmt: skip
    except ValueError as error:
        raise _fault(block, gap, names, path) from error
    if len(table) != len(block.lines) or (table == "").any(axis=None):
        raise _fault(block, gap, names, path)
    return table.set_axis(pd.Index(block.numbers), axis=0)


def _fault(block: _Block, gap: str, names: Sequence[str], path: str | Path) -> UserError:
    """The first line that cannot be read, and why."""
    for number, line in zip(block.numbers, block.lines, strict=True):
        fields = re.split(gap, line)
        where = at_row(path, int(number))
        if len(fields) < len(names):
            return UserError(
                f"{len(fields)} columns, expected {len(names)}: {', '.join(names)}", where
            )
        for name, field in zip(names, fields, strict=False):
            if field == "":
                return UserError(f"{name} is empty", where)
            if name in ("start", "end") and not re.fullmatch(r"-?\d{1,18}", field):
                return UserError(f"{name} is {field!r}, expected a whole number of bp", where)
    return UserError(f"expected rows of {', '.join(names)}", require(path))


def _first(
    bad: NDArray[np.bool_], table: pd.DataFrame, path: str | Path, expected: str
) -> UserError:
    place = table[bad].iloc[0]
    found = f"{place['chrom']} {place['start']} {place['end']}"
    return UserError(f"found {found}, expected {expected}", at_row(path, int(table.index[bad][0])))


def _check_bounds(table: pd.DataFrame, path: str | Path, overhang: bool) -> None:
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    bad = (start >= end) | ((start < 0) & (not overhang))
    if bad.any():
        raise _first(bad, table, path, "0 <= start < end")


def _check_genome(
    table: pd.DataFrame, sizes: dict[str, int], path: str | Path, overhang: Overhang | None
) -> None:
    """Refuse, or cut in place, what lies outside its chromosome, where that is known."""
    length = table["chrom"].map(sizes).to_numpy(np.float64)  # NaN where unknown
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    over = (end > length) | (start < 0)
    beyond = over if overhang is None else (start >= length) | (end <= 0)
    if beyond.any():
        chrom = table["chrom"].to_numpy()[beyond][0]
        raise _first(
            beyond, table, path,
            f"a place on {chrom}, which has {sizes.get(chrom, 0):,} bp: another assembly?",
        )  # fmt: skip
    if overhang is not None and over.any():
        overhang.count += int(over.sum())
        table["start"] = np.maximum(start, 0)
        table["end"] = np.where(np.isnan(length), end, np.minimum(end, length)).astype(np.int64)
