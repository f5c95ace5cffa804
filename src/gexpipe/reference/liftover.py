"""Tables of intervals carried from one assembly to another through a UCSC chain file."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from pyliftover import LiftOver

from gexpipe.errors import UserError, at_row
from gexpipe.files import aside, open_binary, require
from gexpipe.intervals import data_lines
from gexpipe.log import get_logger
from gexpipe.rows import split_rows

__all__ = ["LIFTED_FORMATS", "lift_file", "lift_interval", "read_chain"]

logger = get_logger(__name__)

LIFTED_FORMATS = ("bed", "ctss", "tsv", "csv")
TOLERANCE = 0.05  # relative change of an interval's length; UCSC's liftOver asks for 95 % of it
# Header names of the intervals of a table: those of the element, and of the TSS in CRISPRi tables.
HEADERS = (
    ("chrom", "chromStart", "chromEnd"),
    ("chrom", "start", "end"),
    ("chr", "start", "end"),
    ("#chr", "start", "end"),
    ("#chrom", "start", "end"),
    ("chrTSS", "startTSS", "endTSS"),
)


class _Layout(NamedTuple):
    """Which columns hold intervals (chromosome, start, end) and which the strand."""

    intervals: list[tuple[int, int, int]]
    strand: int | None


def read_chain(path: str | Path) -> LiftOver:
    """Read a chain file, gzipped or not.

    Raises
    ------
    UserError
        When it is no chain file.
    """
    source = require(path, "chain file")
    try:
        with open_binary(source) as lines:
            chain = LiftOver(lines)
    except UserError:
        raise
    except Exception as error:  # the library raises plain exceptions
        raise UserError(f"not a readable chain file ({error})", source) from error
    if not chain.chain_file.chain_index:
        raise UserError("not a chain file: no line begins with 'chain'", source)
    return chain


def lift_interval(
    chain: LiftOver, chrom: str, start: int, end: int, tolerance: float = TOLERANCE
) -> tuple[str, int, int, bool] | str:
    """Carry one interval over: its first and its last base must land together.

    Parameters
    ----------
    chain : LiftOver
        See `read_chain`.
    chrom, start, end
        0-based half-open.
    tolerance : float
        Largest change of the length, relative.

    Returns
    -------
    tuple or str
        (chrom, start, end, whether the strand is reversed), 0-based half-open; or why it cannot be
        placed: "unknown chromosome", "deleted", "several places", "split", "length changed".
    """
    hits = chain.convert_coordinate(chrom, start)
    ends = [hits, hits if end - start == 1 else chain.convert_coordinate(chrom, end - 1)]
    if ends[0] is None or ends[1] is None:
        return "unknown chromosome"
    if not (ends[0] and ends[1]):
        return "deleted"
    if max(map(len, ends)) > 1:
        return "several places"
    (one, first, strand, _), (other, last, other_strand, _) = ends[0][0], ends[1][0]
    if (one, strand) != (other, other_strand) or (first > last) != (
        strand == "-" and first != last
    ):
        return "split"
    low, high = min(first, last), max(first, last) + 1
    if abs((high - low) - (end - start)) > tolerance * (end - start):
        return "length changed"
    return one, low, high, strand == "-"


def lift_file(
    source: str | Path, chain: str | Path, file_format: str, out: Path, unmapped: Path
) -> dict[str, int]:
    """Carry a table over, row by row, in its order.

    A row is placed when all its intervals are (a CRISPRi table has two: element and TSS). The
    strand column turns where the chain does. All other columns are kept as they are.

    Parameters
    ----------
    source : str or Path
        bed or ctss (no header; chrom, start, end first, the strand sixth), or tsv or csv with a
        header (chrom, start, end, or the names of EPCrisprBenchmark); gzipped or not.
    chain : str or Path
        UCSC chain file from the table's assembly to the wanted one.
    file_format : str
        One of `LIFTED_FORMATS`.
    out, unmapped : Path
        The table on the other assembly, gzipped where the name ends in .gz, and the rows that could
        not be placed, with the reason in front.

    Returns
    -------
    dict
        Rows "placed", and the number of rows for each reason of `lift_interval`.

    Raises
    ------
    UserError
        Unknown format, a row that cannot be read, or no row that could be placed.
    """
    if file_format not in LIFTED_FORMATS:
        known = ", ".join(LIFTED_FORMATS)
        raise UserError(f"{file_format} files cannot be lifted, only {known}", source)
    lifter = read_chain(chain)
    counts: Counter[str] = Counter()
    separator = "," if file_format == "csv" else "\t"
    headed = file_format not in ("bed", "ctss")
    options: dict[str, Any] = {"delimiter": separator, "lineterminator": "\n"}
    if not headed:  # BED knows no quotes
        options |= {"quoting": csv.QUOTE_NONE, "quotechar": None}
    with _writing(out) as placed, _writing(unmapped) as left:
        good, bad = csv.writer(placed, **options), csv.writer(left, **options)
        rows = split_rows(source, separator) if headed else _bed_rows(source)
        layout = None if headed else _Layout([(0, 1, 2)], 5)
        for number, fields in rows:
            if layout is None:
                layout = _layout(fields, source)
                good.writerow(fields)
                bad.writerow(["reason", *fields])
                continue
            try:
                result = _lift_row(lifter, fields, layout)
            except (ValueError, IndexError) as error:
                raise UserError(f"not an interval ({error})", at_row(source, number)) from None
            if isinstance(result, str):
                bad.writerow([result, *fields])
            else:
                good.writerow(result)
            counts[result if isinstance(result, str) else "placed"] += 1
        if not counts["placed"]:
            raise UserError(f"no row could be lifted ({_summary(counts)}): another chain?", source)
    logger.info("%s: %s", source, _summary(counts))
    return dict(counts)


def _bed_rows(source: str | Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in data_lines(source):
        yield number, line.split("\t")


def _layout(header: Sequence[str], source: str | Path) -> _Layout:
    column = {name: number for number, name in enumerate(header)}
    sets = [tuple(column[n] for n in names) for names in HEADERS if all(n in column for n in names)]
    if not sets:
        raise UserError(f"no columns chrom, start, end; it has {', '.join(header[:8])}", source)
    return _Layout([(a, b, c) for a, b, c in sets], column.get("strand"))


def _lift_row(lifter: LiftOver, row: list[str], layout: _Layout) -> list[str] | str:
    lifted, reversed_strand = list(row), False
    for number, (chrom, start, end) in enumerate(layout.intervals):
        low, high = int(row[start]), int(row[end])
        if low < 0 or high <= low:
            raise ValueError(f"{row[chrom]} {low} {high}")
        place = lift_interval(lifter, row[chrom], low, high)
        if isinstance(place, str):
            return place
        lifted[chrom], lifted[start], lifted[end] = place[0], str(place[1]), str(place[2])
        reversed_strand = place[3] if number == 0 else reversed_strand
    if layout.strand is not None and layout.strand < len(row) and reversed_strand:
        lifted[layout.strand] = {"+": "-", "-": "+"}.get(row[layout.strand], row[layout.strand])
    return lifted


def _summary(counts: Counter[str]) -> str:
    total = sum(counts.values())
    parts = [f"{number} {name}" for name, number in counts.most_common()]
    return f"{total} rows: {', '.join(parts)}"


@contextmanager
def _writing(path: Path) -> Iterator[IO[str]]:
    """A text file written aside, through gzip where its name says so, without a time stamp."""
    with aside(path) as temporary:
        if path.suffix == ".gz":
            with (
                temporary.open("wb") as raw,
                gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="") as handle,
            ):
                yield handle
        else:
            with temporary.open("w", encoding="utf-8", newline="") as handle:
                yield handle
