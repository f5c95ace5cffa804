"""One gene's neighbourhood: genes, signals, contact, what models look at, and what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gexpipe.discovery.files import BaseScores
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.reference.genes import find_gene
from gexpipe.windows.inspect import read_gene, window_contact

__all__ = ["draw_locus", "locus_figure"]

POINTS = 2000  # drawn along a window; each is the mean of the bases it covers
ROW = 0.55  # height of a panel, inches
APART = 3  # times the next: a bar higher than that is cut off
Draw = Callable[[Any], None]


def _curve(values: NDArray[Any], colour: str) -> Draw:
    """Filled curve of one value a base."""
    length = len(values)
    step = max(length // POINTS, 1)
    n = length // step
    binned = values[: n * step].astype(np.float32).reshape(n, step).mean(axis=1)
    x = np.arange(n) * step - length // 2

    def draw(axis: Any) -> None:
        axis.fill_between(x / 1000, binned, step="mid", linewidth=0, color=colour)
        axis.set_ylim(bottom=0)

    return draw


def _bars(table: pd.DataFrame, tss: int, colour: str) -> Draw:
    """Elements as bars, as high as their scores (1 where there are none)."""

    def draw(axis: Any) -> None:
        start, width = (table["start"] - tss) / 1000, (table["end"] - table["start"]) / 1000
        height = table["score"] if "score" in table else np.ones(len(table))
        # A thin element of a long window would not be seen.
        least = np.ptp(axis.get_xlim()) / 400
        axis.bar(start, height, np.maximum(width, least), align="edge", color=colour, linewidth=0)
        top = _room(np.asarray(height, float)[np.abs(start + width / 2) < axis.get_xlim()[1]])
        for at, value in zip(start + width / 2, height, strict=True):
            if value > top:  # cut off: its value stands beside it
                axis.set_ylim(top=top)
                axis.text(at, top, f" {value:.2g}", va="top", fontsize="xx-small", clip_on=True)
        axis.axhline(0, color="0.8", linewidth=0.5)

    return draw


def _room(height: NDArray[np.float64]) -> float:
    """Where bars end: ABC gives a gene's own promoter most of its score, which hides the others."""
    first, second = np.sort(np.append(height, [0.0, 0.0]))[-2:][::-1]
    return float(1.5 * second) if first > APART * second > 0 else float("inf")


def _genes(genes: pd.DataFrame, chrom: str, tss: int, half: int) -> Draw:
    """TSS of the genes of the neighbourhood, as arrows along their strands."""
    near = genes[(genes["chrom"] == chrom) & (genes["tss"] - tss).abs().lt(half)]

    def draw(axis: Any) -> None:
        axis.set_ylim(-1, 1)
        for place, strand, symbol in near[["tss", "strand", "symbol"]].to_numpy():
            at, sign = (place - tss) / 1000, 1 if strand == "+" else -1
            reach = sign * half / 1000 * 0.03
            arrow = {"arrowstyle": "->", "color": "C0" if place == tss else "0.5"}
            axis.annotate("", (at + reach, 0.4), (at, 0.4), arrowprops=arrow)
            axis.text(at, -0.2, symbol, ha="center", va="top", fontsize="xx-small", clip_on=True)
        axis.set_yticks([])

    return draw


def draw_locus(store: Path, genes: pd.DataFrame, name: str, out: Path, *shown: Any) -> None:
    """Write `locus_figure` as PNG, aside and renamed; ``shown`` are its further arguments."""
    figure = locus_figure(store, genes, name, *shown)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=120)


def locus_figure(
    store: Path,
    genes: pd.DataFrame,
    name: str,
    length: int,
    bases: Mapping[str, BaseScores],
    links: Mapping[str, pd.DataFrame],
    marks: Mapping[str, pd.DataFrame],
) -> Figure:
    """The neighbourhood of a gene, one panel a track.

    Parameters
    ----------
    store : Path
        Window store of the cell type.
    genes : DataFrame
        Gene table: gene_id, symbol, chrom, tss, strand.
    name : str
        Id or symbol.
    length : int
        Bases around the TSS that are drawn.
    bases : mapping
        Label -> scores of bases; genes without a score have an empty panel.
    links : mapping
        Label -> scores of elements: gene_id, start, end, score.
    marks : mapping
        Label -> known elements: chrom, start, end, and score where they have one.
    """
    gene = find_gene(genes, name)
    tss, half = int(gene["tss"]), length // 2
    tracks = read_gene(store, gene["gene_id"])
    stored = len(next(iter(tracks["signals"].values())))
    if length > stored:
        raise UserError(f"{length} bp; the store holds {stored}", "--length")
    middle = slice(stored // 2 - half, stored // 2 + half)
    panels: list[tuple[str, Draw]] = [("genes", _genes(genes, gene["chrom"], tss, half))]
    for label, values in tracks["signals"].items():
        panels.append((label, _curve(values[middle], "C7")))
    panels.append(("contact", _curve(window_contact(tracks, stored)[middle], "C8")))
    for label, found in bases.items():
        rows = np.flatnonzero(found.genes["gene_id"] == gene["gene_id"])
        values = found.scores[rows[0]] if len(rows) else np.zeros(found.length, np.float32)
        panels.append((label, _curve(_fitted(values, length), "C0")))
    for label, table in links.items():
        panels.append((label, _bars(table[table["gene_id"] == gene["gene_id"]], tss, "C1")))
    for label, table in marks.items():
        there = (table["chrom"] == gene["chrom"]) & table["end"].gt(tss - half)
        panels.append((label, _bars(table[there & table["start"].lt(tss + half)], tss, "C2")))
    return _drawn(panels, f"{gene['symbol']}, {gene['chrom']}:{tss:,}", half)


def _fitted(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The middle ``length`` values; a shorter window is padded with zeros."""
    missing = max(length - len(values), 0)
    values = np.pad(values, (missing // 2, missing - missing // 2))
    start = (len(values) - length) // 2
    return values[start : start + length]


def _drawn(panels: list[tuple[str, Draw]], title: str, half: int) -> Figure:
    figure = Figure(figsize=(10, 0.8 + ROW * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True)
    axes[0].set_xlim(-half / 1000, half / 1000)
    for axis, (label, draw) in zip(axes, panels, strict=True):
        draw(axis)
        axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize="small")
        axis.tick_params(labelsize="xx-small")
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("distance from the TSS (kb)")
    figure.suptitle(title)
    return figure
