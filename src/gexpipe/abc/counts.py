"""Reads per region: one pass over each alignment file, whatever the number of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.abc.bam import ReadSpans, read_spans, references
from gexpipe.abc.tags import is_tag_file, read_tags
from gexpipe.errors import UserError
from gexpipe.log import get_logger, progress

__all__ = ["ReadCounts", "count_reads", "reads_per_million"]

logger = get_logger(__name__)


# Kinds of mapped reads that are counted and told of -> their bits of the SAM flag.
_KINDS = {
    "mates of pairs (each counts)": 0x1,
    "duplicates": 0x400,
    "secondary or supplementary": 0x900,
    "that failed quality checks": 0x200,
}


@dataclass(frozen=True)
class ReadCounts:
    """Reads of one file in several sets of regions.

    Attributes
    ----------
    counts : list of ndarray
        One (regions,) array per set; whole numbers, unless a finished run's table holds others.
    total : float
        Mapped reads of the file, as ``samtools idxstats`` counts them: the RPM denominator.
    """

    counts: Sequence[NDArray[np.int64] | NDArray[np.float64]]
    total: float


class _Tally:
    """Overlaps of spans with regions of one chromosome, from two histograms.

    A region [a, b) is overlapped by (spans that start before b) - (spans that end at or before a),
    as a span that ends there also starts there: no sorting, no pairing.
    """

    def __init__(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        self._starts, self._ends = np.unique(start), np.unique(end)
        self._start, self._end = start, end
        self._begun = np.zeros(len(self._ends) + 1, dtype=np.int64)
        self._over = np.zeros(len(self._starts) + 1, dtype=np.int64)

    def add(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        begun = np.searchsorted(self._ends, start, "right")
        self._begun += np.bincount(begun, minlength=len(self._begun))
        over = np.searchsorted(self._starts, end, "left")
        self._over += np.bincount(over, minlength=len(self._over))

    def counts(self) -> NDArray[np.int64]:
        begun = np.cumsum(self._begun)[np.searchsorted(self._ends, self._end)]
        over = np.cumsum(self._over)[np.searchsorted(self._starts, self._start)]
        return begun - over


def count_reads(
    path: str | Path,
    regions: list[pd.DataFrame],
    sizes: dict[str, int] | None = None,
    double_sex: bool = False,
) -> ReadCounts:
    """Count the reads of a BAM or tagAlign file that overlap each region, in one pass.

    Counts equal ``pysam.AlignmentFile.count`` with its defaults, as ABC uses it: every placed
    record counts, whatever its flags (duplicate, secondary, QC-fail, and unmapped reads placed
    beside their mate); one shared base is enough; a spliced read covers its gaps.

    Parameters
    ----------
    path : str or Path
        BAM or tagAlign (see `is_tag_file`), in any order; needs no index.
    regions : list of DataFrame
        Sets of regions with chrom, start, end (0-based half-open), in any order. Regions on
        chromosomes that the file lacks count 0.
    sizes : dict, optional
        Chromosome lengths, bp: the reads of a tagAlign file lie within.
    double_sex : bool
        Count reads on chromosomes whose name ends with X or Y twice, as ABC does since 2023: a
        male cell has one copy of them. The total is not changed.

    Raises
    ------
    UserError
        When the file has no mapped read, or shares no chromosome name with the regions.
    """
    wanted = set().union(*(set(table["chrom"]) for table in regions))
    names = sorted(wanted) if is_tag_file(path) else references(path)
    spans_of_file = read_tags(path, names, sizes) if is_tag_file(path) else read_spans(path)
    if not wanted & set(names):
        raise UserError(
            f"chromosome names do not match: it has {', '.join(names[:4])}; "
            f"the regions lie on {', '.join(sorted(wanted)[:4])}",
            path,
        )
    tallies = [_tallies(table, names) for table in regions]
    total, kinds = 0, dict.fromkeys(_KINDS, 0)
    for spans in progress(spans_of_file, f"count {Path(path).name}"):
        total += int(spans.mapped.sum())
        _add_kinds(kinds, spans)
        for number, here in _by_reference(spans.reference):
            for chosen in tallies:
                if number in chosen:
                    chosen[number][1].add(spans.start[here], spans.end[here])
    if total == 0:
        raise UserError("this file has no mapped reads", path)
    counts = []
    for table, chosen in zip(regions, tallies, strict=True):
        result = np.zeros(len(table), dtype=np.int64)
        for rows, tally in chosen.values():
            result[rows] = tally.counts()
        if double_sex:
            result[table["chrom"].str.endswith(("X", "Y")).to_numpy()] *= 2
        counts.append(result)
    logger.info("%s: %d mapped reads%s", path, total, _words(kinds))
    return ReadCounts(counts, total)


def _add_kinds(kinds: dict[str, int], spans: ReadSpans) -> None:
    if spans.flag is not None:
        flag = spans.flag[spans.mapped]
        for name, bits in _KINDS.items():
            kinds[name] += int(np.count_nonzero(flag & bits))


def _words(kinds: dict[str, int]) -> str:
    """What a user may not expect to be counted; ABC's count leaves none of it out either."""
    found = [f"{number} {name}" for name, number in kinds.items() if number]
    return f", all counted as ABC does: {', '.join(found)}" if found else ""


def _tallies(table: pd.DataFrame, names: list[str]) -> dict[int, tuple[NDArray[np.int64], _Tally]]:
    number = {name: index for index, name in enumerate(names)}
    start, end = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    return {
        number[str(chrom)]: (rows, _Tally(start[rows], end[rows]))
        for chrom, found in table.groupby("chrom", sort=False).indices.items()
        for rows in [np.asarray(found)]
        if chrom in number
    }


def _by_reference(reference: NDArray[np.int32]) -> list[tuple[int, slice | NDArray[np.int64]]]:
    """Rows of each chromosome; slices where the chunk is sorted, which it nearly always is."""
    if len(reference) == 0:
        return []
    if (np.diff(reference) >= 0).all():
        values, begin = np.unique(reference, return_index=True)
        stop = [*begin[1:].tolist(), len(reference)]
        return [
            (int(v), slice(int(a), int(b))) for v, a, b in zip(values, begin, stop, strict=True)
        ]
    return [(int(v), np.flatnonzero(reference == v)) for v in np.unique(reference)]


def reads_per_million(
    files: list[ReadCounts], which: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean count and mean RPM over replicate files of one set of regions.

    RPM is 1e6 * count / mapped reads of the file, averaged over the files with equal weight (ABC).
    """
    counts = np.mean([f.counts[which] for f in files], axis=0)
    rpm = np.mean([1e6 * f.counts[which] / f.total for f in files], axis=0)
    return counts, rpm
