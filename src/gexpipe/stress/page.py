"""The stress test for people: a table, a page, and a picture a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from gexpipe.files import aside
from gexpipe.stress.numbers import WITHOUT, Test, differences, numbers, tests_of
from gexpipe.tables.write import write_table
from gexpipe.tabular import read_tsv

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["write_results"]

Runs = dict[tuple[str, str], list[pd.DataFrame]]
_NEEDED = ("test", "group", "gene_id", "distance", "predicted", "true")


def write_results(
    files: Sequence[tuple[tuple[str, str], Path]],
    labels: Mapping[str, str],
    without: Mapping[str, str],
    title: str,
    out: Path,
    pictures: Path,
    samples: int,
    seed: int,
) -> None:
    """Write table, Markdown, page, differences of methods (``STEM.differences.tsv``) and pictures.

    Parameters
    ----------
    files : sequence
        ((cell type, method), answers), one a seed.
    labels, without : mapping
        Method -> its label; method -> why it is not asked.
    title : str
        Heading.
    out, pictures : Path
        Table, and folder of pictures.
    samples, seed : int
        Bootstrap.
    """
    runs: Runs = {}
    for key, path in files:
        table = read_tsv(path, "table of answers", dtype={"test": str, "group": str})
        runs.setdefault(key, []).append(table[list(_NEEDED)])
    found = numbers(runs, without, samples, seed)
    asked = tests_of([table for tables in runs.values() for table in tables])
    with aside(out.with_suffix(".differences.tsv")) as temporary:
        gaps = differences(runs, samples, seed)
        gaps.to_csv(temporary, sep="\t", index=False, float_format="%.4g", lineterminator="\n")
    with aside(pictures) as folder:
        folder.mkdir(parents=True)
        for test in asked:
            _picture(found, runs, labels, test, folder / f"{_stem(test.name)}.png")
    shown = Path("..") / pictures.parent.name / pictures.name
    write_table(found, out, _markdown(found, asked, labels, title, shown))


def _stem(name: str) -> str:
    return name.replace(" ", "_")


def _markdown(
    found: pd.DataFrame, asked: Sequence[Test], labels: Mapping[str, str], title: str, shown: Path
) -> str:
    lines = [f"# {title}", "", *_KEY, ""]
    for cell, mine in found.groupby("cell", sort=False):
        methods = list(dict.fromkeys(mine["method"]))
        for test in asked:
            rows = mine[mine["test"] == test.name].set_index("method")
            ideal = "" if np.isnan(test.ideal) else f" Truth: {test.ideal:g};"
            lines += [
                f"## {test.name} ({cell})", "",
                f"{test.question}{ideal} knowing nothing: {test.null:g}.", "",
                "| method | value | 95 % interval | answers | |", "|---|---:|---|---:|---|",
            ]  # fmt: skip
            for method in methods:
                if method in rows.index:
                    lines.append(_line(labels.get(method, method), rows.loc[method]))
            lines += ["", f"![{test.name}]({shown}/{_stem(test.name)}.png)", ""]
        skipped = mine[mine["test"] == "all"]
        for name, note in zip(skipped["method"], skipped["note"], strict=True):
            lines.append(f"- {labels.get(str(name), str(name))}: {note}")
    return "\n".join(lines) + "\n"


_KEY = [
    "Each number is a mean over seeds; intervals are of a bootstrap over genes and seeds. "
    "Correlations are of predicted and true changes of log10 expression. What a method leans on "
    "is the size of its answer to a change that does nothing, over that of its answer to the "
    "removal of an acting element: 0, it is not misled; 1, it cannot tell. The last tests have "
    "the squared error without an input over that with it.",
]


def _line(label: str, row: pd.Series) -> str:
    if np.isnan(row["value"]):
        return f"| {label} | - | | {row['answers']} | {row['note']} |"
    said = row["note"] or row["verdict"]
    interval = f"{row['low']:.2f} to {row['high']:.2f}"
    return f"| {label} | {row['value']:.2f} | {interval} | {row['answers']} | {said} |"


def _picture(
    found: pd.DataFrame, runs: Runs, labels: Mapping[str, str], test: Test, out: Path
) -> None:
    """Numbers with intervals; beside them, where there is more to see, predicted against true."""
    rows = found[(found["test"] == test.name) & found["value"].notna()]
    curves = test.statistic in ("correlation", "ratio") and not test.name.startswith(WITHOUT)
    height = 1.2 + 0.3 * max(len(rows), 3)
    figure, axes = plt.subplots(
        1, 2 if curves else 1, figsize=(8.4 if curves else 5, height), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    axis = axes[0][0]
    place = np.arange(len(rows))[::-1]
    value = rows["value"].to_numpy()
    error = np.clip(np.stack([value - rows["low"], rows["high"] - value]), 0, None)
    colours = [f"C{i % 10}" for i in range(len(rows))]
    for i in range(len(rows)):
        axis.errorbar(value[i], place[i], xerr=error[:, i : i + 1], fmt="o", color=colours[i])
    axis.set_yticks(place, [labels.get(name, name) for name in rows["method"]])
    axis.axvline(test.null, color="0.6", linestyle=":", linewidth=1)
    if np.isfinite(test.ideal):
        axis.axvline(test.ideal, color="C2", linewidth=1)
    axis.set(title=test.name, xlabel=_UNITS[test.statistic])
    if curves:
        for (_, method), colour in zip(rows[["cell", "method"]].to_numpy(), colours, strict=True):
            tables = next(tables for key, tables in runs.items() if key[1] == method)
            _curve(axes[0][1], pd.concat(tables), test, colour)
    for each in axes[0]:
        each.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, dpi=110)
    plt.close(figure)


_UNITS = {
    "correlation": "correlation with the truth",
    "ratio": "over the truth",
    "lean": "answer over that to an enhancer",
    "auc": "chance that it ranks rightly",
}


def _curve(axis: plt.Axes, answers: pd.DataFrame, test: Test, colour: str) -> None:
    """Means in eight groups of answers of like truth; by distance for what is planted."""
    rows = answers[answers["test"] == test.test]
    rows = rows[rows["group"] == test.group] if test.group else rows
    if test.name == "distance":
        means = rows.groupby("distance")[["predicted", "true"]].mean()
        axis.plot(means.index, -means["predicted"], "o-", color=colour, markersize=3)
        axis.plot(means.index, -means["true"], "k--", linewidth=1)
        axis.set(xlabel="distance from the TSS, bp", ylabel="gain, log10")
        return
    rank = rows["true"].rank(method="first")
    means = rows.groupby(np.ceil(rank / max(len(rows) / 8, 1)))[["predicted", "true"]].mean()
    axis.plot(means["true"], means["predicted"], "o-", color=colour, markersize=3)
    ends = [float(means["true"].min()), float(means["true"].max())]
    axis.plot(ends, ends, "k--", linewidth=1)
    axis.set(xlabel="true", ylabel="predicted")
