"""Figures of the benchmark."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import gaussian_kde

from gexpipe.errors import UserError
from gexpipe.files import aside

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["mean_predictions", "scatter"]


def mean_predictions(paths: list[Path], split: str = "test") -> pd.DataFrame:
    """Predictions averaged over runs: gene_id, observed, predicted, for one split."""
    runs = pd.concat([pd.read_parquet(path) for path in paths])
    runs = runs[runs["split"] == split]
    if runs.empty:
        raise UserError(f"no predictions of the {split} split", paths[0])
    return runs.groupby("gene_id", sort=False)[["observed", "predicted"]].mean().reset_index()


def scatter(predictions: pd.DataFrame, title: str, out: Path) -> float:
    """Predicted against observed, coloured by the density of genes; returns Pearson's r."""
    x = predictions["observed"].to_numpy(float)
    y = predictions["predicted"].to_numpy(float)
    r = float(np.corrcoef(x, y)[0, 1]) if len(x) > 1 and x.std() > 0 and y.std() > 0 else np.nan
    try:
        density = gaussian_kde(np.stack([x, y]))(np.stack([x, y]))
    except (np.linalg.LinAlgError, ValueError):
        density = np.ones(len(x))  # all genes on one line, or too few of them
    order = np.argsort(density)
    figure, axis = plt.subplots(figsize=(4.2, 4), layout="constrained")
    axis.scatter(x[order], y[order], c=density[order], s=8, cmap="viridis", linewidths=0)
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    axis.plot([low, high], [low, high], color="0.6", linewidth=0.8, zorder=0)
    axis.set(xlabel="observed log10(1 + expression)", ylabel="predicted", title=title)
    axis.text(0.03, 0.97, f"r = {r:.3f}\nn = {len(x)}", transform=axis.transAxes, va="top")
    axis.spines[["top", "right"]].set_visible(False)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
    return r
