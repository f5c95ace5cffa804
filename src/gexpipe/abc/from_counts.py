"""Start from the count tables of a finished ABC run instead of alignments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError, at_row
from gexpipe.intervals import read_intervals
from gexpipe.log import get_logger

__all__ = ["artefacts", "library_reads", "promoter_counts", "read_counts", "same_regions"]

logger = get_logger(__name__)

KEY = ["chrom", "start", "end"]


def read_counts(path: str | Path, sizes: dict[str, int]) -> pd.DataFrame:
    """Read a CountReads table: chrom, start, end, count; no header; gzipped or not.

    The index is the row as a person counts; ``sizes`` are the chromosomes' lengths, bp.
    """
    table = read_intervals(path, [*KEY, "count"], sizes)
    if table.empty:
        raise UserError("no region in this table of counts", path)
    count = pd.to_numeric(table["count"], errors="coerce").astype(np.float64)
    bad = ~np.asarray(np.isfinite(count) & (count >= 0))
    if bad.any():
        found = table["count"][bad].iloc[0]
        where = at_row(path, int(table.index[bad][0]))
        raise UserError(f"the count is {found!r}, expected a number >= 0", where)
    return table.assign(count=count)


def same_regions(first: pd.DataFrame, second: pd.DataFrame, where: str | Path) -> None:
    """A `UserError` unless two count tables list the same regions in the same order."""
    if len(first) != len(second):
        raise UserError(
            f"{len(second)} regions, expected {len(first)} as in the DNase table", where
        )
    different = (first[KEY].to_numpy() != second[KEY].to_numpy()).any(axis=1)
    if different.any():
        at = int(np.flatnonzero(different)[0])
        found = "{}:{}-{}".format(*second[KEY].iloc[at])
        expected = "{}:{}-{}".format(*first[KEY].iloc[at])
        raise UserError(
            f"found {found}, expected {expected} as in the DNase table",
            at_row(where, int(second.index[at])),
        )


def promoter_counts(
    genes: pd.DataFrame, promoters: pd.DataFrame, counts: pd.DataFrame, where: str | Path
) -> NDArray[np.float64]:
    """Counts around each gene's TSS, joined by gene id through the promoters' coordinates.

    Parameters
    ----------
    genes : DataFrame
        gene_id.
    promoters : DataFrame
        chrom, start, end, name (= gene id): the regions that were counted.
    counts : DataFrame
        chrom, start, end, count; genes that share a promoter share its row.
    where : str or Path
        Named in the error.

    Returns
    -------
    ndarray
        (G,) float64 in the order of ``genes``.
    """
    by_place = counts.drop_duplicates(KEY)
    named = promoters.merge(by_place, on=KEY, how="left").drop_duplicates("name")
    found = named.set_index("name")["count"].reindex(genes["gene_id"]).to_numpy(np.float64)
    absent = np.isnan(found)
    if absent.any():
        gene = genes["gene_id"].to_numpy()[absent][0]
        raise UserError(f"no promoter count for {int(absent.sum())} genes, such as {gene}", where)
    return found


def library_reads(table: pd.DataFrame, sizes: dict[str, int], total: float) -> float:
    """Reads of the whole library that a count table is of.

    The mapped reads where they are given and are more; else the table's sum, extrapolated from the
    chromosomes that it covers to the genome: a table may be of one chromosome.
    """
    covered = sum(sizes[chrom] for chrom in set(table["chrom"]) if chrom in sizes)
    return max(total, table["count"].sum() * sum(sizes.values()) / max(covered, 1))


def artefacts(
    table: pd.DataFrame, largest_share: float, reads: float, where: str | Path
) -> NDArray[np.bool_]:
    """(E,) bool: one region that alone holds more than this share of a library's reads.

    No regulatory element does; adapter sequence that aligns to one place does. Where there are so
    few elements that an even part of the reads is more than the share, the rule says nothing.
    """
    share = table["count"].to_numpy() / max(reads, 1.0)
    if len(table) * largest_share <= 1:
        logger.info(
            "%s: %d elements are too few to tell artefacts by their share", where, len(table)
        )
        return np.zeros(len(table), dtype=bool)
    found = share > largest_share
    for place, part in zip(table[found][KEY].itertuples(index=False), share[found], strict=True):
        logger.warning(
            "%s: %s:%d-%d holds %.1f %% of all reads, the largest share is %g %%: left out",
            where, *place, 100.0 * part, 100.0 * largest_share,
        )  # fmt: skip
    return found
