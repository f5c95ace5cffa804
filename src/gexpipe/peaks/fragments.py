"""Fragments of single cells (10x: fragments.tsv.gz) as the accessibility of one cell type.

A fragment lies between two Tn5 insertions, at its first and at its last base (the files are shifted
already, 0-based half-open). Each insertion becomes a read of one base of a tagAlign file, the first
on the plus, the last on the minus strand, so that peak calling and counting see cut sites as they
see those of other alignments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyBigWig
from isal import igzip
from pyarrow import csv as arrow_csv

from gexpipe.abc.tags import read_tags
from gexpipe.errors import UserError, at_row
from gexpipe.files import aside, write_json
from gexpipe.intervals import interval_blocks
from gexpipe.log import get_logger, progress
from gexpipe.reference.genome import read_sizes
from gexpipe.tabular import read_table

__all__ = ["FEW", "coverage", "pseudobulk", "read_labels"]

logger = get_logger(__name__)

FEW = 3_000_000  # fragments below which peaks and activity of a cell type are known to be poor
COLUMNS = ("chrom", "start", "end", "barcode", "count")
REACH = 75  # bp on either side of an insertion in the signal, as peaks see it
TSV = arrow_csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")


def read_labels(path: str | Path, cell: str) -> set[str]:
    """Barcodes of a cell type, from a table with columns barcode and label.

    A label is the cell type's name where what a name cannot hold (blanks, slashes) stands as ``_``.
    Barcodes may be quoted and the table CSV or TSV.

    Raises
    ------
    UserError
        A missing column, a barcode with two labels, no barcode of this label.
    """
    table = read_table(path, "table of barcodes", ["barcode", "label"])
    twice = table["barcode"].duplicated(keep=False)
    several = table[twice].groupby("barcode")["label"].nunique()
    if (several > 1).any():
        name = str(several.index[several > 1][0])
        row = int(table.index[table["barcode"] == name][1])
        raise UserError(f"barcode {name} has several labels", at_row(path, row))
    labels = table["label"].map(lambda text: re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_"))
    found = set(table["barcode"][(labels == cell) | (table["label"] == cell)])
    if not found:
        known = ", ".join(sorted(table["label"].unique())[:8])
        raise UserError(f"no barcode has the label {cell!r}; there are {known}", path)
    return found


def pseudobulk(
    fragments: Path, chrom_sizes: Path, out: Path, labels: Path | None = None, cell: str = ""
) -> dict[str, int]:
    """Write the insertions of a cell type's fragments as tagAlign, gzipped, and a record beside it.

    Each fragment counts once: how often it was sequenced (the fifth column) says nothing of cells.

    Parameters
    ----------
    fragments : Path
        chrom, start, end, barcode, count; no header but comments; gzipped or not.
    chrom_sizes : Path
        Chromosome lengths; fragments on other chromosomes are counted and left out.
    labels, cell : Path, str
        Table of barcodes, and the label to take; without a table all fragments count.

    Returns
    -------
    dict
        fragments (of the file), taken, other_cells, other_chromosomes, barcodes.
    """
    sizes = read_sizes(chrom_sizes)
    wanted = read_labels(labels, cell) if labels else None
    counts = dict.fromkeys(("fragments", "taken", "other_cells", "other_chromosomes"), 0)
    seen: set[str] = set()
    chromosomes: set[str] = set()
    with aside(out) as temporary, temporary.open("wb") as raw:
        sink = igzip.IGzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0)
        for block in progress(interval_blocks(fragments, COLUMNS, sizes), "fragments"):
            _check_counts(block, fragments)
            chromosomes.update(block["chrom"].unique())
            kept = _kept(block, wanted, sizes, counts)
            seen.update(kept["barcode"].unique())
            _write(kept, sink)
        sink.close()
        _check_taken(counts, chromosomes, sizes, fragments)
    record = {**counts, "barcodes": len(seen), **({"listed": len(wanted)} if wanted else {})}
    write_json(out.with_name(f"{out.name}.json"), record)
    _say(record, fragments, cell)
    return record


def _check_counts(block: pd.DataFrame, path: Path) -> None:
    bad = ~block["count"].str.fullmatch(r"[1-9][0-9]*").to_numpy(bool)
    if bad.any():
        where = at_row(path, int(block.index[bad][0]))
        found = block["count"].to_numpy()[bad][0]
        raise UserError(
            f"column 5 is {found!r}, expected how often the fragment was read: not a file of "
            "fragments (chrom, start, end, barcode, count)?",
            where,
        )


def _kept(
    block: pd.DataFrame, wanted: set[str] | None, sizes: dict[str, int], counts: dict[str, int]
) -> pd.DataFrame:
    own = block["barcode"].isin(wanted) if wanted is not None else pd.Series(True, block.index)
    placed = block["chrom"].isin(sizes)
    counts["fragments"] += len(block)
    counts["other_cells"] += int((~own).sum())
    counts["other_chromosomes"] += int((own & ~placed).sum())
    kept = block[own & placed]
    counts["taken"] += len(kept)
    return kept


def _write(kept: pd.DataFrame, sink: igzip.IGzipFile) -> None:
    """Two reads of one base a fragment, in the order of the file."""
    if kept.empty:
        return
    chrom = np.repeat(kept["chrom"].to_numpy(str), 2)
    place = np.column_stack([kept["start"], kept["end"] - 1]).ravel()
    strand = np.tile(np.array(["+", "-"]), len(kept))
    fill = np.full(len(place), "N"), np.full(len(place), 1000)
    columns = [chrom, place, place + 1, *fill, strand]
    arrow_csv.write_csv(pa.table(columns, names=list("abcdef")), sink, TSV)


def _check_taken(
    counts: dict[str, int], chromosomes: set[str], sizes: dict[str, int], path: Path
) -> None:
    if counts["taken"]:
        return
    if not counts["fragments"]:
        raise UserError("no fragment in this file", path)
    if counts["other_cells"] == counts["fragments"]:
        raise UserError(
            "none of its barcodes is in the table of barcodes: of another library, or with another "
            "suffix (-1)?",
            path,
        )
    raise UserError(
        f"chromosome names do not match: it has {', '.join(sorted(chromosomes)[:4])}; the genome "
        f"has {', '.join(list(sizes)[:4])}",
        path,
    )


def _say(record: dict[str, int], path: Path, cell: str) -> None:
    logger.info(
        "%s: %d of %d fragments, of %d barcodes (other cells: %d, other chromosomes: %d)",
        path, record["taken"], record["fragments"], record["barcodes"], record["other_cells"],
        record["other_chromosomes"],
    )  # fmt: skip
    if record["taken"] < FEW:
        logger.warning(
            "%s: %d fragments%s, fewer than the %d that peaks and activity need",
            path, record["taken"], f" of {cell}" if cell else "", FEW,
        )  # fmt: skip


def coverage(tags: list[Path], chrom_sizes: Path, out: Path) -> int:
    """Write a bigWig of insertions within `REACH` bp, per million insertions of all files.

    Returns
    -------
    int
        Insertions.
    """
    sizes = read_sizes(chrom_sizes)
    names = list(sizes)
    places = {number: [] for number in range(len(names))}  # type: dict[int, list[np.ndarray]]
    for path in tags:
        for spans in read_tags(path, names, sizes):
            for number in np.unique(spans.reference):
                if number < len(names):
                    places[int(number)].append(spans.start[spans.reference == number])
    total = sum(len(part) for parts in places.values() for part in parts)
    if not total:
        raise UserError("no insertion in this file", tags[0])
    with aside(out) as temporary, pyBigWig.open(str(temporary), "w") as track:
        track.addHeader(list(sizes.items()))
        for number, name in enumerate(names):
            if places[number]:
                here = np.concatenate(places[number])
                for start, end, value in _runs(here, sizes[name], 1e6 / total):
                    track.addEntries(
                        [name] * len(start), start.tolist(), ends=end.tolist(),
                        values=value.tolist(),
                    )  # fmt: skip
    return total


def _runs(
    places: np.ndarray, size: int, scale: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Runs of equal coverage above 0 of windows of `REACH` bp on either side of each place."""
    change = np.zeros(size + 1, dtype=np.int32)
    np.add.at(change, np.maximum(places - REACH, 0), 1)
    np.add.at(change, np.minimum(places + REACH, size), -1)
    edges = np.flatnonzero(change[:size])
    depth = np.cumsum(change[:size][edges])
    start, end = edges, np.append(edges[1:], size)
    above = depth > 0
    if above.any():
        yield start[above], end[above], depth[above] * scale
