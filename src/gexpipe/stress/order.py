"""Whether the order of methods in the stress test foretells their order on CRISPRi screens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.tabular import read_tsv

__all__ = ["orders", "write_order"]

LEAST = 4  # methods below which an order says nothing
COLUMNS = ["screen", "test", "methods", "spearman", "low", "high", "note"]


def orders(
    stress: pd.DataFrame,
    screens: Mapping[str, pd.DataFrame],
    match: Mapping[str, str],
    samples: int,
    seed: int,
) -> pd.DataFrame:
    """Rank correlation over methods of every test's number and the average precision on screens.

    Parameters
    ----------
    stress : DataFrame
        The stress table: method, test, value, low, high, ideal, null.
    screens : mapping
        Cell type -> predictor, distance, average_precision, low, high (`gexpipe discover crispri`).
    match : mapping
        Method of the stress test -> predictor of the screens.
    samples, seed : int
        Draws of both numbers within their intervals, and their seed.

    Returns
    -------
    DataFrame
        screen, test, methods, spearman (1: the same order; numbers count by how near they are to
        the truth), low, high (95 % of the draws), note.
    """
    rows = []
    for cell, screen in screens.items():
        real = screen[screen["distance"] == "all"].set_index("predictor")
        for test, part in stress[stress["value"].notna()].groupby("test", sort=False):
            part = part[part["method"].map(match).isin(real.index)]
            if part.empty or part["ideal"].isna().any():
                continue
            if len(part) < LEAST:
                few = f"{len(part)} methods in both; an order needs {LEAST}"
                rows.append((cell, test, len(part), np.nan, np.nan, np.nan, few))
                continue
            known = real.loc[[match[str(name)] for name in part["method"]]]
            rng = np.random.default_rng(seed)
            ideal = part["ideal"].to_numpy(float)
            here, there = (
                _drawn(part, "value", samples, rng),
                _drawn(known, "average_precision", samples, rng),
            )
            found = [_rank(-np.abs(a - ideal), b) for a, b in zip(here, there, strict=True)]
            value = _rank(
                -np.abs(part["value"].to_numpy(float) - ideal),
                known["average_precision"].to_numpy(float),
            )
            low, high = np.nanquantile(found, [0.025, 0.975])
            rows.append((cell, test, len(part), value, low, high, ""))
    return pd.DataFrame(rows, columns=COLUMNS)


def _rank(a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def _drawn(table: pd.DataFrame, name: str, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers drawn from the normal distributions that have these 95 % intervals, (samples, n)."""
    width = (table["high"] - table["low"]).to_numpy(float) / (2 * 1.96)
    return rng.normal(table[name].to_numpy(float), np.nan_to_num(width), (samples, len(table)))


def write_order(
    stress: Path,
    screens: Mapping[str, Path],
    match: Mapping[str, str],
    out: Path,
    samples: int,
    seed: int,
) -> None:
    """Read the tables, and write `orders`.

    Raises
    ------
    UserError
        A method or predictor that no table has.
    """
    table = read_tsv(stress, "stress table")
    read = {cell: read_tsv(path, "scores against CRISPRi") for cell, path in screens.items()}
    for method, predictor in match.items():
        if method not in set(table["method"]):
            raise UserError(f"no method {method!r}", stress)
        for cell, screen in read.items():
            if predictor not in set(screen["predictor"]):
                raise UserError(f"no predictor {predictor!r}", screens[cell])
    found = orders(table, read, match, samples, seed)
    with aside(out) as temporary:
        found.to_csv(temporary, sep="\t", index=False, float_format="%.4g", lineterminator="\n")
