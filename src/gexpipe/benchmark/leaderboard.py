"""The leaderboard: methods by cell types by questions, with intervals and who differs from whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from gexpipe.benchmark.cells import ALL_OTHERS, BASELINES, ONE
from gexpipe.benchmark.leakage import ANY, LIKE
from gexpipe.benchmark.runs import Ensemble
from gexpipe.errors import UserError
from gexpipe.tables.paired import paired_table

__all__ = ["leaderboard"]

ALPHA = 0.05  # of differences that are named, after correction


def leaderboard(
    ensembles: Ensemble,
    reliability: pd.DataFrame,
    cross: pd.DataFrame | None = None,
    controls: pd.DataFrame | None = None,
    leakage: pd.DataFrame | None = None,
    samples: int = 1000,
) -> pd.DataFrame:
    """One row per cell type and method, the smallest error first.

    Parameters
    ----------
    ensembles : mapping
        (cell type, label) -> mean prediction of the runs.
    reliability, cross, controls, leakage : DataFrame
        Of `gexpipe.benchmark.reliability`, `gexpipe.benchmark.cells`,
        `gexpipe.tables.build.controls_table` and `gexpipe.benchmark.leakage`.
    samples : int
        Bootstrap samples of genes.

    Returns
    -------
    DataFrame
        cell, label, rank, genes, mse (of the mean of the runs), low and high (95 % interval over
        genes), pearson, bias, coverage and width of the 90 % intervals, varying_mse and alike_mse
        (genes that vary between cell types, and the others), reads_window, transfer_mse (mean
        over other cell types that it was trained on), transfer_baseline (the best of `BASELINES`),
        change_pearson, and the same of models trained on all other cell types, others_mse,
        others_baseline, others_change_pearson; new_mse and new_genes (test genes without a
        look-alike in training), untouched_mse and untouched_genes (without any trace in training);
        better_than: methods with a larger error on the same genes, by a paired bootstrap whose
        p-values are corrected within the cell type (Benjamini and Hochberg, 5 %).
    """
    rows = []
    for cell in dict.fromkeys(cell for cell, _ in ensembles):
        tests = {
            label: table[table["split"] == "test"]
            for (name, label), table in ensembles.items()
            if name == cell
        }
        better = _better(tests, samples)
        for label, test in tests.items():
            low, high = _interval(test, samples)
            own = reliability[(reliability["cell"] == cell) & (reliability["label"] == label)]
            row: dict[str, Any] = {"cell": cell, "label": label, "genes": len(test)}
            row |= {"low": low, "high": high}
            if own.empty:
                raise UserError(
                    f"no row of {label!r} on {cell}: made for other rows", "reliability"
                )
            whole = own[own["kind"] == "all"].iloc[0]
            row |= {name: whole[name] for name in ("mse", "pearson", "bias", "coverage", "width")}
            between = own[own["kind"] == "between cell types"].set_index("group")["mse"]
            row |= {f"{name}_mse": between.get(group, np.nan) for name, group in _BETWEEN}
            row["reads_window"] = _reads(controls, cell, label)
            row |= _transfer(cross, cell, label, ONE, ("transfer", ""))
            row |= _transfer(cross, cell, label, ALL_OTHERS, ("others", "others_"))
            row |= _unseen(leakage, cell, label)
            row["better_than"] = "; ".join(better[label])
            rows.append(row)
    table = pd.DataFrame(rows)
    table.insert(2, "rank", table.groupby("cell", sort=False)["mse"].rank(method="min").astype(int))
    order = {cell: at for at, cell in enumerate(table["cell"].unique())}
    at = table["cell"].map(order)
    return table.assign(at=at).sort_values(["at", "rank"], kind="stable").drop(columns="at")


_BETWEEN = (("varying", "varies"), ("alike", "alike"))


def _interval(test: pd.DataFrame, samples: int, seed: int = 1) -> tuple[float, float]:
    error = ((test["observed"] - test["predicted"]) ** 2).to_numpy(float)
    draw = np.random.default_rng(seed).integers(0, len(error), (samples, len(error)))
    low, high = np.quantile(error[draw].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _better(tests: dict[str, pd.DataFrame], samples: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {label: [] for label in tests}
    pairs = paired_table(tests, samples)
    pairs = pairs[pairs["metric"] == "mse"]
    if pairs.empty:
        return found
    kept = pairs[false_discovery_control(pairs["p"].to_numpy(float)) < ALPHA]
    for pair in kept.to_dict("records"):
        winner, loser = (("a", "b"), ("b", "a"))[int(pair["difference"] > 0)]
        found[str(pair[winner])].append(str(pair[loser]))
    return found


def _reads(controls: pd.DataFrame | None, cell: str, label: str) -> str:
    if controls is None:
        return ""
    own = controls[(controls["cell"] == cell) & (controls["label"] == label)]
    return "" if own.empty else ("yes" if bool(own["uses_window"].iloc[0]) else "no sign of it")


def _transfer(
    cross: pd.DataFrame | None, cell: str, label: str, training: str, named: tuple[str, str]
) -> dict[str, float]:
    names = (f"{named[0]}_mse", f"{named[0]}_baseline", f"{named[1]}change_pearson")
    if cross is None or cross.empty:
        return dict.fromkeys(names, np.nan)
    here = cross[(cross["cell"] == cell) & (cross["trained_on"] != cell)]
    here = here[here["training"] == training]
    own = here[here["label"] == label]
    base = here[here["label"].isin(BASELINES.values())].groupby("label")["mse"].mean()
    values = (own["mse"].mean(), base.min() if len(base) else np.nan, own["change_pearson"].mean())
    return dict(zip(names, map(float, values), strict=True))


def _unseen(leakage: pd.DataFrame | None, cell: str, label: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, trace in (("new", LIKE), ("untouched", ANY)):
        values = {"mse": np.nan, "genes": np.nan}
        if leakage is not None:
            own = leakage[(leakage["cell"] == cell) & (leakage["label"] == label)]
            own = own[(own["trace"] == trace) & (own["has"] == "no")]
            values = {key: float(own[key].iloc[0]) if len(own) else np.nan for key in values}
        found |= {f"{name}_{key}": value for key, value in values.items()}
    return found
