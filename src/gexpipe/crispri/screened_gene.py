"""The tested elements of one gene: the measured and the predicted change, what each score calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import pearsonr

from gexpipe.crispri.precision import RECALLS, curve
from gexpipe.crispri.table import LEAST
from gexpipe.errors import UserError
from gexpipe.files import aside

__all__ = ["FIXED", "draw_gene", "pair_table", "predicted_changes"]

# Columns of the table of pairs that are no scores.
FIXED = ["gene_id", "gene", "chrom", "start", "end", "distance_bp", "regulated", "effect"]
COLOURS = {(True, True): "C2", (True, False): "C1"}  # called and acts; called and does not


def pair_table(
    covered: pd.DataFrame, scores: dict[str, NDArray[np.float64]], symbols: dict[str, str]
) -> pd.DataFrame:
    """`FIXED`, then a column a predictor; a row a pair."""
    taken = set(scores) & set(FIXED)
    if taken:
        raise UserError(f"label {sorted(taken)[0]!r} is a column of the table of pairs", "--link")
    named = covered.rename(columns={"distance": "distance_bp"})
    table = named.assign(gene=named["gene_id"].map(symbols))[FIXED]
    return pd.concat([table, pd.DataFrame(scores, index=table.index)], axis=1)


def predicted_changes(score: Any) -> NDArray[np.float64]:
    """Fraction of expression gained without an element, of what the prediction loses (log10)."""
    changed: NDArray[np.float64] = 10.0 ** -np.asarray(score, np.float64) - 1
    return changed


def draw_gene(
    pairs: pd.DataFrame,
    gene: pd.Series,
    perturbation: Collection[str],
    title: str,
    out: Path,
) -> int:
    """Draw the tested elements of a gene side by side, in the order of the chromosome, to PNG.

    On top the measured change, those that act in red; below the change that each perturbation
    predicts, with its correlation; below the other scores: an element is coloured where its score
    reaches the threshold that finds 85 % of all acting pairs, green if it acts. Without a tested
    element of the gene the figure says so.

    Parameters
    ----------
    pairs : DataFrame
        See `pair_table`: of the whole screen.
    gene : Series
        gene_id, symbol, tss.
    perturbation : collection of str
        Predictors whose scores are lost predictions (log10).
    title : str
        Above the panels.
    out : Path
        PNG.

    Returns
    -------
    int
        How many elements are drawn.
    """
    predictors = [name for name in pairs.columns if name not in FIXED]
    unknown = set(perturbation) - set(predictors)
    if unknown:
        raise UserError(f"no predictor {sorted(unknown)[0]!r} in the table", "--perturbation")
    middle = (pairs["start"] + pairs["end"]) / 2
    mine = pairs.assign(at=middle - int(gene["tss"]))[pairs["gene_id"] == gene["gene_id"]]
    mine = mine.sort_values("at")
    others = [name for name in predictors if name not in perturbation]
    rows = 1 + len(predictors)
    figure = Figure(figsize=(max(6, 2 + 0.3 * len(mine)), 1.5 + 0.9 * rows), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    act = mine["regulated"].to_numpy(bool)
    _bars(axes[0], mine["effect"], ["C3" if each else "0.6" for each in act], "measured change")
    for axis, name in zip(axes[1:], [*perturbation, *others], strict=True):
        if name in perturbation:
            change = predicted_changes(mine[name])
            _bars(axis, change, ["C3" if each else "0.6" for each in act], name)
            axis.set_title(_correlation(change, mine["effect"]), fontsize="x-small", loc="right")
            continue
        called = (mine[name] >= _threshold(pairs, name)).to_numpy()
        colours = [
            COLOURS.get((bool(c), bool(a)), "0.85") for c, a in zip(called, act, strict=True)
        ]
        height = mine[name] - (mine[name].min() if name == "distance" else 0)
        _bars(axis, height, colours, name)
        found = f"{(called & act).sum()} of {called.sum()} called act"
        axis.set_title(found, fontsize="x-small", loc="right")
    axes[-1].set_xticks(range(len(mine)), [f"{at:,.0f}" for at in mine["at"]], rotation=90)
    axes[-1].set_xlabel("middle of the element, bp from the TSS")
    words = title if len(mine) else f"{title}: no tested pair"
    figure.suptitle(words, fontsize="medium")
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=110)
    return len(mine)


def _threshold(pairs: pd.DataFrame, name: str) -> float:
    act = pairs["regulated"].to_numpy(bool)
    if not act.any():
        return np.inf
    return curve(act, pairs[name].to_numpy(np.float64)).at_recall(RECALLS[-1] / 100)[1]


def _correlation(change: NDArray[np.float64], effect: pd.Series) -> str:
    known = effect.notna().to_numpy()
    if known.sum() < LEAST or np.ptp(change[known]) == 0:
        return ""
    return f"r {pearsonr(change[known], effect[known]).statistic:.2f}"


def _bars(axis: Any, height: Any, colours: Sequence[str], label: str) -> None:
    axis.bar(range(len(colours)), height, color=list(colours))
    axis.axhline(0, color="0.7", linewidth=0.5)
    axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize="small")
    axis.tick_params(labelsize="xx-small")
    axis.spines[["top", "right"]].set_visible(False)
