"""Figures of what a trained GTA looks at, after figures 6 to 10 of its paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.bins.classes import CLASSES, GROUPS
from gexpipe.discovery.bin_attention import Gene, Looks
from gexpipe.files import aside

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["draw_attention", "draw_heads", "draw_selected", "write_numbers"]

_GROUP = {c.label: list(GROUPS).index(c.group) for c in CLASSES}


def _offsets(bins: int, width: int) -> NDArray[np.float64]:
    """Distance of the bins' middles from the TSS, kb."""
    return (np.arange(bins) - bins // 2) * width / 1000


def _save(figure: Any, out: Path) -> None:
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def draw_heads(looks: Looks, title: str, out: Path) -> None:
    """Heads over features: mean z-score of the features of the bin that a head attends to most.

    Sei's classes stand by group; features of another kind follow in their order.
    """
    names = sorted(map(str, looks.heads.columns), key=lambda n: _GROUP.get(n, len(GROUPS)))
    table = looks.heads[names]
    limit = max(1.0, float(np.abs(table.to_numpy()).max()))
    size = (1.5 + 0.26 * table.shape[1], 1.3 + 0.28 * len(table))
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    image = axis.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axis.set_xticks(np.arange(len(names)), names, rotation=90, fontsize="x-small")
    axis.set_yticks(np.arange(len(table)))
    axis.set(ylabel="head", title=title)
    figure.colorbar(image, label="mean z-score")
    _save(figure, out)


def draw_selected(looks: Looks, width: int, title: str, out: Path) -> None:
    """How often the selector chose a bin, by its distance from the TSS."""
    figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
    axis.bar(_offsets(len(looks.selected), width), looks.selected, width / 1000, color="0.4")
    axis.axvline(0, color="C3", linewidth=0.8)
    axis.set(xlabel="distance of the bin from the TSS, kb", ylabel="share of genes", title=title)
    axis.spines[["top", "right"]].set_visible(False)
    _save(figure, out)


def draw_attention(looks: Looks, width: int, title: str, out: Path) -> None:
    """The best and the worst predicted gene: prototypes over bins, and each head's strongest one.

    Left the mean over heads; right, for every head, the prototype of the greatest mean attention.
    A line marks the TSS, a dotted one the median of what is drawn.
    """
    figure, axes = plt.subplots(2, 2, figsize=(12, 7), layout="constrained")
    for row, (name, gene) in zip(axes, (("best", looks.best), ("worst", looks.worst)), strict=True):
        _map(figure, row[0], gene, width, looks.vocabulary)
        _strongest(row[1], gene, width)
        row[0].set_title(f"{name} predicted: {gene.name}, residual {gene.residual:+.2f}")
    figure.suptitle(title, fontsize="medium")
    _save(figure, out)


def _map(figure: Any, axis: Any, gene: Gene, width: int, vocabulary: int) -> None:
    mean = gene.attention.mean(axis=0).T
    x = _offsets(mean.shape[1], width)
    half = width / 2000
    image = axis.imshow(
        mean, aspect="auto", cmap="viridis", interpolation="nearest",
        extent=(x[0] - half, x[-1] + half, len(mean) - 0.5, -0.5),
    )  # fmt: skip
    axis.axhline(vocabulary - 0.5, color="white", linewidth=0.8)
    axis.axvline(0, color="white", linewidth=0.8)
    axis.set(xlabel="distance from the TSS, kb", ylabel="prototype (below the line: of the names)")
    figure.colorbar(image, label="attention, mean of heads")


def _strongest(axis: Any, gene: Gene, width: int) -> None:
    chosen = gene.attention.mean(axis=1).argmax(axis=1)
    lines = np.stack([head[:, k] for head, k in zip(gene.attention, chosen, strict=True)])
    for head, (line, prototype) in enumerate(zip(lines, chosen, strict=True)):
        label = f"head {head}: prototype {prototype}"
        axis.plot(_offsets(len(line), width), line, linewidth=0.9, label=label)
    axis.axvline(0, color="0.3", linewidth=0.8)
    axis.axhline(np.median(lines), color="0.3", linewidth=0.8, linestyle=":")
    axis.set(xlabel="distance from the TSS, kb", ylabel="attention")
    axis.legend(frameon=False, fontsize="x-small", ncols=2)
    axis.spines[["top", "right"]].set_visible(False)


def write_numbers(looks: Looks, width: int, out: Path) -> None:
    """What is drawn, as a table: what (z_score, selected), head, feature, offset_kb, value."""
    heads = looks.heads.rename_axis("head").reset_index()
    scores = heads.melt("head", var_name="feature", value_name="value").assign(what="z_score")
    offsets = _offsets(len(looks.selected), width)
    bins = pd.DataFrame({"what": "selected", "offset_kb": offsets, "value": looks.selected})
    columns = ["what", "head", "feature", "offset_kb", "value"]
    table = pd.concat([scores, bins]).reindex(columns=columns)
    table["head"] = table["head"].astype("Int64")
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
