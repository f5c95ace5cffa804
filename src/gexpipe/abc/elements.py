"""EPInformer's element table: which elements a gene is given, in which slots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.files import aside, require

__all__ = [
    "element_table",
    "nearest",
    "read_near",
    "refuse_other_genes",
    "slot_interval",
    "write_elements",
]

COLUMNS = ["gene_id", "gene", "element", "start", "end", "distance", "hic_contact", "activity"]


def slot_interval(
    start: NDArray[np.int64], end: NDArray[np.int64], slot: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Interval of each element that is given to the encoder, and where it starts in its slot.

    An element of n <= slot bases starts at ``slot // 2 - n // 2``; a longer one is cut to the slot
    around its middle ``(start + end) // 2`` (EPInformer's code).

    Returns
    -------
    start, end, slot_start : ndarray
        (E,) int64; 0-based half-open on the chromosome, and the offset in the slot.
    """
    length = end - start
    middle = (start + end) // 2
    long = length > slot
    first = np.where(long, middle - slot // 2, start)
    last = np.where(long, first + slot, end)
    return first, last, np.where(long, 0, slot // 2 - length // 2)


def nearest(
    gene: NDArray[np.int64],
    distance: NDArray[np.float64],
    minimum: float,
    maximum: float,
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs with ``minimum < distance <= maximum``, at most ``most`` per gene, nearest first.

    Returns
    -------
    pair, rank : ndarray
        (K,) int64: which pair, sorted by gene and then distance (ties in the order of the input),
        and its rank within the gene, from 0.
    """
    chosen = np.flatnonzero((distance > minimum) & (distance <= maximum))
    order = chosen[np.lexsort((distance[chosen], gene[chosen]))]
    owner = gene[order]
    begin = np.searchsorted(owner, owner, "left")
    rank = np.arange(len(order)) - begin
    kept = rank < most
    return order[kept], rank[kept]


def read_near(path: str | Path, maximum: float) -> pd.DataFrame:
    """Pairs of a predictions file up to ``maximum`` bp; one row group is in memory at a time."""
    source = require(path, "ABC predictions")
    parts = []
    try:
        with pq.ParquetFile(source) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=COLUMNS)
                near = table.filter(pc.less_equal(table["distance"], maximum))
                parts.append(near.to_pandas())
    except (OSError, ValueError) as error:
        raise UserError(f"not an ABC predictions file ({error})", source) from error
    return pd.concat(parts, ignore_index=True)


def refuse_other_genes(pairs: pd.DataFrame, genes: pd.DataFrame) -> None:
    """A `UserError` unless the row numbers of pairs are those of their genes in the gene table."""
    gene, ids = pairs["gene"].to_numpy(np.int64), genes["gene_id"].to_numpy(dtype=str)
    first = pairs.iloc[np.unique(gene, return_index=True)[1]]
    numbers = first["gene"].to_numpy()
    known = numbers < len(ids)
    same = ids[np.where(known, numbers, 0)] == first["gene_id"].to_numpy(dtype=str)
    if not (known & same).all():
        found = first["gene_id"].to_numpy(dtype=str)[~(known & same)][0]
        raise UserError(
            f"{found} is not where the scores have it: they were made with another gene table",
            "genes",
        )


def element_table(
    pairs: pd.DataFrame,
    genes: pd.DataFrame,
    minimum: float = 1_000,
    maximum: float = 100_000,
    most: int = 60,
    slot: int = 2_000,
    blank_farthest: bool = True,
) -> pd.DataFrame:
    """One row per gene and element slot.

    Parameters
    ----------
    pairs : DataFrame
        gene (row of ``genes``), element, start, end, distance, hic_contact, activity.
    genes : DataFrame
        gene_id, chrom.
    minimum, maximum : float
        Distance range from the TSS, bp, exclusive and inclusive.
    most : int
        Elements per gene, nearest first.
    slot : int
        Bases per slot.
    blank_farthest : bool
        An element at exactly ``maximum`` loses its bases (``end`` is ``start``) and its distance
        (0), but keeps contact and activity: the published loader cuts with >= where the encoding
        kept with <=. Off: it is an element like any other, as in the encoding.

    Returns
    -------
    DataFrame
        gene_id, rank (0 = nearest), element, chrom, start, end (given to the encoder), slot_start,
        distance_kb, contact_log = log10(1 + contact), activity. Genes in the order of ``genes``;
        a gene without elements has no row.
    """
    gene = pairs["gene"].to_numpy(np.int64)
    chosen, rank = nearest(gene, pairs["distance"].to_numpy(np.float64), minimum, maximum, most)
    kept, owner = pairs.iloc[chosen], gene[chosen]
    start, end, offset = slot_interval(
        kept["start"].to_numpy(np.int64), kept["end"].to_numpy(np.int64), slot
    )
    distance = kept["distance"].to_numpy(np.float64)
    if blank_farthest:
        end = np.where(distance >= maximum, start, end)
        distance = np.where(distance >= maximum, 0.0, distance)
    return pd.DataFrame(
        {
            "gene_id": genes["gene_id"].to_numpy()[owner],
            "rank": rank,
            "element": kept["element"].to_numpy(np.int64),
            "chrom": genes["chrom"].to_numpy()[owner],
            "start": start,
            "end": end,
            "slot_start": offset,
            "distance_kb": distance / 1000.0,
            "contact_log": np.log10(1.0 + kept["hic_contact"].to_numpy(np.float64)),
            "activity": kept["activity"].to_numpy(np.float64),
        }
    )


def write_elements(table: pd.DataFrame, path: str | Path) -> None:
    """Write any table of this stage as parquet, aside and renamed."""
    with aside(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")
