"""Build a table: mean and standard deviation over seeds, published value, difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.reference.folds import FOLDS
from gexpipe.tables.plan import Line
from gexpipe.tables.published import Published, lookup
from gexpipe.tables.runs import ENSEMBLE, POOLED

__all__ = ["benchmark_table", "controls_table", "parameter_table"]


def benchmark_table(
    metrics: pd.DataFrame,
    published: Published,
    lines: Sequence[Line],
    names: Sequence[str],
    cells: dict[str, str],
    by_fold: bool = False,
    pooled: bool = False,
) -> pd.DataFrame:
    """One row per line and cell type.

    Parameters
    ----------
    metrics : DataFrame
        One row per run: cell, method, test, fold, seed, n, and the metrics; and, where they were
        asked for, those of the mean of seeds (`gexpipe.tables.runs.run_metrics`).
    published : DataFrame
        Published values (`read_published`).
    lines : sequence of Line
        Rows in order.
    names : sequence of str
        Metrics in order.
    cells : dict
        Cell type -> cell type whose published values stand beside it; `NOT_PUBLISHED` for a
        stand-in, which has none.
    by_fold : bool
        One row per fold instead of one for all, and one for their genes pooled; the published
        setting then ends in ``fold=1`` ... ``fold=all``.
    pooled : bool
        The genes of all folds as one set, instead of the mean over folds.

    Returns
    -------
    DataFrame
        method, label, setting, cell, run, test, runs, genes, published_cell, published_source,
        published_method and published_setting (as `gexpipe.tables.published` names the row), and
        for every metric METRIC (mean over runs), METRIC_sd (sample standard deviation, NaN for one
        run), METRIC_error (mean over runs of its bootstrap error, where runs have one),
        METRIC_published, METRIC_published_sd, METRIC_difference (reproduced minus published);
        note: why a line was not run (it has NaN and keeps its published value), or what differs. A
        row that is tested on another split than its published value has none, and no
        published_source; its note says so.
        Where the means of seeds were asked for: ensemble, the number of runs that a row is the mean
        of, 0 for a row of runs. Such a row follows that of its runs, and no published value stands
        beside it.
    """
    records = []
    means = metrics["seed"] == ENSEMBLE
    asked = "members" in metrics
    for cell, published_cell in cells.items():
        for line in lines:
            own = (
                (metrics["cell"] == cell)
                & (metrics["method"] == line.run)
                & (metrics["test"] == line.test)
                & (not line.reason)
            )
            known = (published, line, published_cell)
            for which, runs in _parts(metrics[own & ~means], by_fold, pooled):
                records.append(_record(runs, known, names, cell, which) | {"ensemble": 0})
            for which, runs in _parts(metrics[own & means], by_fold, pooled):
                if len(runs):
                    number = int(runs["members"].iloc[0])
                    mean = (published, _ensemble_of(line, number), published_cell)
                    records.append(
                        _record(runs, mean, names, cell, which)
                        | {"runs": number, "ensemble": number}
                    )
    table = pd.DataFrame(records)
    return table if asked else table.drop(columns="ensemble", errors="ignore")


def _parts(runs: pd.DataFrame, by_fold: bool, pooled: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    """The runs that a row is of, and what it says of its fold."""
    if by_fold and len(runs):
        for fold in sorted(runs["fold"].unique(), key=lambda f: (f == POOLED, f)):
            which = "all" if fold == POOLED else str(fold)
            yield f"fold={which}", runs[runs["fold"] == fold]
    else:
        yield "", runs[(runs["fold"] == POOLED) == pooled]


def _ensemble_of(line: Line, runs: int) -> Line:
    """A row for the mean of a line's runs: it has no published value."""
    note = "one predictor, the mean of its runs' predictions; no published value is one of these"
    note = "; ".join(part for part in (line.note, note) if part)
    return replace(line, label=f"{line.label}, mean of {runs} runs", paper="", note=note)


def _record(
    runs: pd.DataFrame,
    known: tuple[Published, Line, str],
    names: Sequence[str],
    cell: str,
    more: str = "",
) -> dict[str, Any]:
    published, line, published_cell = known
    setting = "; ".join(part for part in (line.setting, more) if part)
    fold = int(more.removeprefix("fold=")) if more[5:].isdigit() else 0
    comparable, elsewhere = line.comparable(fold), False
    source = f"{line.paper} table {', '.join(line.tables)}" if line.paper and comparable else ""
    record: dict[str, Any] = {
        "method": line.method,
        "label": line.label,
        "setting": setting,
        "cell": cell,
        "run": line.run,
        "test": line.test,
        "runs": len(runs),
        "genes": int(runs["n"].iloc[0]) if len(runs) else pd.NA,
        "published_cell": published_cell,
        "published_source": source,
        "published_method": line.known_as if line.paper else "",
        "published_setting": _published_setting(line, more),
    }
    for name in names:
        value = None
        if line.paper:
            where = (line.paper, line.tables, line.known_as, published_cell, name)
            # The papers call the pooled genes of all folds by either name.
            there = record["published_setting"]
            names_of_it = (there, there.replace("fold=all", "split=12-fold"))
            value = lookup(published, *where, names_of_it)
        if value is not None and not comparable:
            value, elsewhere = None, True
        values = runs[name].to_numpy(float) if name in runs else np.empty(0)
        record |= _values(name, values[~np.isnan(values)], value)
        if f"{name}_error" in runs:
            record[f"{name}_error"] = float(runs[f"{name}_error"].mean())
    split = _split(line) if elsewhere else ""
    return record | {"note": "; ".join(part for part in (line.reason or line.note, split) if part)}


