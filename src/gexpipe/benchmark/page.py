"""The leaderboard as a page: tables by cell type, and pictures."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from gexpipe.benchmark.reliability import CLASSES
from gexpipe.benchmark.runs import Ensemble
from gexpipe.tables.front import Row, bars, embedded, markdown_rows

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["benchmark_page", "by_chromosome", "calibration"]

COLOURED = 6  # lines in one picture that can be told apart; those of the others are grey


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
        f"the test genes, ordered by their predicted level; of more than {COLOURED} methods those "
        "with the smallest errors have colours.", "",
        by_chromosome(reliability), "",
        "A dot is a chromosome, named where it is a method's worst one.", "",
    ]  # fmt: skip
    for cell, own in table.groupby("cell", sort=False):
        levels = {label: _by_level(reliability, str(cell), label) for label in own["label"]}
        lines += [f"## {cell}", "", *_ranks(own), *_trust(own, levels)]
        lines += [*_elsewhere(own), *_without_traces(own)]
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


def _ranks(own: pd.DataFrame) -> list[str]:
    """Methods of a cell type by their error, and which they are clearly better than."""
    return markdown_rows(
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


def _trust(own: pd.DataFrame, levels: dict[str, list[str]]) -> list[str]:
    """Bias, intervals, and errors by kind of gene; ``levels`` are those by predicted level."""
    names = [
        "method", "bias", "90 % intervals hold", "their width",
        *(f"MSE, {level} predicted" for level in CLASSES), "genes that vary",
        "genes alike in all cell types",
    ]  # fmt: skip
    rows = [
        [
            str(r["label"]), _number(r["bias"]), _share(r["coverage"]), _number(r["width"]),
            *levels[r["label"]], _number(r["varying_mse"]), _number(r["alike_mse"]),
        ]
        for r in own.to_dict("records")
    ]  # fmt: skip
    return ["### How far each prediction can be trusted", "", *markdown_rows(names, rows)]


def _elsewhere(own: pd.DataFrame) -> list[str]:
    """Models of one other cell type, and of all others, where there are some."""
    lines = []
    for title, kind, change in (
        ("Trained on another cell type, tested on this one", "transfer", "change_pearson"),
        ("Trained on all other cell types, tested on this one", "others", "others_change_pearson"),
    ):
        names = ["method", "MSE", "best without a model", "r of the change between cell types"]
        rows = [
            [str(r["label"]), *(_number(r[k]) for k in (f"{kind}_mse", f"{kind}_baseline", change))]
            for r in own[own[f"{kind}_mse"].notna()].to_dict("records")
        ]
        if rows:
            lines += [f"### {title}", "", *markdown_rows(names, rows)]
    return lines


def _without_traces(own: pd.DataFrame) -> list[str]:
    """Errors without test genes that training has seen something of, where that is known."""
    if own["untouched_genes"].isna().all():
        return []
    names = [
        "method", "MSE, all test genes", "without a look-alike in training",
        "without any trace in training",
    ]  # fmt: skip
    rows = [
        [
            str(r["label"]), f"{r['mse']:.3f} ({r['genes']:.0f} genes)",
            *(_among(r[f"{k}_mse"], r[f"{k}_genes"]) for k in ("new", "untouched")),
        ]
        for r in own.to_dict("records")
    ]  # fmt: skip
    return ["### Without test genes that left a trace in training", "", *markdown_rows(names, rows)]


def calibration(ensembles: Ensemble, tenths: int = 10) -> str:
    """Mean observed against mean predicted expression of tenths of the test genes, as a picture."""
    cells = list(dict.fromkeys(cell for cell, _ in ensembles))
    colours = _colours(ensembles)
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
            colour = colours.get(label)
            axis.plot(
                means[:, 0], means[:, 1], "o-", ms=3, lw=1, color=colour or "0.85",
                label=label if colour else "_other", zorder=2 if colour else 1,
            )  # fmt: skip
            seen.append(test["observed"].to_numpy(float))
        low, high = np.concatenate(seen).min(), np.concatenate(seen).max()
        axis.plot([low, high], [low, high], "--", color="0.6", lw=0.8, zorder=0)
        margin = 0.1 * (high - low)  # a model far off does not squeeze the others
        axis.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
        axis.set(title=cell, xlabel="predicted (log10)", ylabel="observed (log10)")
        axis.spines[["top", "right"]].set_visible(False)
    lines = {line.get_label(): line for axis in axes[0] for line in axis.get_lines()}
    named = {label: lines[label] for label in colours if label in lines}
    if "_other" in lines:
        named["other methods"] = lines["_other"]
    axes[0][-1].legend(
        named.values(), named.keys(), frameon=False, fontsize="x-small", bbox_to_anchor=(1, 1),
        loc="upper left",
    )  # fmt: skip
    return embedded(figure, "Observed against predicted expression, by level")


def _colours(ensembles: Ensemble) -> dict[str, str]:
    """Colours of the methods with the smallest errors, averaged over cell types, best first."""
    errors: dict[str, list[float]] = {}
    for (_, label), table in ensembles.items():
        test = table[table["split"] == "test"]
        errors.setdefault(label, []).append(((test["observed"] - test["predicted"]) ** 2).mean())
    ordered = sorted(errors, key=lambda label: float(np.mean(errors[label])))
    return {label: f"C{at}" for at, label in enumerate(ordered[:COLOURED])}


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
