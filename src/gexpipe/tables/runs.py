"""Which run a prediction file belongs to, and the metrics of many runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.tables.bootstrap import spearman_error
from gexpipe.tables.ensemble import mean_of_runs
from gexpipe.tables.metrics import read_predictions, score_table
from gexpipe.tabular import read_tsv

__all__ = ["ENSEMBLE", "POOLED", "RUN", "read_run_metrics", "run_metrics", "run_of"]

# results/runs/CELL/RUN/foldF/seedS/predictions.parquet, as workflow/rules/train.smk writes it;
# results/tested/TEST/CELL/..., where something is changed at prediction time;
# results/predicted/CELL/from_OTHER/..., by a model that was trained under another cell type's name.
RUN = re.compile(
    r"(?:(?:^|/)tested/(?P<test>[^/]+)/)?(?:(?:^|/)predicted/(?P<of>[^/]+)/from_)?"
    r"(?P<cell>[^/]+)/(?P<method>[^/]+)/fold(?P<fold>\d+)/seed(?P<seed>\d+)/predictions\.parquet$"
)
KEY = ("cell", "method", "test")
ENSEMBLE = -1  # in place of a seed: the mean of the predictions of all seeds
POOLED = 0  # in place of a fold: the test genes of all folds together


def run_of(path: str | Path) -> dict[str, str | int]:
    """Cell type, run (``method``), test, fold and seed of a prediction file, from its path.

    Raises
    ------
    UserError
        For a path that does not name a run.
    """
    found = RUN.search(str(path))
    if found is None:
        expected = "CELL/METHOD/foldF/seedS/predictions.parquet"
        raise UserError(f"the path does not end in {expected}", path)
    named = found.groupdict(default="")
    named["cell"] = named.pop("of") or named["cell"]
    return {**named, "fold": int(named["fold"]), "seed": int(named["seed"])}


def run_metrics(
    paths: Sequence[Path],
    split: str = "test",
    pool: bool = False,
    bootstrap: int = 0,
    only: Collection[str] | None = None,
    ensemble: bool = False,
) -> pd.DataFrame:
    """Metrics of every run, computed from its predictions.

    Parameters
    ----------
    paths : sequence of Path
        Prediction files.
    split : str
        Part of the fold that is scored.
    pool : bool
        Add, for every cell type, run, test and seed, a row with fold `POOLED`: the scored genes of
        all its folds as one set.
    bootstrap : int
        Samples of genes for the error of Spearman's correlation; 0 for no error.
    only : collection of str, optional
        Gene ids; others are not scored, and a run without any of them has no row.
    ensemble : bool
        Add, for every cell type, run, test and fold with several seeds, a row of the mean of their
        predictions.

    Returns
    -------
    DataFrame
        cell, method, test, fold, seed, predictions, n and the metrics; ``spearman_error``, twice
        its standard deviation over samples, where there are some; with ``ensemble``, members: the
        number of seeds whose mean it is (1: a run); such a mean has the seed `ENSEMBLE`, and no
        file of predictions.
    """
    rows: list[dict[str, Any]] = []
    sets: dict[tuple[Any, ...], list[pd.DataFrame]] = {}
    seeds: dict[tuple[Any, ...], dict[str, pd.DataFrame]] = {}

    def scores(table: pd.DataFrame) -> dict[str, float]:
        found = score_table(table)
        if bootstrap:
            observed, predicted = (table[c].to_numpy(float) for c in ("observed", "predicted"))
            found["spearman_error"] = spearman_error(observed, predicted, bootstrap)
        return found

    for path in paths:
        run, table = run_of(path), read_predictions(path, split)
        if only is not None:
            table = table[table["gene_id"].isin(only)]
            if table.empty:
                continue
        rows.append({**run, "predictions": str(path), **scores(table)})
        key = [run[name] for name in KEY]
        sets.setdefault((*key, run["seed"]), []).append(table)
        seeds.setdefault((*key, run["fold"]), {})[str(path)] = table
    members: dict[tuple[Any, ...], int] = {}
    for (*key, fold), runs in seeds.items() if ensemble else ():
        if len(runs) > 1:
            run = {**dict(zip(KEY, key, strict=True)), "fold": fold, "seed": ENSEMBLE}
            mean = mean_of_runs(runs)
            rows.append({**run, "predictions": "", **scores(mean)})
            sets.setdefault((*key, ENSEMBLE), []).append(mean)
            members[(*key, ENSEMBLE)] = len(runs)
    if pool:
        for (*key, seed), tables in sets.items():
            run = {**dict(zip(KEY, key, strict=True)), "fold": POOLED, "seed": seed}
            rows.append({**run, "predictions": "", **scores(pd.concat(tables))})
    if not rows:
        raise UserError("no run predicts one of the chosen genes", "predictions")
    if ensemble:
        rows = [
            {**row, "members": members.get(tuple(row[k] for k in (*KEY, "seed")), 1)}
            for row in rows
        ]
    return pd.DataFrame(rows)


def read_run_metrics(path: str | Path) -> pd.DataFrame:
    """Read what `run_metrics` made."""
    text = {"test": str, "predictions": str}
    columns = ("cell", "method", "test", "fold", "seed", "n")
    metrics = read_tsv(path, "metrics file", columns, dtype=text)
    return metrics.fillna(dict.fromkeys(text, ""))