def _split(line: Line) -> str:
    """Why no published value stands beside a row that has one."""
    of = ", ".join(map(str, line.known_folds)) if len(line.known_folds) < len(FOLDS) else "1-12"
    folds = "fold" if len(line.known_folds) == 1 else "folds"
    return f"no published value beside it: that is of another split, the papers' {folds} {of}"


def _published_setting(line: Line, more: str) -> str:
    """The setting under which the published value of a row, or of a fold of it, stands."""
    own = line.published_setting
    if len(line.known_folds) == 1 and more == f"fold={line.known_folds[0]}":
        return own
    return "; ".join(part for part in (own, more) if part)


def _values(name: str, values: np.ndarray, known: tuple[float, float] | None) -> dict[str, float]:
    mean = float(values.mean()) if len(values) else np.nan
    spread = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    value, sd = known if known is not None else (np.nan, np.nan)
    return {
        name: mean,
        f"{name}_sd": spread,
        f"{name}_published": value,
        f"{name}_published_sd": sd,
        f"{name}_difference": mean - value,
    }


def parameter_table(
    counts: dict[str, int], published: Published, lines: Sequence[Line]
) -> pd.DataFrame:
    """Trained parameters of every line's model beside the published number.

    Returns
    -------
    DataFrame
        method, label, parameters, parameters_published, parameters_difference, published_source,
        published_method, published_setting.
    """
    records = []
    for line in lines:
        known = None
        if line.paper:
            where = (line.paper, line.tables, line.known_as, "", "parameters")
            known = lookup(published, *where, (line.published_setting,))
        value = known[0] if known else np.nan
        count = counts.get(line.run, np.nan)
        records.append(
            {
                "method": line.method,
                "label": line.label,
                "parameters": count,
                "parameters_published": value,
                "parameters_difference": count - value,
                "published_source": f"{line.paper} table {', '.join(line.tables)}",
                "published_method": line.known_as,
                "published_setting": line.published_setting,
            }
        )
    return pd.DataFrame(records)


def controls_table(
    metrics: pd.DataFrame,
    shuffled: pd.DataFrame,
    labels: dict[str, str],
    increase: Callable[[pd.DataFrame, pd.DataFrame], tuple[float, float]],
) -> pd.DataFrame:
    """Test MSE of every method, of itself with shuffled windows, and of a linear model.

    Parameters
    ----------
    metrics, shuffled : DataFrame
        Metrics of runs, see `gexpipe.tables.runs.run_metrics`.
    labels : dict
        Method -> label.
    increase : callable
        Interval of the error's increase, from the rows of one method in both tables; see
        `gexpipe.tables.paired.error_increase`.

    Returns
    -------
    DataFrame
        cell, method, label, runs, mse, mse_shuffled (window inputs exchanged between genes, gene
        features kept), increase_low and increase_high (95 % interval of their difference over test
        genes), mse_linear (linear model on the nine gene features), uses_window (the interval lies
        above zero), beats_linear (NA where the linear model was not run).
    """
    linear = metrics[metrics["method"] == "linear"].groupby("cell")["mse"].mean()
    mixed = dict(iter(shuffled.groupby(["cell", "method"])))
    records = []
    for (cell, method), runs in metrics.groupby(["cell", "method"], sort=False):
        if (cell, method) not in mixed:
            continue
        exchanged = mixed[(cell, method)]
        mse, worse = float(runs["mse"].mean()), float(exchanged["mse"].mean())
        low, high = increase(runs, exchanged)
        base = float(linear.get(cell, np.nan))
        records.append(
            {
                "cell": cell, "method": method, "label": labels.get(str(method), method),
                "runs": len(runs), "mse": mse, "mse_shuffled": worse, "increase_low": low,
                "increase_high": high, "mse_linear": base, "uses_window": low > 0,
                "beats_linear": pd.NA if np.isnan(base) else mse < base,
            }
        )  # fmt: skip
    if not records:
        raise UserError("no method has both ordinary and shuffled predictions", "controls")
    return pd.DataFrame(records)
