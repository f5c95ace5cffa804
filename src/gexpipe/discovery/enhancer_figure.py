"""The enhancers of a gene as the encoder reads them: tiles, masked pieces, mutations as a logo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gexpipe.discovery.logos import letter
from gexpipe.discovery.mutagenesis import PIECE, Enhancer
from gexpipe.files import aside

__all__ = ["draw_enhancers", "shown_hits"]

MOST = 5  # motifs that are named in a logo


def shown_hits(hits: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """The motifs whose bases matter most, none of which overlaps a better one."""
    kept: list[int] = []
    ranked = hits[hits["importance"] > 0].sort_values("importance", ascending=False)
    for row, start, end in zip(ranked.index, ranked["start"], ranked["end"], strict=True):
        others = hits.loc[kept]
        if not ((others["start"] < end) & (others["end"] > start)).any():
            kept.append(int(row))
        if len(kept) == most:
            break
    return hits.loc[kept]


def draw_enhancers(
    enhancers: Sequence[Enhancer], hits: pd.DataFrame, title: str, out: Path
) -> None:
    """Draw enhancers to PNG: activity of tiles, loss of masked pieces, importance of bases.

    Parameters
    ----------
    enhancers : sequence of Enhancer
        See `gexpipe.discovery.mutagenesis.read_enhancer`.
    hits : DataFrame
        See `gexpipe.discovery.mutagenesis.motif_hits`; of all of them.
    title : str
        Above the panels.
    out : Path
        PNG.
    """
    figure = Figure(figsize=(18, 1 + 3.4 * len(enhancers)), layout="constrained")
    blocks = figure.subfigures(len(enhancers), 1, squeeze=False)[:, 0]
    for block, enhancer in zip(blocks, enhancers, strict=True):
        grid = block.add_gridspec(2, 2)
        tiles, masked = block.add_subplot(grid[0, 0]), block.add_subplot(grid[0, 1])
        logo = block.add_subplot(grid[1, :])
        block.suptitle(enhancer.name, fontsize="medium")
        colours = ["C3" if at == enhancer.start else "0.6" for at in enhancer.tiles["start"]]
        tiles.bar(enhancer.tiles["start"], enhancer.tiles["activity"], 120, align="edge",
                  color=colours)  # fmt: skip
        tiles.set(ylabel="predicted activity", xlabel="first base of the tile")
        masked.bar(enhancer.masked["start"], enhancer.masked["change"], PIECE - 1, align="edge")
        masked.set(ylabel="change (log2)", xlabel=f"masked, {PIECE} bp each")
        for axis in (tiles, masked):
            axis.ticklabel_format(axis="x", style="plain", useOffset=False)
            axis.tick_params(labelsize="x-small")
        _logo(logo, enhancer, shown_hits(hits[hits["element"] == enhancer.name]))
    figure.suptitle(title)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=100)


def _logo(axis: Any, enhancer: Enhancer, hits: pd.DataFrame) -> None:
    """The sequence, each base as high as its importance, and the motifs as dotted boxes."""
    value = enhancer.importance
    for x, (code, height) in enumerate(zip(enhancer.codes, value, strict=True)):
        if height:
            axis.add_patch(letter("ACGT"[code], x, 0.0, float(height)))
    top, low = max(value.max(), 1e-9) * 1.3, min(value.min(), 0.0) * 1.1
    for start, end, motif in hits[["start", "end", "motif"]].to_numpy():
        first, width = start - enhancer.start, end - start
        box = Rectangle((first, low), width, top - low, fill=False, linestyle=":", color="0.3")
        axis.add_patch(box)
        axis.text(first + width / 2, top, motif, ha="center", va="bottom", fontsize="x-small")
    places = np.arange(0, len(value), 32)
    axis.set_xticks(places, [f"{enhancer.start + place:,}" for place in places], fontsize="x-small")
    axis.set(xlim=(0, len(value)), ylim=(low, top), ylabel="importance (log2)")
