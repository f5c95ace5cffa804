"""Figures of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import gaussian_kde

from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.schemas import PREDICTED, read_stage
from gexpipe.tables.write import TITLES

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["mean_predictions", "scatter", "table_figure", "training_curves"]

PUBLISHED = {"marker": "D", "color": "C3", "mfc": "none"}
FOLD = "(?:; )?fold="  # where a setting names a fold
POOLED_SETTING = "fold=all"


def mean_predictions(paths: list[Path], split: str = "test") -> pd.DataFrame:
    """Predictions averaged over runs: gene_id, observed, predicted, for one split."""
    runs = pd.concat([read_stage(path, PREDICTED) for path in paths])
    runs = runs[runs["split"] == split]
    if runs.empty:
        raise UserError(f"no predictions of the {split} split", paths[0])
    return runs.groupby("gene_id", sort=False)[["observed", "predicted"]].mean().reset_index()


def scatter(
    predictions: pd.DataFrame, title: str, out: Path, single: Sequence[float] = ()
) -> float:
    """Predicted against observed, coloured by the density of genes; returns Pearson's r.

    ``single`` are the correlations of the runs that the predictions are the mean of: their mean is
    what the tables print, and stands beside.
    """
    x = predictions["observed"].to_numpy(float)
    y = predictions["predicted"].to_numpy(float)
    r = float(np.corrcoef(x, y)[0, 1]) if len(x) > 1 and x.std() > 0 and y.std() > 0 else np.nan
    try:
        density = gaussian_kde(np.stack([x, y]))(np.stack([x, y]))
    except (np.linalg.LinAlgError, ValueError):
        density = np.ones(len(x))  # all genes on one line, or too few of them
    order = np.argsort(density)
    figure, axis = plt.subplots(figsize=(4.8, 4), layout="constrained")
    points = axis.scatter(x[order], y[order], c=density[order], s=8, cmap="viridis", linewidths=0)
    figure.colorbar(points, label="density of genes", shrink=0.6, ticks=[])
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    axis.plot([low, high], [low, high], color="0.6", linewidth=0.8, zorder=0)
    axis.set(
        xlabel="observed log10(1 + expression)",
        ylabel="predicted log10(1 + expression)",
        title=title,
    )
    said = f"r = {r:.3f}\nn = {len(x)}"
    if len(single) > 1:
        said += f"\nof a single run: {np.mean(single):.3f}"
    axis.text(0.03, 0.97, said, transform=axis.transAxes, va="top", fontsize="small")
    axis.spines[["top", "right"]].set_visible(False)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)
    return r


def training_curves(histories: Mapping[str, Sequence[Path]], title: str, out: Path) -> None:
    """Error on the validation genes in the course of training, a line a run.

    Parameters
    ----------
    histories : mapping
        Label of a method -> history.csv of its runs; the dot is the checkpoint with the smallest
        error.
    title : str
        Heading.
    out : Path
        PNG.
    """
    figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for number, (label, paths) in enumerate(histories.items()):
        # Colours return after ten: dashes and another mark tell the next ten apart.
        look: dict[str, Any] = {
            "color": f"C{number % 10}",
            "linestyle": ("-", "--", ":")[number // 10 % 3],
        }
        mark = "osD"[number // 10 % 3]
        for path in paths:
            found = pd.read_csv(require(path, "training history"))
            share = found["step"] / found["step"].max()
            axis.plot(share, found["valid_mse"], lw=1, label=label, **look)
            best = int(found["valid_mse"].argmin())
            axis.plot(share.iloc[best], found["valid_mse"].iloc[best], mark, ms=4, **look)
            label = "_"  # one entry a method
    # Methods and their first validations lie far apart.
    axis.set_yscale("log")
    for which in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        which(matplotlib.ticker.FormatStrFormatter("%.3g"))
    axis.tick_params(axis="y", which="both", labelsize="x-small")
    axis.set(xlabel="share of the steps that were trained", title=title, xlim=(0, 1.02))
    axis.set_ylabel("MSE of log10(1 + expression), validation genes", fontsize="small")
    axis.legend(frameon=False, fontsize="x-small", bbox_to_anchor=(1, 1), loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _setting(text: str, key: str) -> float:
    """The number after ``key=`` in a setting, NaN where there is none."""
    found = dict(part.split("=", 1) for part in text.split("; ") if "=" in part).get(key, "")
    try:
        return float(found)
    except ValueError:
        return np.nan


def table_figure(table: pd.DataFrame, metric: str, x: str | None, title: str, out: Path) -> None:
    """A table drawn: lines over a number of the settings, or a bar for each row.

    Parameters
    ----------
    table : DataFrame
        Output of `gexpipe.tables.build.benchmark_table`.
    metric : str
        The one that is drawn, with its standard deviation; published values are diamonds. Rows
        without either are left out.
    x : str or None
        Key of the settings on the horizontal axis; a line for each label. None: a bar a row.
    title : str
        Heading.
    out : Path
        PNG.
    """
    shown = table.dropna(subset=[metric, f"{metric}_published"], how="all")
    table = shown if len(shown) else table
    cells = list(table["cell"].unique())
    bars = max(len(_named(table[table["cell"] == cell])) for cell in cells)
    size = (2.5 + 4.5 * len(cells), 4 if x else 1.4 + 0.34 * bars)
    figure, axes = plt.subplots(1, len(cells), figsize=size, squeeze=False, layout="constrained")
    for axis, cell in zip(axes[0], cells, strict=True):
        rows = table[table["cell"] == cell]
        axis.set_title(cell, fontsize="medium")
        if x:
            _lines(axis, rows, metric, x)
        else:
            _bars(axis, rows, metric)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize="medium")
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _lines(axis: Any, rows: pd.DataFrame, metric: str, x: str) -> None:
    places = rows.assign(place=[_setting(text, x) for text in rows["setting"]])
    places = places.dropna(subset="place").sort_values("place")
    for number, (label, line) in enumerate(places.groupby("label", sort=False)):
        colour = f"C{number}"
        made, known = (line.dropna(subset=name) for name in (metric, f"{metric}_published"))
        if len(made):
            spread = made[f"{metric}_sd"].fillna(0)
            axis.errorbar(made["place"], made[metric], spread, fmt="o-", color=colour, label=label)
        if len(known):
            beside = f"{label}, {_published(rows)}"
            values = known[f"{metric}_published"]
            axis.plot(known["place"], values, "D--", color=colour, mfc="none", label=beside)
    unit = " (bp)" if x.endswith("length") else ""
    axis.set(xlabel=f"{x.replace('_', ' ')}{unit}", ylabel=_metric(metric))
    if places["place"].gt(0).all() and places["place"].max() > 20 * places["place"].min():
        axis.set_xscale("log")
    axis.legend(frameon=False, fontsize="x-small")


def _bars(axis: Any, rows: pd.DataFrame, metric: str) -> None:
    """A bar a row; of rows that differ in their fold a bar for all genes and a dot a fold."""
    named, labels = _named(rows), {_published(rows), "one fold"}
    for at, own in enumerate(named.values()):
        whole = own[
            ~own["setting"].str.contains(FOLD) | own["setting"].str.endswith(POOLED_SETTING)
        ]
        value, spread, known = (
            float(whole[f"{metric}{part}"].iloc[0]) if len(whole) else np.nan
            for part in ("", "_sd", "_published")
        )
        axis.barh(at, value, xerr=0 if np.isnan(spread) else spread, color="0.75")
        folds = own.drop(index=whole.index)[metric].dropna()
        for label, points, look in (
            (_published(rows), np.array([known])[~np.isnan([known])], PUBLISHED),
            ("one fold", folds, {"marker": ".", "color": "0.3", "ms": 4}),
        ):
            if len(points):
                first = label if label in labels else None
                axis.plot(points, np.full(len(points), at), ls="", label=first, **look)
                labels.discard(label)
    axis.set_yticks(np.arange(len(named)), list(named), fontsize="x-small")
    axis.set_xlabel(_metric(metric))
    axis.set_ylim(len(named) - 0.4, -0.6)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(frameon=False, fontsize="x-small", loc="upper left", bbox_to_anchor=(1, 1))


def _named(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by what they are called: label and setting, but for the fold."""
    setting = rows["setting"].str.replace(FOLD + r".*$", "", regex=True)
    names = (rows["label"] + "\n" + setting).str.strip()
    return {str(name): own for name, own in rows.groupby(names, sort=False)}


def _metric(name: str) -> str:
    """A metric's name, with its unit where it has one."""
    units = {"mse": " of log10(1 + expression)", "mae": " of log10(1 + expression)"}
    return TITLES.get(name, name) + units.get(name, "")


def _published(rows: pd.DataFrame) -> str:
    """What the diamonds are; of another cell type they only show the form."""
    row = rows.iloc[0]
    other = row["published_cell"] != row["cell"]
    return f"published, {row['published_cell']}" if other else "published"
