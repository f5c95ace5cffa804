"""Knight-Ruiz balancing by FAN-C, for matrices that hold raw counts only."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.contact.band import RAW, BandReader
from gexpipe.contact.readers import open_matrix
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.log import get_logger

__all__ = ["balance_with_fanc", "raw_cool"]

logger = get_logger(__name__)


def raw_cool(reader: BandReader, out: Path) -> None:
    """Write the raw counts within the chromosomes of any matrix as a .cool file.

    FAN-C cannot read .hic files (version 9) without balancing vectors, but any .cool.
    """
    step = reader.resolution
    sizes = {n: s for n, s in reader.chromosomes.items() if n.upper() != "ALL"}
    bins = cooler.binnify(pd.Series(sizes), step)

    def pixels() -> Iterator[pd.DataFrame]:
        offset = 0
        for chrom, size in sizes.items():
            number = -(-size // step)
            band = reader.band(chrom, number, RAW)
            table = pd.DataFrame(
                {
                    "bin1_id": band.first.astype(np.int64) + offset,
                    "bin2_id": band.second.astype(np.int64) + offset,
                    "count": band.value,
                }
            )
            offset += number
            if len(table):
                yield table.sort_values(["bin1_id", "bin2_id"])

    cooler.create_cooler(str(out), bins, pixels(), dtypes={"count": np.float64}, ordered=True)


def balance_with_fanc(matrix: Path, resolution: int, out: Path) -> None:
    """Balance each chromosome with FAN-C and write a .cool with the weights as column ``KR``.

    Parameters
    ----------
    matrix : Path
        .hic, .mcool or .cool; its raw counts are used.
    resolution : int
        Bin width, bp.
    out : Path
        .cool of this resolution; ``KR`` divides, NaN where a bin is masked. Rows of the balanced
        matrix sum to one.

    Raises
    ------
    UserError
        Where FAN-C is not installed.
    """
    try:
        importlib.import_module("fanc")
    except ImportError as error:
        raise UserError(
            f"FAN-C is an extra: pip install 'gexpipe[fanc]' ({error})", "gexpipe contacts balance"
        ) from error
    reader = open_matrix(matrix, resolution)
    with aside(out) as temporary:
        raw_cool(reader, temporary)
        factor = _knight_ruiz(temporary)
        weight = np.where(factor > 0, 1.0 / np.where(factor > 0, factor, 1.0), np.nan)
        with h5py.File(temporary, "r+") as file:
            column = file["bins"].create_dataset("KR", data=weight)
            column.attrs["divisive_weights"] = True
    masked = int(np.isnan(weight).sum())
    logger.info("FAN-C balanced %d bins, %d more are masked", len(weight) - masked, masked)


def _knight_ruiz(cool: Path) -> NDArray[np.float64]:
    """(bins,) multiplicative weight of every bin; 0 where FAN-C masked it."""
    import fanc
    from fanc.hic import kr_balancing

    with tempfile.TemporaryDirectory(prefix="gexpipe-fanc-") as folder:
        copy = fanc.load(str(cool)).deepcopy(fanc.Hic, file_name=f"{folder}/copy.hic", mode="w")
        try:
            kr_balancing(copy, whole_matrix=False)
            return np.nan_to_num(np.array(list(copy.region_data("bias")), dtype=np.float64))
        finally:
            copy.close()
