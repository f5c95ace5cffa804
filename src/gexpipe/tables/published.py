"""The published values: one machine-readable file, one row per number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["PAPERS", "Published", "lookup", "read_published"]

PAPERS = ("seq2exp", "infer", "prism", "epinformer", "epinformer_2026", "gta")
COLUMNS = ["paper", "table", "row", "method", "cell", "setting", "metric", "value", "sd", "note"]
KEY = ["paper", "table", "row", "cell", "setting", "metric"]

Published = pd.DataFrame


def read_published(path: str | Path) -> Published:
    """Read the published values.

    Returns
    -------
    DataFrame
        paper (one of `PAPERS`), table (as numbered there; ``F2a`` for a figure, ``text`` for
        running text), row (label as printed), method (id of this project, empty where it has none),
        cell, setting (what else the number depends on, as ``key=value`` pairs), metric, value,
        sd (as printed, NaN where none is), note, and where: of a number that no table holds, the
        file of this workflow that it follows from, or what it needs.

    Raises
    ------
    UserError
        Naming the row: a wrong number of fields, an unknown paper, a value that is no number, a
        number that stands twice.
    """
    source = require(path, "file of published values")
    table = _read_fields(source)
    for column in ("value", "sd"):
        filled = table[column] != ""
        number = pd.to_numeric(table[column], errors="coerce").astype(float)
        missing = ~number.abs().lt(np.inf)
        _refuse(
            source,
            missing & filled if column == "sd" else missing,
            [f"{column} {text!r} is no number" for text in table[column]],
        )
        table[column] = number
    _refuse(
        source,
        ~table["paper"].isin(PAPERS),
        [f"paper {name!r} is not one of {', '.join(PAPERS)}" for name in table["paper"]],
    )
    keys = table[KEY].agg(" | ".join, axis=1) if len(table) else pd.Series(dtype=str)
    _refuse(source, keys.duplicated(), [f"{key} stands twice" for key in keys])
    return table


def _read_fields(source: Path) -> pd.DataFrame:
    """Every field as text. Quotes mean nothing: a note may hold them."""
    header, *lines = source.read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise UserError(f"no column {missing[0]!r}", source)
    rows = [line.split("\t") for line in lines]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            message = f"{len(row)} fields between tabs instead of {len(names)}"
            raise UserError(message, f"{source}, row {number}")
    return pd.DataFrame(rows, columns=names, dtype=str)


def _refuse(source: Path, bad: pd.Series, messages: list[str]) -> None:
    if bad.any():
        line = int(bad.to_numpy().argmax())
        raise UserError(messages[line], f"{source}, row {line + 2}")


def lookup(
    published: Published,
    paper: str,
    tables: list[str],
    method: str,
    cell: str,
    metric: str,
    settings: Sequence[str] = ("",),
) -> tuple[float, float] | None:
    """Value and standard deviation (NaN where none is printed); None where there is no value.

    ``settings`` are names of one setting; the default is the headline result of a method.

    Raises
    ------
    UserError
        When the tables disagree by more than the rounding of one of them; the other one counts.
    """
    chosen = published[
        (published["paper"] == paper)
        & published["table"].isin(tables)
        & (published["method"] == method)
        & (published["cell"] == cell)
        & (published["metric"] == metric)
        & published["setting"].isin(settings)
    ]
    if chosen.empty:
        return None
    values, spreads = (_unrounded(chosen[name].dropna()) for name in ("value", "sd"))
    if len(values) > 1 or len(spreads) > 1:
        raise UserError(
            f"{method}, {cell}, {metric}: values {values}, sd {spreads}",
            f"published, {paper} tables {', '.join(tables)}",
        )
    return float(values[0]), float(spreads[0]) if len(spreads) else np.nan


def _unrounded(numbers: pd.Series) -> list[float]:
    """Different numbers, without those that are another one in fewer decimals."""
    exact: list[float] = []
    for number in sorted(set(map(float, numbers)), key=lambda n: -_decimals(n)):
        if all(round(other, _decimals(number)) != number for other in exact):
            exact.append(number)
    return exact


def _decimals(number: float) -> int:
    """Decimals as printed, at least two: a final 0 is lost, and no paper prints fewer."""
    return max(2, len(f"{number!r}".partition(".")[2]))
