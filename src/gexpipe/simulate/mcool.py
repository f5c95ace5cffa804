"""A multi-resolution cooler as 4DN stores it: divisive KR, VC, VC_SQRT, and cooler's own weight."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.simulate.contacts import Pixels
from gexpipe.simulate.hic import Vectors, global_pixels

__all__ = ["write_mcool"]

_STORED = ("KR", "VC", "VC_SQRT")
_DATE = "2024-01-01T00:00:00"  # fixed, so that equal content means equal bytes


def write_mcool(
    path: Path,
    sizes: Mapping[str, int],
    pixels: Mapping[int, Mapping[str, Pixels]],
    assembly: str,
    vectors: Vectors,
) -> None:
    """Write one cooler per resolution.

    Parameters
    ----------
    pixels : mapping
        Resolution -> chromosome -> pixels.
    vectors : mapping
        (norm, chromosome, resolution) -> divisive vector. ``weight`` is made from KR:
        multiplicative, balanced rows sum to about 1.
    """
    scratch = path.with_name("scratch.mcool")
    for resolution, parts in sorted(pixels.items()):
        bins = cooler.binnify(pd.Series(dict(sizes)), resolution)
        columns = {
            norm: np.concatenate([vectors[norm, chrom, resolution] for chrom in sizes])
            for norm in _STORED
        }
        weight = np.concatenate(
            [_weight(parts[chrom], vectors["KR", chrom, resolution]) for chrom in sizes]
        )
        cooler.create_cooler(
            f"{scratch}::/resolutions/{resolution}",
            bins.assign(**columns, weight=weight),
            global_pixels(parts),
            assembly=assembly,
            ordered=True,
            mode="a",
        )
    _copy_dated(scratch, path)
    scratch.unlink()


def _copy_dated(source: Path, target: Path) -> None:
    """Copy an mcool with a fixed creation date.

    cooler stamps the time of writing; changing the attribute in place would leave the old text in
    the file, so that equal content had unequal bytes.
    """
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        new.attrs.update({"format": "HDF5::MCOOL", "format-version": 2, "bin-type": "fixed"})
        for resolution, group in old["resolutions"].items():
            copied = new.create_group(f"resolutions/{resolution}")
            copied.attrs.update({**group.attrs, "creation-date": _DATE})
            for name in group:
                old.copy(group[name], copied, name)
            weight = {"ignore_diags": 0, "cis_only": True, "scale": 1.0}
            copied["bins/weight"].attrs.update(weight)


def _weight(pixels: Pixels, divisive: NDArray[np.float32]) -> NDArray[np.float64]:
    """Multiplicative weights that make the mean row sum of the balanced matrix 1."""
    inverse = 1 / divisive.astype(np.float64)
    value = np.nan_to_num(pixels.count * inverse[pixels.row] * inverse[pixels.column])
    sums = np.bincount(pixels.row, value, pixels.bins)
    off = pixels.row != pixels.column
    sums += np.bincount(pixels.column[off], value[off], pixels.bins)
    good = sums[np.isfinite(inverse)]
    return inverse / np.sqrt(good.mean()) if len(good) and good.mean() > 0 else inverse
