"""Scores as files of a genome browser: bigWig, BED, bedpe and the text of a track hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
from numpy.typing import NDArray

from gexpipe.discovery.files import BaseScores
from gexpipe.errors import UserError
from gexpipe.files import aside

__all__ = ["Track", "blocks", "write_bed", "write_bedpe", "write_bigwig", "write_hub"]


def blocks(
    found: BaseScores, sizes: Mapping[str, int]
) -> Iterator[tuple[str, int, NDArray[np.float32]]]:
    """Scores along the chromosomes, the largest where windows of several genes overlap.

    Parameters
    ----------
    found : BaseScores
        Scores of windows.
    sizes : mapping
        Chromosome -> length, bp, in the order of the file.

    Yields
    ------
    tuple
        Chromosome, first base (0-based), scores of consecutive bases.
    """
    half, length = found.length // 2, found.length
    for chrom, size in sizes.items():
        there = found.genes[found.genes["chrom"] == chrom].sort_values("tss", kind="stable")
        at, values = -1, np.empty(0, np.float32)
        for row, tss in zip(there.index, there["tss"], strict=True):
            start = int(tss) - half
            low, high = max(start, 0), min(start + length, size)
            own = found.scores[row, low - start : high - start]
            if at >= 0 and low <= at + len(values):
                grown = np.zeros(max(high - at, len(values)), np.float32)
                grown[: len(values)] = values
                part = grown[low - at : high - at]
                np.maximum(part, own, out=part)
                values = grown
                continue
            if at >= 0:
                yield chrom, at, values
            at, values = low, own
        if at >= 0:
            yield chrom, at, values


def write_bigwig(path: Path, found: BaseScores, sizes: Mapping[str, int]) -> None:
    """Write base scores as bigWig; where windows overlap, the largest score (`blocks`)."""
    unknown = set(found.genes["chrom"]) - set(sizes)
    if unknown:
        raise UserError(f"no length of {sorted(unknown)[0]}", "chromosome sizes")
    with aside(path) as temporary:
        track = pyBigWig.open(str(temporary), "w")
        track.addHeader(list(sizes.items()))
        for chrom, start, values in blocks(found, sizes):
            # Runs of one value are one entry: masks are mostly flat.
            edges = np.flatnonzero(np.diff(values)) + 1
            starts = np.concatenate([[0], edges])
            ends = np.concatenate([edges, [len(values)]])
            track.addEntries(
                [chrom] * len(starts),
                (starts + start).tolist(),
                ends=(ends + start).tolist(),
                values=values[starts].astype(float).tolist(),
            )
        track.close()


def _best(links: pd.DataFrame, share: float) -> pd.DataFrame:
    """The best-scored share of the links, with positive scores, by place."""
    kept = links[links["score"] > 0].nlargest(max(1, round(share * len(links))), "score")
    return kept.sort_values(["chrom", "start", "gene_id"], kind="stable")


def _thousandths(scores: pd.Series) -> pd.Series:
    """Scores as whole numbers 0-1000 of the largest, as BED wants them."""
    return (1000 * scores / scores.max()).round().astype(int) if len(scores) else scores


def write_bed(path: Path, links: pd.DataFrame, share: float = 0.1) -> None:
    """Write the best elements as BED5: the largest score over genes, 0-1000, named by the gene."""
    best = _best(links, share).sort_values("score", ascending=False, kind="stable")
    best = best.drop_duplicates(["chrom", "start", "end"])
    best = best.sort_values(["chrom", "start"], kind="stable").assign(name=best["gene_id"])
    best["score"] = _thousandths(best["score"])
    with aside(path) as temporary:
        columns = ["chrom", "start", "end", "name", "score"]
        best[columns].to_csv(temporary, sep="\t", header=False, index=False)


def write_bedpe(
    path: Path, links: pd.DataFrame, tss: Mapping[str, int], share: float = 0.1
) -> None:
    """Write the best element-gene links as bedpe: element, TSS, gene, score."""
    best = _best(links, share)
    place = best["gene_id"].map(tss)
    if place.isna().any():
        raise UserError(f"gene {best['gene_id'][place.isna()].iloc[0]} is not in the gene table")
    table = pd.DataFrame(
        {
            "chrom1": best["chrom"], "start1": best["start"], "end1": best["end"],
            "chrom2": best["chrom"], "start2": place.astype(int), "end2": place.astype(int) + 1,
            "name": best["gene_id"], "score": best["score"].round(6),
            "strand1": ".", "strand2": ".",
        }
    )  # fmt: skip
    with aside(path) as temporary:
        table.to_csv(temporary, sep="\t", header=False, index=False)


@dataclass(frozen=True)
class Track:
    """One track of a hub: a bigWig beside it, and what it is called."""

    file: str
    label: str


def write_hub(path: Path, name: str, assembly: str, tracks: list[Track]) -> None:
    """Write a track hub as one text (``useOneFile on``); its files lie beside it."""
    lines = [
        f"hub {name}", f"shortLabel {name}", f"longLabel {name}: scores of trained models",
        "useOneFile on", "email nobody@example.org", "", f"genome {assembly}", "",
    ]  # fmt: skip
    for number, track in enumerate(tracks, start=1):
        lines += [
            f"track score{number}",
            f"bigDataUrl {track.file}",
            f"shortLabel {track.label[:17]}",
            f"longLabel {track.label}",
            "type bigWig",
            "visibility full",
            "autoScale on",
            "",
        ]
    with aside(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")
