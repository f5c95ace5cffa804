"""The runs of a method as one predictor: the mean of its seeds."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gexpipe.errors import UserError

__all__ = ["mean_of_runs"]


def mean_of_runs(runs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The mean of several runs' predictions, gene by gene.

    Parameters
    ----------
    runs : mapping
        Prediction file -> its rows (gene_id, split, observed, predicted; symbol and chrom where it
        has them), of one method, cell type and fold; they differ in their seed.

    Returns
    -------
    DataFrame
        gene_id, split, symbol, chrom, observed, predicted (mean over runs), and squared_error (mean
        over runs of the squared error of each).

    Raises
    ------
    UserError
        Runs that do not predict the same genes.
    """
    (first, start), *others = runs.items()
    genes = set(zip(start["gene_id"], start["split"], strict=True))
    for path, table in others:
        if set(zip(table["gene_id"], table["split"], strict=True)) != genes:
            raise UserError(f"predicts other genes than {first}", path)
    every = pd.concat(list(runs.values()))
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
