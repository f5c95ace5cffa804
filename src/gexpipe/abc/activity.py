"""Classes and activity of elements, and the promoter activity of genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.abc.intervals import around, overlaps_any
from gexpipe.abc.quantile import DNASE, H3K27AC, normalize

__all__ = ["add_activity", "classify", "gene_activity", "promoter_regions"]


def promoter_regions(genes: pd.DataFrame, slop: int, sizes: dict[str, int]) -> pd.DataFrame:
    """``[tss - slop, tss + slop)`` of every gene, cut at chromosome ends; order of ``genes``."""
    return around(genes["chrom"], genes["tss"], slop, sizes)


def classify(elements: pd.DataFrame, genes: pd.DataFrame, promoters: pd.DataFrame) -> pd.DataFrame:
    """Class and name of every element, as ABC gives them.

    ``promoter`` shares a base with a promoter region, else ``genic`` with a gene body, else
    ``intergenic``. The name is ``class|chrom:start-end``.

    Parameters
    ----------
    elements : DataFrame
        chrom, start, end.
    genes : DataFrame
        chrom, start, end of gene bodies.
    promoters : DataFrame
        chrom, start, end of promoter regions (TSS +- 500 bp).

    Returns
    -------
    DataFrame
        chrom, start, end, name, class, isPromoterElement.
    """
    table = elements[["chrom", "start", "end"]].reset_index(drop=True)
    is_promoter = overlaps_any(table, promoters)
    genic = overlaps_any(table, genes)
    kind = np.where(is_promoter, "promoter", np.where(genic, "genic", "intergenic"))
    place = table["chrom"] + ":" + table["start"].astype(str) + "-" + table["end"].astype(str)
    table["name"] = pd.Series(kind, index=table.index, dtype=str).str.cat(place, sep="|")
    table["class"] = kind
    table["isPromoterElement"] = is_promoter
    return table


def add_activity(
    elements: pd.DataFrame,
    dnase: NDArray[np.float64],
    h3k27ac: NDArray[np.float64] | None,
    reference: pd.DataFrame | None,
) -> pd.DataFrame:
    """Add activity columns to classified elements.

    Parameters
    ----------
    elements : DataFrame
        From `classify`.
    dnase : ndarray
        (E,) accessibility RPM, replicates averaged.
    h3k27ac : ndarray or None
        (E,) H3K27ac RPM; None where the assay is missing, then activity is accessibility alone.
    reference : DataFrame or None
        Quantile reference; None leaves RPM as it is.

    Returns
    -------
    DataFrame
        With dnase_rpm, dnase_rpkm, dnase_quantile (mean rank / elements), dnase_normalized (and
        h3k27ac_*), activity_base, activity_base_no_qnorm.
    """
    table = elements.copy()
    length = (table["end"] - table["start"]).to_numpy(np.float64)
    is_promoter = table["isPromoterElement"].to_numpy(bool)
    for name, rpm, column in (("dnase", dnase, DNASE), ("h3k27ac", h3k27ac, H3K27AC)):
        if rpm is None:
            continue
        table[f"{name}_rpm"] = rpm
        table[f"{name}_rpkm"] = 1e3 * rpm / length
        table[f"{name}_quantile"] = _quantile(rpm)
        table[f"{name}_normalized"] = (
            rpm if reference is None else normalize(rpm, is_promoter, reference, column)
        )
    if h3k27ac is None:
        table["activity_base"] = table["dnase_normalized"]
        table["activity_base_no_qnorm"] = table["dnase_rpm"]
    else:
        table["activity_base"] = np.sqrt(table["dnase_normalized"] * table["h3k27ac_normalized"])
        table["activity_base_no_qnorm"] = np.sqrt(table["dnase_rpm"] * table["h3k27ac_rpm"])
    return table


def gene_activity(
    genes: pd.DataFrame,
    dnase: NDArray[np.float64],
    h3k27ac: NDArray[np.float64] | None,
) -> pd.DataFrame:
    """Promoter activity of every gene: sqrt(DNase x H3K27ac) RPM around the TSS.

    Returns
    -------
    DataFrame
        gene_id, dnase_rpm, dnase_quantile, h3k27ac_rpm and h3k27ac_quantile (absent without the
        assay), promoter_activity, promoter_activity_quantile (mean rank / genes, as ABC's
        PromoterActivityQuantile uses RPKM, which orders equally wide regions alike).
    """
    table = pd.DataFrame({"gene_id": genes["gene_id"].to_numpy(), "dnase_rpm": dnase})
    table["dnase_quantile"] = _quantile(dnase)
    strength = 1e-4 + table["dnase_quantile"]
    if h3k27ac is None:
        table["promoter_activity"] = dnase
    else:
        table["h3k27ac_rpm"] = h3k27ac
        table["h3k27ac_quantile"] = _quantile(h3k27ac)
        table["promoter_activity"] = np.sqrt(dnase * h3k27ac)
        strength = strength * (1e-4 + table["h3k27ac_quantile"])
    table["promoter_activity_quantile"] = _quantile(strength.to_numpy())
    return table


def _quantile(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean rank / number of values: 1 for the largest, ties alike (ABC's ``.quantile`` columns)."""
    return np.asarray(pd.Series(values).rank(pct=True), dtype=np.float64)
