"""Window contact as Seq2Exp released it: one HDF5 file a chromosome, one vector a TSS.

``hic_feat_CHROM.h5`` holds ``CHROM_TSS``: contact with pseudocount of every base of the window
around a TSS, before the logarithm; NaN as a whole where there was too little coverage, 0 off the
chromosome. All bases of a bin have one value.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.contact.window import WindowContact, window_bins
from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["read_released_contact"]


def read_released_contact(
    folder: Path, genes: pd.DataFrame, sizes: dict[str, int], length: int, resolution: int = 5000
) -> WindowContact:
    """Contact of every gene's window from a folder of ``hic_feat_CHROM.h5``.

    Parameters
    ----------
    folder : Path
        ``promo_enhan_inter/HiC/CELL`` of the release.
    genes : DataFrame
        gene_id, chrom, tss (0-based).
    sizes : dict
        Chromosome lengths, bp.
    length : int
        Bases around the TSS; at most those of the release.
    resolution : int
        Width of the bins, bp.

    Raises
    ------
    UserError
        A file or a TSS is missing, a vector is too short, or is not constant within bins.
    """
    bins = window_bins(length, resolution)
    begin = genes["tss"].to_numpy(np.int64) - length // 2
    first = begin // resolution
    values = np.zeros((len(genes), bins), dtype=np.float32)
    covered = np.zeros(len(genes), dtype=bool)
    for chrom, rows in genes.groupby("chrom", sort=False).indices.items():
        path = require(folder / f"hic_feat_{chrom}.h5", "released contact")
        try:
            with h5py.File(path, "r") as file:
                _refuse_absent(file, genes.iloc[rows], path)
                for row in np.asarray(rows).tolist():
                    name = f"{chrom}_{genes['tss'].iloc[row]}"
                    bases = _centre(file[name][:], length, f"{path}: {name}")
                    if np.isnan(bases).any():
                        continue  # too little coverage: missing as a whole
                    covered[row] = True
                    inside = max(-begin[row], 0), min(sizes[str(chrom)] - begin[row], length)
                    start = int(begin[row] - first[row] * resolution)
                    where = f"{path}: {name}"
                    values[row] = _by_bin(bases, inside, start, resolution, bins, where)
        except OSError as error:
            raise UserError(f"not a readable HDF5 file ({error})", path) from error
    start_of = (begin - first * resolution).astype(np.int64)
    return WindowContact(np.log10(1.0 + values).astype(np.float32), covered, start_of)


def _refuse_absent(file: h5py.File, genes: pd.DataFrame, path: Path) -> None:
    names = genes["chrom"].astype(str) + "_" + genes["tss"].astype(str)
    absent = genes[~names.isin(set(file)).to_numpy()]
    if len(absent):
        gene = absent.iloc[0]
        raise UserError(
            f"no contact of {len(absent)} of {len(genes)} TSSs, such as "
            f"{gene['chrom']}_{gene['tss']} ({gene['gene_id']}): it is of other genes or TSSs",
            path,
        )


def _centre(bases: NDArray, length: int, where: str) -> NDArray[np.float64]:
    if bases.ndim != 1 or len(bases) < length or (len(bases) - length) % 2:
        raise UserError(f"an array of shape {bases.shape}, expected {length} bases or more", where)
    cut = (len(bases) - length) // 2
    return bases[cut : cut + length].astype(np.float64)


def _by_bin(
    bases: NDArray[np.float64],
    inside: tuple[int, int],
    start: int,
    resolution: int,
    bins: int,
    where: str,
) -> NDArray[np.float64]:
    """(bins,) the value of each bin, from its first base on the chromosome."""
    low, high = inside
    found = np.zeros(bins)
    number = (np.arange(low, high) + start) // resolution
    at = np.flatnonzero(np.diff(number, prepend=-1))
    found[number[at]] = bases[low:high][at]
    if (bases < 0).any() or not np.array_equal(found[number], bases[low:high]):
        raise UserError(
            f"its values are not constant in bins of {resolution:,} bp, or below 0", where
        )
    return found
