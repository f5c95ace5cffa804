"""The runs of a method on a cell type as one predictor: the mean of its seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.schemas import PREDICTED, read_stage
from gexpipe.tables.metrics import read_predictions
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
        Runs that do not predict the same genes, or a prediction that is not finite.
    """
    read = [_scored(path) for path in paths]
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
    return found.reset_index()


def _scored(path: Path) -> pd.DataFrame:
    """Validation and test rows of a prediction file, checked; it may have no validation rows."""
    parts = [read_predictions(path, "test")]
    if read_stage(path, PREDICTED)["split"].eq("valid").any():
        parts.insert(0, read_predictions(path, "valid"))
    return pd.concat(parts, ignore_index=True)


def fold_of(paths: Sequence[Path]) -> int:
    """The one fold that prediction files are of; a `UserError` if they are of several."""
    folds = sorted({int(run_of(path)["fold"]) for path in paths})
    if len(folds) != 1:
        raise UserError(f"predictions of folds {folds}, of one are expected", "--predictions")
    return folds[0]


def read_ensembles(
    paths: Sequence[Path], lines: Sequence[Line]
) -> dict[tuple[str, str], pd.DataFrame]:
    """`ensemble` of every row of a table that was run, by cell type and label.

    Raises
    ------
    UserError
        Two methods with one label, of which one would be lost.
    """
    runs: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        run = run_of(path)
        runs.setdefault((str(run["cell"]), str(run["method"])), []).append(path)
    labels = _labels(lines)
    cells = list(dict.fromkeys(cell for cell, _ in runs))
    return {
        (cell, label): ensemble(runs[cell, run])
        for cell in cells
        for run, label in labels.items()
        if (cell, run) in runs
    }


def _labels(lines: Sequence[Line]) -> dict[str, str]:
    """Run -> label of the rows that were run as they are."""
    labels: dict[str, str] = {}
    for line in lines:
        if line.reason or line.test:
            continue
        if line.label in labels.values() and labels.get(line.run) != line.label:
            raise UserError(
                f"two methods are called {line.label!r}: another label is expected in the file of "
                f"{line.method}",
                "methods",
            )
        labels[line.run] = line.label
    return labels


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
    labels = _labels(lines)
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
