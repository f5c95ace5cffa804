"""What the tables hold that stages hand to each other: columns, kinds, ranges, keys.

Declared once a table, and checked where the table is read (`read_stage`, `check`). Our own few
lines instead of a library: pandera costs every command 0.3 s and seven packages, and its reports
name no row of a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types

from gexpipe.errors import UserError
from gexpipe.tabular import MISSING, complete, read_parquet, read_tsv

__all__ = [
    "ACTIVITY", "ELEMENTS", "EXAMPLES", "LINKS", "MRNA", "MRNA_FEATURES", "NEAR", "PREDICTED",
    "SPLITS", "TARGETS", "Column", "Schema", "check", "read_stage",
]  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes
    ----------
    kind : {"text", "whole", "number", "flag"}
        Whole numbers are numbers, too.
    low, high : float
        Range of a number, both ends included; infinite numbers are never legal.
    missing : bool
        Whether a value may be missing; else text is not empty either.
    one_of : tuple of str
        All legal words of a text.
    optional : bool
        Whether the column may be absent.
    """

    kind: str
    low: float = -np.inf
    high: float = np.inf
    missing: bool = False
    one_of: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Schema:
    """What a table holds.

    Attributes
    ----------
    what : str
        Its name in messages.
    columns : dict
        Name -> what it holds; a table may have others.
    key : tuple of str
        Columns that together are different in every row.
    interval : str
        How ``start`` and ``end`` are ordered, where they are columns: ``<``, or ``<=`` where an
        interval may be blank.
    """

    what: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    interval: str = "<"


_TEXT, _WHOLE = Column("text"), Column("whole", 0)
_PLACE = {"chrom": _TEXT, "start": _WHOLE, "end": _WHOLE}
_POSITIVE, _SHARE = Column("number", 0), Column("number", 0, 1)
_GIVEN = Column("number", missing=True)
_PART = Column("text", one_of=("train", "valid", "test"))
_FOLDS = {f"fold_{fold}": _PART for fold in range(1, 13)}
# The mRNA features of a gene, in the order of every table and model.
MRNA_FEATURES = [
    "UTR5LEN_log10zscore", "CDSLEN_log10zscore", "INTRONLEN_log10zscore", "UTR3LEN_log10zscore",
    "UTR5GC", "CDSGC", "UTR3GC", "ORFEXONDENSITY",
]  # fmt: skip


def _maybe(column: Column) -> Column:
    return replace(column, optional=True)


SPLITS = Schema(
    "table of splits",
    {"gene_id": _TEXT, **{name: _maybe(part) for name, part in _FOLDS.items()}, "fold_1": _PART},
    ("gene_id",),
)
MRNA = Schema(
    "table of mRNA features",
    {"gene_id": _TEXT, **dict.fromkeys(MRNA_FEATURES, _GIVEN)},
    ("gene_id",),
)
TARGETS = Schema(
    "target table", {"gene_id": _TEXT, "target": _GIVEN, "raw": _maybe(_GIVEN)}, ("gene_id",)
)
ACTIVITY = Schema(
    "gene activity table",
    {
        "gene_id": _TEXT,
        "dnase_rpm": _maybe(_POSITIVE),
        "dnase_quantile": _maybe(_SHARE),
        "h3k27ac_rpm": _maybe(_POSITIVE),
        "h3k27ac_quantile": _maybe(_SHARE),
        "promoter_activity": _maybe(_POSITIVE),
        "promoter_activity_quantile": _maybe(_SHARE),
    },
    ("gene_id",),
)
ELEMENTS = Schema(
    "element table",
    {
        **_PLACE,
        "name": _maybe(_TEXT),
        "class": _maybe(Column("text", one_of=("promoter", "genic", "intergenic"))),
        "isPromoterElement": _maybe(Column("flag")),
        "activity_base": _POSITIVE,
        "dnase_normalized": _maybe(_POSITIVE),
        "h3k27ac_normalized": _maybe(_POSITIVE),
    },
    ("chrom", "start", "end"),
)
# EPInformer's elements; one at exactly the farthest distance is blank (end is start).
NEAR = Schema(
    "element table",
    {
        "gene_id": _TEXT,
        "rank": _WHOLE,
        **_PLACE,
        "chrom": _maybe(_TEXT),  # of tables without sequence
        "slot_start": _maybe(_WHOLE),
        "distance_kb": _POSITIVE,
        "contact_log": _POSITIVE,
        "activity": _POSITIVE,
    },
    ("gene_id", "rank"),
    "<=",
)
# Geuvadis' example tables have no gene features.
EXAMPLES = Schema(
    "example table",
    {
        "gene_id": _TEXT,
        "symbol": _maybe(Column("text", missing=True)),
        "chrom": _TEXT,
        "tss": _maybe(_WHOLE),
        "strand": _maybe(Column("text", one_of=("+", "-", "."))),
        "target": _maybe(_GIVEN),
        **dict.fromkeys((*MRNA_FEATURES, "promoter_activity"), _maybe(Column("number"))),
        **{name: _maybe(part) for name, part in _FOLDS.items()},
    },
    ("gene_id",),
)
# Predictions of a gene; which genes must be there, and finite, depends on the part that is scored.
PREDICTED = Schema(
    "prediction file",
    {"gene_id": _TEXT, "split": _PART, "observed": _GIVEN, "predicted": _GIVEN},
)
LINKS = Schema("element scores", {"gene_id": _TEXT, **_PLACE, "score": _maybe(_GIVEN)})


