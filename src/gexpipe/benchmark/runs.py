"""The runs of a method on a cell type as one predictor: the mean of its seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.schemas import PREDICTED, read_stage
from gexpipe.tables.plan import Line
from gexpipe.tables.runs import run_of

__all__ = ["Ensemble", "ensemble", "fold_of", "read_ensembles", "read_trained_on"]

# (cell type, label of the method) -> mean prediction of its runs, gene by gene.
Ensemble = Mapping[tuple[str, str], pd.DataFrame]


def ensemble(paths: Sequence[Path]) -> pd.DataFrame:
    """The mean of several runs' predictions.

    Parameters
    ----------
    paths : sequence of Path
        Prediction files of one method, cell type and fold that differ in their seed.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, split (valid, test), observed, predicted (mean over runs), and
        squared_error (mean over runs of the squared error of each).

    Raises
    ------
    UserError
        Runs that do not predict the same genes.
    """
    read = [read_stage(path, PREDICTED) for path in paths]
    genes = set(zip(read[0]["gene_id"], read[0]["split"], strict=True))
    for path, table in zip(paths[1:], read[1:], strict=True):
        if set(zip(table["gene_id"], table["split"], strict=True)) != genes:
            raise UserError(f"predicts other genes than {paths[0]}", path)
    every = pd.concat(read)
    every["squared_error"] = (every["observed"] - every["predicted"]) ** 2
    for name in ("symbol", "chrom"):
        every[name] = every[name].fillna("") if name in every else ""
    found = every.groupby(["gene_id", "split"], sort=False).agg(
        symbol=("symbol", "first"),
        chrom=("chrom", "first"),
        observed=("observed", "mean"),
        predicted=("predicted", "mean"),
        squared_error=("squared_error", "mean"),
    )
    found = found.reset_index()
    known = np.isfinite(found[["observed", "predicted"]].to_numpy(float)).all(axis=1)
    return found.loc[known]


def fold_of(paths: Sequence[Path]) -> int:
    """The one fold that prediction files are of; a `UserError` if they are of several."""
    folds = sorted({int(run_of(path)["fold"]) for path in paths})
    if len(folds) != 1:
        raise UserError(f"predictions of folds {folds}, of one are expected", "--predictions")
    return folds[0]


def read_ensembles(
    paths: Sequence[Path], lines: Sequence[Line]
) -> dict[tuple[str, str], pd.DataFrame]:
    """`ensemble` of every row of a table that was run, by cell type and label."""
    runs: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        run = run_of(path)
        runs.setdefault((str(run["cell"]), str(run["method"])), []).append(path)
    cells = list(dict.fromkeys(cell for cell, _ in runs))
    return {
        (cell, line.label): ensemble(runs[cell, line.run])
        for cell in cells
        for line in lines
        if not line.reason and not line.test and (cell, line.run) in runs
    }


def read_trained_on(
    paths: Sequence[Path], lines: Sequence[Line]
) -> tuple[pd.DataFrame, dict[tuple[str, str], pd.DataFrame]]:
    """Measured and predicted expression of test genes in every cell type.

    Parameters
    ----------
    paths : sequence of Path
        Prediction files of a model on its own cell type (.../runs/CELL/...) and on others
        (.../predicted/CELL/from_OTHER/...).
    lines : sequence of Line
        Rows of a table, for their labels.

    Returns
    -------
    DataFrame
        Measured expression: test genes that all files have x cell types.
    dict
        (label, cell type it was trained on) -> predictions of the same genes x cell types.
    """
    runs: dict[tuple[str, str, str], list[Path]] = {}
    for path in paths:
        run = run_of(path)
        named = re.search(r"/from_([^/]+)/", str(path))
        trained_on = named[1] if named else str(run["cell"])
        runs.setdefault((str(run["method"]), trained_on, str(run["cell"])), []).append(path)
    labels = {line.run: line.label for line in lines if not line.reason and not line.test}
    observed: dict[str, pd.Series] = {}
    predicted: dict[tuple[str, str], dict[str, pd.Series]] = {}
    for (method, trained_on, cell), files in runs.items():
        table = ensemble(files)
        test = table[table["split"] == "test"].set_index("gene_id")
        observed.setdefault(cell, test["observed"])
        predicted.setdefault((labels[method], trained_on), {})[cell] = test["predicted"]
    measured = pd.DataFrame(observed).dropna()
    found = {key: pd.DataFrame(columns) for key, columns in predicted.items()}
    for table in found.values():
        measured = measured.loc[measured.index.intersection(table.dropna().index)]
    return measured, {key: table.loc[measured.index] for key, table in found.items()}
