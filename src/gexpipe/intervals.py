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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from gexpipe.errors import UserError, at_row
from gexpipe.files import open_text, require
from gexpipe.log import get_logger

__all__ = [
    "BED3",
    "Overhang",
    "column_blocks",
    "data_lines",
    "interval_blocks",
    "read_intervals",
]

logger = get_logger(__name__)

BED3 = ("chrom", "start", "end")
BLOCK = 1 << 24  # characters read at once

# Lines that hold no interval, and how the text before them ends: most blocks have none.
_LEFT_OUT = re.compile(r"#|(?:track|browser)(?:\s|$)|\s*$")
_SUSPECT = ("\n#", "\ntrack", "\nbrowser", "\n\n", "\n ", "\n\t")
_WHOLE = r"-?[0-9]{1,18}"
# What a line of column names says of the second and the third column.
_START = {"start", "chromstart", "chrom_start", "chrstart", "txstart", "start_position", "begin"}
_END = {"end", "chromend", "chrom_end", "chrend", "txend", "end_position", "stop"}


class _Block(NamedTuple):
    """Data lines of a part of a file, each with a line end, and their numbers from 1."""

    text: str
    numbers: NDArray[np.int64]

    @property
    def lines(self) -> list[str]:
        """The lines one by one."""
        return self.text.removesuffix("\n").split("\n")

    def without(self, left_out: Callable[[str], object]) -> _Block:
        """The lines that are not left out."""
        lines = self.lines
        kept = [i for i, line in enumerate(lines) if not left_out(line)]
        return _Block("".join(lines[i] + "\n" for i in kept), self.numbers[kept])


def _blocks(path: str | Path) -> Iterator[_Block]:
    with open_text(path) as handle:
        before = 0
        while text := handle.read(BLOCK):
            text += handle.readline()
            text = text if text.endswith("\n") else text + "\n"
            size = text.count("\n")
            block = _Block(text, np.arange(before + 1, before + size + 1))
            before += size
            first = "\n" + text[:99]
            if any(sign in first or (sign[1:] in text and sign in text) for sign in _SUSPECT):
                block = block.without(_LEFT_OUT.match)
            if block.text:
                yield block


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
            first = block.text.partition("\n")[0]
            gap = "\t" if "\t" in first else r"\s+"
            if _is_header(first, gap):
                block = _Block(block.text.partition("\n")[2], block.numbers[1:])
        if block.text:
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
    try:
        table = _even(block, names) if gap == "\t" else _ragged(block, gap, names)
    except ValueError:  # pyarrow's are ValueErrors
        try:
            table = _ragged(block, gap, names)
        except ValueError as error:
            raise _fault(block, gap, names, path) from error
    if len(table) != len(block.numbers) or any((table[n] == "").any() for n in _texts(names)):
        raise _fault(block, gap, names, path)
    return table.set_axis(pd.Index(block.numbers), axis=0)


def _texts(names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in ("start", "end")]


def _even(block: _Block, names: Sequence[str]) -> pd.DataFrame:
    """Columns of rows that have all the same number of fields: nearly every file, and fast."""
    if "0x" in block.text:
        raise ValueError("a hexadecimal number is no coordinate")
    width = block.text.partition("\n")[0].count("\t") + 1
    columns = [*names, *(f"field {i}" for i in range(len(names), width))]
    types = {name: pa.int64() if name in ("start", "end") else pa.string() for name in names}
    table = arrow_csv.read_csv(
        io.BytesIO(block.text.encode()),
        arrow_csv.ReadOptions(column_names=columns, use_threads=False),
        arrow_csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
        arrow_csv.ConvertOptions(column_types=types, include_columns=list(names), null_values=[]),
    )
    return table.to_pandas()


def _ragged(block: _Block, gap: str, names: Sequence[str]) -> pd.DataFrame:
    """Columns of rows whose number of fields differs."""
    table = pd.read_csv(
        io.StringIO(block.text), sep=gap, header=None, names=list(names),
        usecols=range(len(names)), dtype=str, quoting=csv.QUOTE_NONE, na_filter=False,
        skip_blank_lines=False,
    )  # fmt: skip
    for name in {"start", "end"} & set(names):
        if not table[name].str.fullmatch(_WHOLE).all():
            raise ValueError(f"{name} is not a whole number")
        table[name] = table[name].astype(np.int64)
    return table


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
            if name in ("start", "end") and not re.fullmatch(_WHOLE, field):
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
    codes, chromosomes = pd.factorize(table["chrom"])
    length = np.array([sizes.get(name, np.nan) for name in chromosomes])[codes]
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