def read_stage(path: str | Path, schema: Schema, *needed: str) -> pd.DataFrame:
    """Read a table of an earlier stage, parquet or TSV by its name, and check it.

    Parameters
    ----------
    path : str or Path
        The table.
    schema : Schema
        What it holds.
    *needed : str
        Optional columns that must be there this time.

    Raises
    ------
    UserError
        As `check`; and for a file that cannot be read.
    """
    if Path(path).suffix == ".tsv":
        text = {name: str for name, column in schema.columns.items() if column.kind == "text"}
        absent = {name: sorted(MISSING) for name in schema.columns if name not in text}
        table = read_tsv(path, schema.what, dtype=text, keep_default_na=False, na_values=absent)
    else:
        table = read_parquet(path, schema.what)
    return check(table, schema, path, *needed)


def check(table: pd.DataFrame, schema: Schema, where: str | Path, *needed: str) -> pd.DataFrame:
    """The table, if it is as its schema says.

    Raises
    ------
    UserError
        With file and row (the first below the header is 1): a column is missing or of another
        kind, a value is missing, not finite, out of range or no legal word, an interval ends before
        it starts, a key stands twice.
    """
    must = [name for name, column in schema.columns.items() if not column.optional]
    complete(table, where, schema.what, [*must, *needed])
    for name, column in schema.columns.items():
        if name in table:
            _check_column(table[name], column, schema.what, where)
    if {"start", "end"} <= schema.columns.keys():
        start, end = table["start"].to_numpy(), table["end"].to_numpy()
        bad = start > end if schema.interval == "<=" else start >= end
        found = lambda row: f"start {start[row]}, end {end[row]}"  # noqa: E731
        _refuse(bad, found, f"start {schema.interval} end", schema.what, where)
    if schema.key:
        keys = table[list(schema.key)]
        named = lambda row: " ".join(map(str, keys.to_numpy()[row]))  # noqa: E731
        _refuse(keys.duplicated().to_numpy(), named, "each once", schema.what, where)
    return table


_KINDS: dict[str, tuple[Callable[[pd.Series], bool], str]] = {
    "text": (
        lambda values: (
            isinstance(values.dtype, pd.CategoricalDtype)
            or types.is_string_dtype(values)
            or types.is_object_dtype(values)
        ),
        "text",
    ),
    "whole": (types.is_integer_dtype, "whole numbers"),
    "number": (
        lambda values: types.is_numeric_dtype(values) and not types.is_bool_dtype(values),
        "numbers",
    ),
    "flag": (types.is_bool_dtype, "True or False"),
}


def _check_column(values: pd.Series, column: Column, what: str, where: str | Path) -> None:
    is_kind, words = _KINDS[column.kind]
    if len(values) and not is_kind(values):
        raise UserError(
            f"column {values.name!r} of a {what} holds {values.dtype}, expected {words}", where
        )
    if column.kind == "text":
        bad, expected = _bad_text(values, column)
    elif column.kind == "flag":
        bad, expected = values.isna().to_numpy(), words
    else:
        bad, expected = _bad_numbers(values.to_numpy(np.float64), column)
    found = lambda row: f"{values.name} is {values.iloc[row]!s}"  # noqa: E731
    _refuse(bad, found, expected, what, where)


def _bad_text(values: pd.Series, column: Column) -> tuple[np.ndarray, str]:
    if column.one_of:
        return ~values.isin(column.one_of).to_numpy(), ", ".join(column.one_of)
    if column.missing:
        return np.zeros(len(values), bool), ""
    return (values.isna() | (values == "")).to_numpy(bool), "text"


def _bad_numbers(values: np.ndarray, column: Column) -> tuple[np.ndarray, str]:
    absent = np.isnan(values)
    bad = np.isinf(values) | (values < column.low) | (values > column.high)
    bad |= absent & (not column.missing)
    if np.isinf(column.low):
        return bad, "a finite number"
    return bad, f"{column.low:g} to {column.high:g}" if column.high < np.inf else (
        f"a number from {column.low:g}"
    )


def _refuse(
    bad: np.ndarray, found: Callable[[int], str], expected: str, what: str, where: str | Path
) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(
            f"{found(row)}, expected {expected}; a {what} is made by an earlier stage: was it "
            "changed, or is it another table?",
            f"{where}, data row {row + 1}",
        )
