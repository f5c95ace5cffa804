"""Average Hi-C: one table of contact over many cell types, for cells without a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.contact.rows import ContactRows, empty_rows
from gexpipe.errors import UserError, at_row
from gexpipe.files import require
from gexpipe.intervals import column_blocks
from gexpipe.log import get_logger, progress

__all__ = ["rows_from_average"]

logger = get_logger(__name__)

COLUMNS = ("chrom", "start", "end", "contact")  # start and end are the two bins, in either order


def _chunks(path: Path) -> Iterator[pd.DataFrame]:
    for block in column_blocks(path, COLUMNS):
        contact = pd.to_numeric(block["contact"], errors="coerce").astype(np.float64)
        fine = np.isfinite(contact) & (contact >= 0) & (block[["start", "end"]] >= 0).all(axis=1)
        bad = ~np.asarray(fine)
        if bad.any():
            found = " ".join(map(str, block[bad].iloc[0]))
            raise UserError(
                f"found {found}, expected chrom, bin start, bin start, contact >= 0",
                at_row(path, int(block.index[bad][0])),
            )
        yield block.assign(contact=contact)


def _fill(
    rows: ContactRows, here: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64],
    contact: NDArray[np.float64],
) -> None:  # fmt: skip
    """Write pixels of one chromosome into the rows of its genes."""
    bins, inverse = np.unique(rows.tss_bin[here], return_inverse=True)
    found = np.zeros((len(bins), rows.values.shape[1]), dtype=np.float32)
    near = np.abs(second - first) <= rows.reach
    for own, other in ((first, second), (second, first)):
        place = np.clip(np.searchsorted(bins, own), 0, len(bins) - 1)
        keep = near & (bins[place] == own)
        found[place[keep], other[keep] - own[keep] + rows.reach] = contact[keep]
    filled = found != 0
    rows.values[here] = np.where(filled[inverse], found[inverse], rows.values[here])


def rows_from_average(
    path: str | Path, genes: pd.DataFrame, sizes: dict[str, int], resolution: int, max_distance: int
) -> ContactRows:
    """Contact rows from a table of average contact, such as ENCODE's ENCFF134PUN.

    The table is streamed; only contacts of TSS bins are kept. Its rows sum to one and its diagonal
    is corrected already (ABC's average Hi-C), so neither is done again.

    Parameters
    ----------
    path : str or Path
        TSV without header, gzipped or not: chrom, bin start, bin start (bp), contact; each pair of
        bins once, in either order; lines that start with ``#`` are skipped.
    genes : DataFrame
        Gene table (gene_id, chrom, tss).
    sizes : dict
        Chromosome lengths, bp.
    resolution : int
        Bin width of the table, bp.
    max_distance : int
        Contacts are kept up to this distance, bp.

    Raises
    ------
    UserError
        When it is no such table, or shares no chromosome with the genes.
    """
    source = require(path, "average Hi-C table")
    reach = -(-max_distance // resolution)
    rows = empty_rows(genes, sizes, resolution, reach)
    bins = rows.tss_bin[:, None] + np.arange(-reach, reach + 1)[None, :]
    inside = (bins >= 0) & (bins < -(-rows.chrom_length // resolution)[:, None])
    rows.values[inside] = 0.0
    of_chromosome = {c: np.flatnonzero(rows.chrom == c) for c in set(rows.chrom.tolist())}
    seen: set[str] = set()
    for chunk in progress(_chunks(source), "average Hi-C"):
        for name, pixels in chunk.groupby("chrom", sort=False):
            seen.add(str(name))
            if str(name) in of_chromosome:
                first, second = (pixels[c].to_numpy() // resolution for c in ("start", "end"))
                contact = pixels["contact"].to_numpy()
                _fill(rows, of_chromosome[str(name)], first, second, contact)
    lacking = sorted(set(of_chromosome) - seen)
    if len(lacking) == len(of_chromosome):
        raise UserError(
            f"chromosome names do not match: it has {', '.join(sorted(seen)[:4])}; "
            f"the genes lie on {', '.join(lacking[:4])}",
            source,
        )
    if lacking:
        logger.warning("%s has no %s: contact is missing there", source, ", ".join(lacking))
    rows.meta.update(
        source="average",
        file=source.name,
        resolution=resolution,
        max_distance=max_distance,
        row_sum="one, as stored",
        chromosomes_without_contact=lacking,
        genes=len(genes),
        genes_with_contact=int(np.isfinite(rows.values[:, rows.reach]).sum()),
    )
    return rows
