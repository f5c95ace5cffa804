"""Genes and the elements of their windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError

__all__ = ["mean_over", "pairs_in_windows"]


def pairs_in_windows(genes: pd.DataFrame, elements: pd.DataFrame, length: int) -> pd.DataFrame:
    """Genes and the elements that lie wholly in their windows.

    Parameters
    ----------
    genes : DataFrame
        gene_id, chrom, tss; a row a gene, numbered from 0.
    elements : DataFrame
        chrom, start, end; 0-based half-open.
    length : int
        Window, bp: ``[tss - length // 2, tss + length // 2)``.

    Returns
    -------
    DataFrame
        gene (row), gene_id, chrom, start, end, distance (bp, TSS to the middle of the element) and
        the elements' other columns, in the order of genes and starts.
    """
    found = []
    for chrom, group in genes.groupby("chrom", sort=False):
        there = elements[elements["chrom"] == chrom].sort_values("start", kind="stable")
        starts, ends = there["start"].to_numpy(), there["end"].to_numpy()
        for gene, gene_id, tss in zip(group.index, group["gene_id"], group["tss"], strict=True):
            inside = (starts >= tss - length // 2) & (ends <= tss + length // 2)
            found.append(there[inside].assign(gene=gene, gene_id=gene_id, tss=tss))
    if not found:
        raise UserError("no element lies in a window of these genes", "elements")
    pairs = pd.concat(found, ignore_index=True).sort_values(["gene", "start"], kind="stable")
    middle = (pairs["start"] + pairs["end"]) // 2
    pairs["distance"] = (middle - pairs.pop("tss")).abs()
    return pairs.reset_index(drop=True)


def mean_over(
    scores: NDArray[np.float32], tss: NDArray[np.int64], pairs: pd.DataFrame
) -> NDArray[np.float64]:
    """Mean score of the bases of each pair's element, (pairs,).

    ``scores`` is (genes, L), ``tss`` (genes,); pairs name genes by row.
    """
    half = scores.shape[1] // 2
    sums = np.concatenate(
        [np.zeros((len(scores), 1)), np.cumsum(scores, axis=1, dtype=np.float64)], axis=1
    )
    gene = pairs["gene"].to_numpy()
    start = pairs["start"].to_numpy() - tss[gene] + half
    end = pairs["end"].to_numpy() - tss[gene] + half
    return (sums[gene, end] - sums[gene, start]) / (end - start)
