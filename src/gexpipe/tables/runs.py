"""Which run a prediction file belongs to: its path says so."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["RUN", "read_run_metrics"]

# results/runs/CELL/METHOD/foldF/seedS/predictions.parquet, as workflow/rules/train.smk writes it.
RUN = re.compile(
    r"(?P<cell>[^/]+)/(?P<method>[^/]+)/fold(?P<fold>\d+)/seed(?P<seed>\d+)/predictions\.parquet$"
)


def read_run_metrics(path: str | Path) -> pd.DataFrame:
    """Metrics of every run, with the run taken from the path of its predictions.

    Parameters
    ----------
    path : str or Path
        TSV of ``gexpipe evaluate metrics``: column predictions (the file), then the metrics.

    Returns
    -------
    DataFrame
        cell, method, fold, seed, and the file's columns.

    Raises
    ------
    UserError
        For a prediction file whose path does not name a run.
    """
    metrics = pd.read_csv(require(path, "metrics file"), sep="\t")
    runs = metrics["predictions"].str.extract(RUN)
    unknown = runs["cell"].isna()
    if unknown.any():
        file = metrics["predictions"][unknown].iloc[0]
        expected = "CELL/METHOD/foldF/seedS/predictions.parquet"
        raise UserError(f"the path {file} does not end in {expected}", path)
    return pd.concat([runs.astype({"fold": int, "seed": int}), metrics], axis=1)
