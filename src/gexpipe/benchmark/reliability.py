"""How far a prediction can be trusted: intervals of single genes, errors by kind of gene.

Intervals are split conformal (crepes): the residuals on the validation chromosomes say how wide
they are, within classes of the predicted level where there are enough genes (Mondrian). They hold
for any model if test genes are like validation genes; the table shows whether they did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.benchmark.runs import Ensemble

__all__ = ["CLASSES", "COVERAGE", "gene_intervals", "reliability", "varying_genes"]

COVERAGE = 0.9  # share of genes that intervals are made to hold
CLASSES = ("low", "middle", "high")
# Validation genes that a class of levels needs; with fewer, all levels share one width.
LEAST = 50
FEWEST = round(1 / (1 - COVERAGE)) - 1  # genes below which no finite interval holds
VARYING = 0.25  # share of genes that are called varying between cell types


def _classes(values: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.searchsorted(limits, values, side="right")


def gene_intervals(table: pd.DataFrame, coverage: float = COVERAGE) -> pd.DataFrame:
    """Intervals of the test genes, calibrated on the validation genes.

    Parameters
    ----------
    table : DataFrame
        Of `gexpipe.benchmark.runs.ensemble`.
    coverage : float
        Share of genes that the intervals are to hold.

    Returns
    -------
    DataFrame
        The test rows with level (class of the predicted value), low and high: limits of the
        interval, NaN with fewer than `FEWEST` validation genes.
    """
    valid = table[table["split"] == "valid"]
    test = table[table["split"] == "test"].copy()
    known, asked = (part["predicted"].to_numpy(float) for part in (valid, test))
    limits = np.quantile(known if len(known) else asked, [1 / 3, 2 / 3])
    classes = [_classes(values, limits) for values in (known, asked)]
    test["level"] = np.array(CLASSES)[classes[1]]
    test["low"], test["high"] = np.nan, np.nan
    if len(valid) < FEWEST:
        return test
    if min(np.bincount(classes[0], minlength=len(CLASSES))) < LEAST:
        classes = [np.zeros_like(values) for values in classes]
    from crepes import ConformalRegressor  # slow to load, as scipy below; others import VARYING

    regressor = ConformalRegressor()
    regressor.fit(valid["observed"].to_numpy(float) - known, bins=classes[0])
    found = regressor.predict_int(asked, bins=classes[1], confidence=coverage)
    test[["low", "high"]] = np.where(np.isfinite(found), found, np.nan)
    return test


def varying_genes(ensembles: Ensemble) -> set[str]:
    """Genes whose observed value differs most between cell types; none with one cell type."""
    observed: dict[str, pd.Series] = {}
    for (cell, _), table in ensembles.items():
        observed.setdefault(cell, table.drop_duplicates("gene_id").set_index("gene_id")["observed"])
    if len(observed) < 2:
        return set()
    spread = pd.DataFrame(observed).dropna().std(axis=1, ddof=0)
    return set(spread.index[spread >= spread.quantile(1 - VARYING)])


def _groups(
    test: pd.DataFrame, varying: set[str], classes: Mapping[str, pd.Series]
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield "all", "all", test
    for level in CLASSES:
        yield "predicted level", level, test[test["level"] == level]
    third = np.quantile(test["observed"], [1 / 3, 2 / 3])
    seen = _classes(test["observed"].to_numpy(float), third)
    for number, level in enumerate(CLASSES):
        yield "observed level", level, test[seen == number]
    if varying:
        differs = test["gene_id"].isin(varying)
        yield "between cell types", "varies", test[differs]
        yield "between cell types", "alike", test[~differs]
    for kind, of_gene in classes.items():
        group = test["gene_id"].map(of_gene)
        for name in sorted(of_gene.unique()):
            yield kind, str(name), test[group == name]
    for chrom in test["chrom"].unique():
        yield "chromosome", str(chrom), test[test["chrom"] == chrom]


def reliability(
    ensembles: Ensemble,
    coverage: float = COVERAGE,
    classes: Mapping[str, pd.Series] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Error, bias and coverage of every method and cell type, by kind of gene.

    Parameters
    ----------
    ensembles : mapping
        (cell type, label) -> `gexpipe.benchmark.runs.ensemble`.
    coverage : float
        Share of genes that intervals are made to hold.
    classes : mapping, optional
        Further kinds of gene: kind -> group by gene_id.

    Returns
    -------
    DataFrame
        cell, label, kind and group of genes, genes, mse (of the mean of the runs), mse_run (mean
        over runs of a run's own), bias (mean of predicted minus observed), pearson, calibration
        (genes that the intervals rest on), coverage, coverage_low and coverage_high (95 % interval
        of the share, exact binomial), width (mean, log10 units); coverage is NaN without intervals.
    DataFrame
        cell, label, gene_id, symbol, chrom, observed, predicted, low, high of every test gene.
    """
    varying = varying_genes(ensembles)
    rows, genes = [], []
    for (cell, label), table in ensembles.items():
        test = gene_intervals(table, coverage)
        calibration = int((table["split"] == "valid").sum())
        genes.append(test.assign(cell=cell, label=label))
        for kind, group, part in _groups(test, varying, classes or {}):
            if part.empty:
                continue
            row: dict[str, Any] = {"cell": cell, "label": label, "kind": kind, "group": group}
            row |= {"genes": len(part)} | _scores(part) | {"calibration": calibration}
            rows.append(row | _covered(part))
    columns = [
        "cell",
        "label",
        "gene_id",
        "symbol",
        "chrom",
        "observed",
        "predicted",
        "low",
        "high",
    ]
    return pd.DataFrame(rows), pd.concat(genes, ignore_index=True)[columns]


def _scores(part: pd.DataFrame) -> dict[str, float]:
    observed, predicted = (part[name].to_numpy(float) for name in ("observed", "predicted"))
    varies = len(part) > 2 and np.ptp(observed) > 0 and np.ptp(predicted) > 0
    return {
        "mse": float(((observed - predicted) ** 2).mean()),
        "mse_run": float(part["squared_error"].mean()),
        "bias": float((predicted - observed).mean()),
        "pearson": float(np.corrcoef(observed, predicted)[0, 1]) if varies else np.nan,
    }


def _covered(part: pd.DataFrame) -> dict[str, float]:
    known = part.dropna(subset=["low", "high"])
    if known.empty:
        return dict.fromkeys(("coverage", "coverage_low", "coverage_high", "width"), np.nan)
    from scipy.stats import binomtest

    held = int(known["observed"].between(known["low"], known["high"]).sum())
    around = binomtest(held, len(known)).proportion_ci()
    return {
        "coverage": held / len(known),
        "coverage_low": float(around.low),
        "coverage_high": float(around.high),
        "width": float((known["high"] - known["low"]).mean()),
    }
