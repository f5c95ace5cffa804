"""Promoters by what their sequence says: with a CpG island, or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.benchmark.likeness import read_windows

__all__ = ["BASES", "cpg_island", "promoter_classes"]

BASES = 1000  # around the TSS, bp
# Takai and Jones (2002, PNAS 99:3740): most repeats are no islands by these.
LENGTH, GC, CPG = 500, 0.55, 0.65


def cpg_island(sequence: str) -> bool:
    """Whether a stretch of `LENGTH` bp of a sequence is a CpG island.

    Its share of G and C is at least `GC`, and it has at least `CPG` times as many CpG as C and G
    that lie at random would make.
    """
    bases = np.frombuffer(sequence.upper().encode(), np.uint8)
    if len(bases) < LENGTH:
        return False
    c, g = bases == ord("C"), bases == ord("G")
    both = np.append(c[:-1] & g[1:], False)

    def counted(found: np.ndarray, length: int) -> np.ndarray:
        ends = np.append(0, np.cumsum(found))
        return ends[length : length + len(bases) - LENGTH + 1] - ends[: len(bases) - LENGTH + 1]

    number_c, number_g = counted(c, LENGTH), counted(g, LENGTH)
    pairs = counted(both, LENGTH - 1)
    dense = number_c + number_g >= GC * LENGTH
    return bool((dense & (pairs * LENGTH >= CPG * number_c * number_g)).any())


def promoter_classes(genes: pd.DataFrame, fasta: Path) -> pd.Series:
    """Class of the promoter of every gene, by its sequence `BASES` around the TSS.

    Parameters
    ----------
    genes : DataFrame
        gene_id, chrom, tss (0-based).
    fasta : Path
        Genome, indexed.

    Returns
    -------
    Series
        gene_id -> "CpG island" or "no CpG island".
    """
    found = [cpg_island(window) for window in read_windows(fasta, genes, BASES)]
    names = np.where(found, "CpG island", "no CpG island")
    return pd.Series(names, index=genes["gene_id"].to_numpy())
