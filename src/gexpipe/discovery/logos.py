"""Sequence logos of patterns."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from gexpipe.files import aside

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["draw_logos", "letter"]

COLOURS = {"A": "C2", "C": "C0", "G": "C1", "T": "C3"}


def letter(base: str, x: float, low: float, height: float) -> PathPatch:
    """A letter that fills a box one wide; upside down below 0."""
    path = TextPath((0, 0), base, size=1)
    box = path.get_extents()
    move = Affine2D().translate(-box.x0, -box.y0).scale(0.95 / box.width, height / box.height)
    return PathPatch(move.translate(x, low).transform_path(path), color=COLOURS[base], lw=0)


def draw_logos(matrices: list[NDArray[np.float32]], table: pd.DataFrame, out: Path) -> None:
    """Draw patterns as logos, in bits, to PNG.

    Parameters
    ----------
    matrices : list of ndarray
        (W, 4) base frequencies, W may differ.
    table : DataFrame
        pattern, seqlets, match, a row a matrix.
    out : Path
        PNG.
    """
    count = max(len(matrices), 1)
    figure, axes = plt.subplots(
        count, 1, figsize=(8, 0.6 + 1.2 * count), squeeze=False, layout="constrained"
    )
    for axis, matrix, row in zip(axes[:, 0], matrices, table.to_dict("records"), strict=False):
        frequency = np.clip(matrix, 1e-6, 1)
        bits = matrix * (2 + (frequency * np.log2(frequency)).sum(axis=1, keepdims=True))
        for x, column in enumerate(bits):
            low = 0.0
            for code in np.argsort(column):
                if column[code] > 0.01:
                    axis.add_patch(letter("ACGT"[code], x, low, float(column[code])))
                    low += float(column[code])
        title = f"{row['pattern']}: {row['seqlets']} seqlets" + (
            row["match"] and f", {row['match']}"
        )
        axis.set(xlim=(0, len(matrix)), ylim=(0, 2), ylabel="bits", xticks=[])
        axis.set_title(title, fontsize="small")
    if not matrices:
        axes[0, 0].set_axis_off()
        axes[0, 0].text(0.5, 0.5, "no pattern", ha="center")
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)
