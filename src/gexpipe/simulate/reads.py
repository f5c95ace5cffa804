"""Read positions of an assay, drawn from element levels, as sorted arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.simulate.config import ReadConfig

__all__ = ["DUPLICATE", "Assay", "ASSAYS", "EFFECT", "Reads", "coverage_runs", "draw_reads"]

SECONDARY, FAILED, DUPLICATE, REVERSE = 0x100, 0x200, 0x400, 0x10


@dataclass(frozen=True)
class Assay:
    """Where an assay's fragments lie around an element's centre, in bp.

    ``flank`` is the distance of the two nucleosomes (0: one cluster), ``spread`` the standard
    deviation around it, ``shift`` the distance from a fragment's centre to its 5' ends, and
    ``extension`` how far each 5' end is extended for the coverage track (centred on the 5' end
    when ``shift`` is 0, else downstream).
    """

    name: str
    column: str
    flank: int
    spread: float
    shift: int
    extension: int


ASSAYS = {
    "dnase": Assay("dnase", "open", 0, 55.0, 0, 150),
    "h3k27ac": Assay("h3k27ac", "acetylated", 120, 45.0, 75, 150),
}

# A track that follows expression, as H3K4me3 and polymerase do: at the TSS.
EFFECT = Assay("effect", "", 0, 100.0, 0, 150)


@dataclass(frozen=True)
class Reads:
    """Alignments of one file, sorted by chromosome and start.

    Attributes
    ----------
    chrom : ndarray
        (n,) int32 chromosome number.
    start : ndarray
        (n,) int64 leftmost base, 0-based.
    flag : ndarray
        (n,) uint16 SAM flag.
    """

    chrom: NDArray[np.int32]
    start: NDArray[np.int64]
    flag: NDArray[np.uint16]


def draw_reads(
    rng: np.random.Generator,
    assay: Assay,
    count: int,
    settings: ReadConfig,
    elements: pd.DataFrame,
    level: NDArray[np.float64],
    artefacts: pd.DataFrame,
    sizes: dict[str, int],
    blocked: dict[str, pd.DataFrame],
) -> Reads:
    """Draw about ``count`` reads.

    A fraction ``settings.background`` falls evenly on the genome, the rest on elements in
    proportion to ``level`` (elements,) and on artefacts. Reads touching N or silent stretches are
    dropped; flagged copies are added.
    """
    names = list(sizes)
    number = {name: i for i, name in enumerate(names)}
    lengths = np.array(list(sizes.values()))
    even = rng.integers(0, lengths.sum(), int(count * settings.background))
    edges = np.concatenate([[0], np.cumsum(lengths)])
    chrom_even = np.searchsorted(edges, even, side="right") - 1
    position_even = even - edges[chrom_even]

    signal = count - len(even)
    hits = rng.poisson(signal * level / max(level.sum(), 1e-12))
    row = np.repeat(np.arange(len(elements)), hits)
    side = rng.choice([-1, 1], len(row)) * assay.flank
    centre = elements["centre"].to_numpy()[row] + side
    position = np.rint(centre + rng.normal(0, assay.spread, len(row))).astype(np.int64)

    mean = hits[hits > 0].mean() if (hits > 0).any() else 0.0
    many = rng.poisson(20 * mean, len(artefacts))
    row_bad = np.repeat(np.arange(len(artefacts)), many)
    start_bad = artefacts["start"].to_numpy()[row_bad]
    width = (artefacts["end"] - artefacts["start"]).to_numpy()[row_bad]
    position_bad = start_bad + (rng.random(len(row_bad)) * width).astype(np.int64)

    chrom = np.concatenate(
        [
            chrom_even,
            elements["chrom"].map(number).to_numpy(dtype=np.int64)[row],
            artefacts["chrom"].map(number).to_numpy(dtype=np.int64)[row_bad],
        ]
    ).astype(np.int32)
    where = np.concatenate([position_even, position, position_bad])
    return _finish(rng, assay, settings, chrom, where, names, lengths, blocked)


def _finish(
    rng: np.random.Generator,
    assay: Assay,
    settings: ReadConfig,
    chrom: NDArray[np.int32],
    where: NDArray[np.int64],
    names: list[str],
    lengths: NDArray[np.int64],
    blocked: dict[str, pd.DataFrame],
) -> Reads:
    reverse = rng.random(len(where)) < 0.5
    start = np.where(reverse, where + assay.shift - settings.length + 1, where - assay.shift)
    keep = (start >= 0) & (start + settings.length <= lengths[chrom])
    for table in blocked.values():
        for name, low, high in table.to_numpy().tolist():
            hit = (chrom == names.index(name)) & (start < high)
            keep &= ~(hit & (start + settings.length > low))
    chrom, start = chrom[keep], start[keep]
    flag = np.where(reverse[keep], REVERSE, 0).astype(np.uint16)
    chrom, start, flag = _with_copies(rng, settings, chrom, start, flag)
    order = np.lexsort((flag, start, chrom))
    return Reads(chrom[order], start[order], flag[order])


def _with_copies(
    rng: np.random.Generator,
    settings: ReadConfig,
    chrom: NDArray[np.int32],
    start: NDArray[np.int64],
    flag: NDArray[np.uint16],
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint16]]:
    """Append copies of random reads, flagged duplicate, secondary or failed."""
    copies = rng.choice(len(start), int(len(start) * settings.duplicates))
    bad = rng.choice(len(start), int(len(start) * settings.failed))
    marks = np.where(rng.random(len(bad)) < 0.5, SECONDARY, FAILED)
    extra = np.concatenate([flag[copies] | DUPLICATE, flag[bad] | marks]).astype(np.uint16)
    taken = np.concatenate([copies, bad])
    return (
        np.concatenate([chrom, chrom[taken]]),
        np.concatenate([start, start[taken]]),
        np.concatenate([flag, extra]),
    )


def coverage_runs(
    reads: list[Reads], assay: Assay, read_length: int, sizes: dict[str, int]
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
    """Pile-up of unflagged reads over the genome's mean, as runs of equal value.

    Returns
    -------
    dict
        Chromosome -> (start, end, value); bases without reads are in no run.
    """
    depth, total = {}, 0
    for number, (name, length) in enumerate(sizes.items()):
        change = np.zeros(length + 1, dtype=np.int32)
        for part in reads:
            chosen = (part.chrom == number) & (part.flag & ~np.uint16(REVERSE) == 0)
            left, right = _fragment(part.start[chosen], part.flag[chosen], assay, read_length)
            change += np.bincount(np.clip(left, 0, length), minlength=length + 1).astype(np.int32)
            change -= np.bincount(np.clip(right, 0, length), minlength=length + 1).astype(np.int32)
        depth[name] = np.cumsum(change[:-1])
        total += int(depth[name].sum())
    mean = total / sum(sizes.values())
    return {name: _runs(values, mean) for name, values in depth.items()}


def _fragment(
    start: NDArray[np.int64], flag: NDArray[np.uint16], assay: Assay, read_length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    reverse = (flag & REVERSE) > 0
    five = np.where(reverse, start + read_length - 1, start)
    if assay.shift == 0:
        left = five - assay.extension // 2
    else:
        left = np.where(reverse, five + 1 - assay.extension, five)
    return left, left + assay.extension


def _runs(
    depth: NDArray[np.int32], mean: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    edges = np.flatnonzero(np.diff(depth)) + 1
    start = np.concatenate([[0], edges]).astype(np.int64)
    end = np.concatenate([edges, [len(depth)]]).astype(np.int64)
    value = (depth[start] / mean).astype(np.float32)
    keep = depth[start] > 0
    return start[keep], end[keep], value[keep]
