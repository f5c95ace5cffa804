"""How alike the DNA around genes is: shared k-mers of both strands, by their sketches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyfaidx import Fasta
from scipy.sparse import csr_matrix

from gexpipe.log import get_logger
from gexpipe.windows.layout import N_CODE, encode

__all__ = ["nearest", "read_windows", "sketch"]

logger = get_logger(__name__)

KEPT = 8  # one k-mer of so many is kept, chosen by its hash (FracMinHash, Irber et al. 2022)
LEAST = 50  # k-mers of a sketch below which nothing is said of a gene
UNMARKED = 0.95  # share of small letters from which on they do not mark repeats
_ROWS = 500  # genes compared at a time


def read_windows(fasta: Path, genes: pd.DataFrame, bases: int) -> list[str]:
    """Bases ``[tss - bases // 2, tss + bases // 2)`` of every gene; repeats become N.

    Repeats are what the genome holds in small letters, as UCSC's and Ensembl's soft-masked files.
    Copies of one repeat lie near thousands of genes and do not make them alike. Windows are cut at
    the ends of chromosomes.
    """
    half, found = bases // 2, []
    with Fasta(str(fasta), as_raw=True) as genome:
        for chrom, tss in zip(genes["chrom"], genes["tss"], strict=True):
            found.append(str(genome[chrom][max(0, tss - half) : tss + half]))
    small = sum(sum(map(window.count, "acgt")) for window in found)
    if small < UNMARKED * sum(map(len, found)):
        hidden = str.maketrans("acgt", "NNNN")
        return [window.translate(hidden) for window in found]
    return found


def sketch(window: str, k: int) -> NDArray[np.uint64]:
    """Hashes of the k-mers of a sequence that are kept, each once, in order.

    A k-mer and its reverse complement are one; those with N are left out. ``k`` is at most 31.
    """
    codes = encode(window).astype(np.uint64)
    count = len(codes) - k + 1
    if count < 1:
        return np.empty(0, np.uint64)
    unknown = np.concatenate([[0], np.cumsum(codes >= N_CODE)])
    forward, backward = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    for at in range(k):
        base = codes[at : at + count] & np.uint64(3)
        forward = forward << np.uint64(2) | base
        backward |= (np.uint64(3) - base) << np.uint64(2 * at)
    whole = unknown[k:] == unknown[:-k]
    hashes = _mixed(np.minimum(forward, backward)[whole])
    return np.unique(hashes[hashes < np.uint64(2**64 // KEPT)])


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al. 2014): neighbours become far apart."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values = (values ^ values >> np.uint64(shift)) * np.uint64(factor)
    return values ^ values >> np.uint64(31)


def nearest(
    asked: Sequence[NDArray[np.uint64]], known: Sequence[NDArray[np.uint64]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of every sketch in ``asked`` the one in ``known`` that has most of its k-mers.

    Returns
    -------
    array, array
        Share of the k-mers that the other has, too, 0-1 (NaN with fewer than `LEAST` k-mers), and
        the other's row in ``known`` (-1 where nothing is shared or known).
    """
    sizes = np.array([len(one) for one in asked])
    similarity = np.where(sizes < LEAST, np.nan, 0.0)
    row = np.full(len(asked), -1)
    if not len(asked) or not len(known):
        return similarity, row
    names, column = np.unique(np.concatenate([*asked, *known]), return_inverse=True)
    first = int(sizes.sum())

    def matrix(columns: NDArray[np.int64], lengths: Sequence[int]) -> csr_matrix:
        ends = np.concatenate([[0], np.cumsum(lengths)])
        ones = np.ones(len(columns), np.int32)
        return csr_matrix((ones, columns, ends), shape=(len(lengths), len(names)))

    left = matrix(column[:first], list(sizes))
    right = matrix(column[first:], [len(one) for one in known]).T.tocsr()
    for start in range(0, len(asked), _ROWS):
        here = slice(start, start + _ROWS)
        shared = (left[here] @ right).tocsr()
        most = shared.max(axis=1).toarray()[:, 0]
        best = np.asarray(shared.argmax(axis=1)).ravel()
        enough = sizes[here] >= LEAST
        similarity[here] = np.where(enough, most / np.maximum(sizes[here], 1), np.nan)
        row[here] = np.where(enough & (most > 0), best, -1)
    return similarity, row
