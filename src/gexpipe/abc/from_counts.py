"""Start from the count tables of a finished ABC run instead of alignments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.abc.intervals import read_bed
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["artefacts", "promoter_counts", "read_counts"]

logger = get_logger(__name__)

KEY = ["chrom", "start", "end"]


def read_counts(path: str | Path) -> pd.DataFrame:
    """Read a CountReads table: chrom, start, end, count; no header; gzipped or not."""
    table = read_bed(path, [*KEY, "count"])
    count = pd.to_numeric(table["count"], errors="coerce")
    if count.isna().any() or (count < 0).any():
        row = int(np.flatnonzero(count.isna() | (count < 0))[0]) + 1
        raise UserError(f"row {row}: the count is not a number >= 0", path)
    return table.assign(count=count.astype(np.float64))


def same_regions(first: pd.DataFrame, second: pd.DataFrame, where: str | Path) -> None:
    """A `UserError` unless two count tables list the same regions in the same order."""
    if len(first) != len(second):
        raise UserError(
            f"{len(second)} regions, expected {len(first)} as in the DNase table", where
        )
    different = (first[KEY] != second[KEY]).any(axis=1).to_numpy()
    if different.any():
        row = int(np.flatnonzero(different)[0])
        found = "{}:{}-{}".format(*second[KEY].iloc[row])
        expected = "{}:{}-{}".format(*first[KEY].iloc[row])
        raise UserError(f"row {row + 1} is {found}, expected {expected}", where)


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


def artefacts(counts: NDArray[np.float64], largest_share: float) -> NDArray[np.bool_]:
    """(E,) bool: one region that alone holds more than this share of all reads counted.

    No regulatory element does; adapter sequence that aligns to one place does.
    """
    found = counts > largest_share * counts.sum()
    for row in np.flatnonzero(found):
        share = 100.0 * counts[row] / counts.sum()
        logger.warning("region %d holds %.1f %% of all reads: left out", row + 1, share)
    return found
