"""The leaderboard: methods by cell types by questions, with intervals and who differs from whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from gexpipe.benchmark.cells import ALL_OTHERS, BASELINES, ONE
from gexpipe.benchmark.leakage import ANY, LIKE
from gexpipe.benchmark.reliability import CLASSES
from gexpipe.benchmark.runs import Ensemble
from gexpipe.errors import UserError
from gexpipe.tables.front import Row, bars, embedded, markdown_rows
from gexpipe.tables.paired import paired_table

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["benchmark_page", "calibration", "leaderboard"]

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


def benchmark_page(
    table: pd.DataFrame, ensembles: Ensemble, reliability: pd.DataFrame, files: dict[str, Path]
) -> str:
    """The leaderboard as a page in Markdown; ``files`` (what they hold -> path) are linked."""
    rows = [
        Row(str(r["cell"]), str(r["label"]), 0, int(r["genes"]), r["mse"], r["low"], r["high"],
            ensembles[r["cell"], r["label"]])
        for r in table.to_dict("records")
    ]  # fmt: skip
    lines = [
        "# Which expression model to trust, where, and how far", "",
        "Every method is the mean of its runs (seeds), scored on genes of chromosomes that it "
        "never saw. Errors are in log10 units of expression.", "", bars(rows), "",
        calibration(ensembles), "",
        "Below the dashed line a method predicts too much, above it too little. Dots are tenths of "
        "the test genes, ordered by their predicted level.", "",
        by_chromosome(reliability), "",
        "A dot is a chromosome, named where it is a method's worst one.", "",
    ]  # fmt: skip
    for cell, own in table.groupby("cell", sort=False):
        lines += [f"## {cell}", ""]
        lines += markdown_rows(
            ["rank", "method", "MSE (95 %)", "Pearson", "clearly better than", "reads its window"],
            [
                [
                    str(r["rank"]), str(r["label"]),
                    f"{r['mse']:.4f} ({r['low']:.4f} - {r['high']:.4f})", _number(r["pearson"]),
                    str(r["better_than"] or "-"), str(r["reads_window"] or "-"),
                ]
                for r in own.to_dict("records")
            ],
        )  # fmt: skip
        lines += ["### How far each prediction can be trusted", ""]
        lines += markdown_rows(
            ["method", "bias", "90 % intervals hold", "their width", *_levels(), "genes that vary",
             "genes alike in all cell types"],
            [
                [
                    str(r["label"]), _number(r["bias"]), _share(r["coverage"]), _number(r["width"]),
                    *_by_level(reliability, str(cell), str(r["label"])),
                    _number(r["varying_mse"]), _number(r["alike_mse"]),
                ]
                for r in own.to_dict("records")
            ],
        )  # fmt: skip
        for title, kind, change in (
            ("Trained on another cell type, tested on this one", "transfer", "change_pearson"),
            ("Trained on all other cell types, tested on this one", "others",
             "others_change_pearson"),
        ):  # fmt: skip
            asked = own[own[f"{kind}_mse"].notna()]
            if asked.empty:
                continue
            lines += [f"### {title}", ""]
            lines += markdown_rows(
                ["method", "MSE", "best without a model", "r of the change between cell types"],
                [
                    [
                        str(r["label"]), _number(r[f"{kind}_mse"]),
                        _number(r[f"{kind}_baseline"]), _number(r[change]),
                    ]
                    for r in asked.to_dict("records")
                ],
            )  # fmt: skip
        if own["untouched_genes"].notna().any():
            lines += ["### Without test genes that left a trace in training", ""]
            lines += markdown_rows(
                ["method", "MSE, all test genes", "without a look-alike in training",
                 "without any trace in training"],
                [
                    [str(r["label"]), f"{r['mse']:.3f} ({r['genes']:.0f} genes)",
                     *(_among(r[f"{k}_mse"], r[f"{k}_genes"]) for k in ("new", "untouched"))]
                    for r in own.to_dict("records")
                ],
            )  # fmt: skip
    lines += [
        "`clearly better than`: a smaller squared error on the same genes, paired bootstrap, "
        "corrected for the number of comparisons within the cell type (Benjamini and Hochberg, "
        "5 %). `90 % intervals hold`: the share of test genes within intervals made from the "
        "validation genes; far from 90 % the test genes are unlike the validation genes. "
        "`best without a model`: the best of copying the training cell type's expression, the mean "
        "of the other cell types, and the cell type with the most similar promoters. "
        "`look-alike`: a training gene with much of the same DNA around its TSS; `any trace`: "
        "that, a paralogue, an overlapping window, or pre-training on the gene, as far as files "
        "were given that tell.", "",
        "## Files", "",
    ]  # fmt: skip
    lines += [f"- [{path.name}]({path.as_posix()}): {what}" for what, path in files.items()]
    return "\n".join(lines) + "\n"


def calibration(ensembles: Ensemble, tenths: int = 10) -> str:
    """Mean observed against mean predicted expression of tenths of the test genes, as a picture."""
    cells = list(dict.fromkeys(cell for cell, _ in ensembles))
    size = (4.2 * len(cells) + 1.5, 3.8)
    figure, axes = plt.subplots(1, len(cells), figsize=size, squeeze=False, layout="constrained")
    for axis, cell in zip(axes[0], cells, strict=True):
        seen = []
        for (name, label), table in ensembles.items():
            if name != cell:
                continue
            test = table[table["split"] == "test"].sort_values("predicted", kind="stable")
            parts = np.array_split(test[["predicted", "observed"]].to_numpy(float), tenths)
            means = np.array([part.mean(axis=0) for part in parts if len(part)])
            axis.plot(means[:, 0], means[:, 1], "o-", ms=3, lw=1, label=label)
            seen.append(test["observed"].to_numpy(float))
        low, high = np.concatenate(seen).min(), np.concatenate(seen).max()
        axis.plot([low, high], [low, high], "--", color="0.6", lw=0.8, zorder=0)
        margin = 0.1 * (high - low)  # a model far off does not squeeze the others
        axis.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
        axis.set(title=cell, xlabel="predicted (log10)", ylabel="observed (log10)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][-1].legend(frameon=False, fontsize="x-small", bbox_to_anchor=(1, 1), loc="upper left")
    return embedded(figure, "Observed against predicted expression, by level")


def by_chromosome(reliability: pd.DataFrame) -> str:
    """Error of every method on each test chromosome, as a picture."""
    known = reliability[reliability["kind"] == "chromosome"]
    cells = list(known["cell"].unique())
    size = (1.5 + 4.5 * len(cells), 1.2 + 0.3 * known["label"].nunique())
    figure, axes = plt.subplots(1, len(cells), figsize=size, squeeze=False, layout="constrained")
    for axis, cell in zip(axes[0], cells, strict=True):
        own = known[known["cell"] == cell]
        labels = list(own["label"].unique())
        for at, label in enumerate(labels):
            part = own[own["label"] == label]
            axis.plot(part["mse"], np.full(len(part), at), "o", ms=4, color="C0", alpha=0.7)
            worst = part.loc[part["mse"].idxmax()]
            axis.annotate(
                worst["group"], (worst["mse"], at), (4, 0), textcoords="offset points",
                va="center", fontsize="xx-small",
            )  # fmt: skip
        axis.set_yticks(np.arange(len(labels)), labels, fontsize="small")
        axis.set(ylim=(len(labels) - 0.5, -0.5), title=cell)
        axis.set(xlabel="MSE of log10 expression on a test chromosome")
        axis.spines[["top", "right"]].set_visible(False)
    return embedded(figure, "Error of every method on each test chromosome")


def _levels() -> list[str]:
    return [f"MSE, {level} predicted" for level in CLASSES]


def _by_level(reliability: pd.DataFrame, cell: str, label: str) -> list[str]:
    own = reliability[
        (reliability["cell"] == cell)
        & (reliability["label"] == label)
        & (reliability["kind"] == "predicted level")
    ].set_index("group")["mse"]
    return [_number(own.get(level, np.nan)) for level in CLASSES]


def _number(value: float) -> str:
    return "-" if not np.isfinite(value) else f"{value:.3f}"


def _among(mse: float, genes: float) -> str:
    return "-" if not np.isfinite(genes) else f"{_number(mse)} ({genes:.0f} genes)"


def _share(value: float) -> str:
    return "-" if not np.isfinite(value) else f"{100 * value:.0f} %"
