"""A few numbers per cell type that tell a good ABC run from a bad one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.log import get_logger

__all__ = ["EXPECTED", "check", "element_quality"]

logger = get_logger(__name__)

# Ranges seen in ABC runs over human cell types at full sequencing depth (ABC's own quality table
# and its 131-biosample release); outside them a warning is logged, nothing stops.
EXPECTED: dict[str, tuple[float, float]] = {
    "elements": (60_000, 250_000),
    "median_element_length": (400, 900),
    "share_promoter": (0.05, 0.30),
    "dnase_mapped_reads": (1.5e7, 1e9),
    "h3k27ac_mapped_reads": (1e7, 1e9),
    "dnase_reads_in_elements": (0.10, 0.95),
    "elements_per_gene_100kb": (3, 60),
}


def element_quality(
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    totals: dict[str, list[int]],
    counts: dict[str, NDArray[np.float64]],
) -> dict[str, Any]:
    """Numbers of one cell type.

    Parameters
    ----------
    elements : DataFrame
        chrom, start, end, class.
    genes : DataFrame
        chrom, tss.
    totals : dict
        Assay -> mapped reads of each file.
    counts : dict
        Assay -> reads per element, averaged over files.
    """
    length = elements["end"] - elements["start"]
    classes = elements["class"].value_counts(normalize=True)
    values: dict[str, Any] = {
        "elements": len(elements),
        "genes": len(genes),
        "median_element_length": float(length.median()),
        **{f"share_{k}": float(classes.get(k, 0)) for k in ("promoter", "genic", "intergenic")},
        "elements_per_gene_100kb": _per_gene(elements, genes, 100_000),
        "elements_per_gene_5mb": _per_gene(elements, genes, 5_000_000),
    }
    for assay, files in totals.items():
        values[f"{assay}_mapped_reads"] = float(np.mean(files))
        values[f"{assay}_files"] = len(files)
        values[f"{assay}_reads_in_elements"] = float(counts[assay].sum() / np.mean(files))
    return values


def _per_gene(elements: pd.DataFrame, genes: pd.DataFrame, reach: int) -> float:
    number = np.zeros(len(genes))
    for chrom, rows in genes.groupby("chrom", sort=False).indices.items():
        here = elements[elements["chrom"] == chrom]
        middle = np.sort(((here["start"] + here["end"]) / 2.0).to_numpy())
        tss = genes["tss"].to_numpy(np.float64)[rows]
        number[rows] = np.searchsorted(middle, tss + reach) - np.searchsorted(middle, tss - reach)
    return float(number.mean())


def check(values: dict[str, Any], expected: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Compare with expected ranges, warn about what lies outside, and return both for the report.

    Returns
    -------
    dict
        Name -> {value, expected: [low, high] or null, ok}.
    """
    report: dict[str, Any] = {}
    for name, value in values.items():
        bounds = expected.get(name)
        ok = bounds is None or bounds[0] <= value <= bounds[1]
        if not ok and bounds is not None:
            logger.warning("%s = %.4g, expected %.4g to %.4g", name, value, *bounds)
        report[name] = {"value": value, "expected": list(bounds) if bounds else None, "ok": ok}
    return report
