"""The runs of a method on a cell type as one predictor: the mean of its seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gexpipe.benchmark.leave_out import Joint
from gexpipe.errors import UserError
from gexpipe.schemas import PREDICTED, read_stage
from gexpipe.tables.ensemble import mean_of_runs
from gexpipe.tables.metrics import read_predictions
from gexpipe.tables.plan import Line
from gexpipe.tables.runs import run_of

__all__ = ["Ensemble", "ensemble", "fold_of", "read_ensembles", "read_trained_on"]

# (cell type, label of the method) -> mean prediction of its runs, gene by gene.
Ensemble = Mapping[tuple[str, str], pd.DataFrame]


def ensemble(paths: Sequence[Path]) -> pd.DataFrame:
    """`gexpipe.tables.ensemble.mean_of_runs` of prediction files: validation and test genes.

    Raises
    ------
    UserError
        Runs that do not predict the same genes, or a prediction that is not finite.
    """
    return mean_of_runs({str(path): _scored(path) for path in paths})


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
    paths: Sequence[Path], lines: Sequence[Line], joint: Joint | None = None
) -> tuple[pd.DataFrame, dict[tuple[str, tuple[str, ...]], pd.DataFrame]]:
    """Measured and predicted expression of test genes in every cell type.

    Parameters
    ----------
    paths : sequence of Path
        Prediction files of a model on its own cell type (.../runs/CELL/...) and on others
        (.../predicted/CELL/from_OTHER/...).
    lines : sequence of Line
        Rows of a table, for their labels.
    joint : mapping, optional
        Runs that were trained on several cell types.

    Returns
    -------
    DataFrame
        Measured expression: test genes that all files have x cell types.
    dict
        (label, cell types it was trained on) -> predictions of the same genes x cell types.
    """
    labels = _labels(lines)
    runs: dict[tuple[str, tuple[str, ...], str], list[Path]] = {}
    for path in paths:
        run = run_of(path)
        method, cell = str(run["method"]), str(run["cell"])
        named = re.search(r"/from_([^/]+)/", str(path))
        alone = labels.get(method, method), (named[1] if named else cell,)
        runs.setdefault((*(joint or {}).get(method, alone), cell), []).append(path)
    observed: dict[str, pd.Series] = {}
    predicted: dict[tuple[str, tuple[str, ...]], dict[str, pd.Series]] = {}
    for (label, trained_on, cell), files in runs.items():
        table = ensemble(files)
        test = table[table["split"] == "test"].set_index("gene_id")
        observed.setdefault(cell, test["observed"])
        predicted.setdefault((label, trained_on), {})[cell] = test["predicted"]
    measured = pd.DataFrame(observed).dropna()
    found = {key: pd.DataFrame(columns) for key, columns in predicted.items()}
    for table in found.values():
        measured = measured.loc[measured.index.intersection(table.dropna().index)]
    return measured, {key: table.loc[measured.index] for key, table in found.items()}
