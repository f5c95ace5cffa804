"""Every published number: reproduced here, to be reproduced, or what it needs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["STATUS", "reproduction", "reproduction_markdown"]

# What a number's row says of it -> the same in words.
STATUS = {
    "reproduced": "computed by this run",
    "elsewhere": "in no table: follows from the named file, where a run makes it",
    "not run": "this configuration leaves it out or lacks something",
    "needs": "needs what this workflow does not make",
}
Key = tuple[str, str, str, str]  # method, cell of the paper, setting, metric


def reproduction(published: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row for every published number.

    Parameters
    ----------
    published : DataFrame
        Of `gexpipe.tables.published.read_published`.
    tables : mapping
        Table -> `gexpipe.tables.build.benchmark_table` or ``parameter_table``, as they were made.

    Returns
    -------
    DataFrame
        paper, table, row, cell, setting, metric, published, sd, here (NaN: not computed),
        difference, status (a key of `STATUS`), where (the table, or what the number needs). A
        number that several papers or tables print has a row for each.
    """
    found: dict[Key, tuple[float, str, str]] = {}
    for name, table in tables.items():
        for key, value in _values(name, table):
            if key not in found or np.isnan(found[key][0]):
                found[key] = value
    return pd.DataFrame([_row(entry, found) for entry in published.to_dict("records")])


def _values(name: str, table: pd.DataFrame) -> Iterator[tuple[Key, tuple[float, str, str]]]:
    """What each number of a made table is known as; its value, the table and the row's note.

    A row without a source is tested on another split: its value is not that of the number.
    """
    ending = "_difference"
    metrics = [str(column).removesuffix(ending) for column in table if str(column).endswith(ending)]
    known = table[table["published_method"] != ""]
    for row in known.to_dict("records"):
        setting = _plain(row["published_setting"])
        for metric in metrics:
            key = (row["published_method"], row.get("published_cell", ""), setting, metric)
            value = float(row[metric]) if row["published_source"] else np.nan
            yield key, (value, name, row.get("note", ""))


def _plain(setting: str) -> str:
    """A setting without what only says that the genes of all folds are meant."""
    parts = [part for part in setting.split("; ") if part not in ("fold=all", "split=12-fold")]
    return "; ".join(part for part in parts if part)


def _row(
    entry: Mapping[Hashable, Any], found: Mapping[Key, tuple[float, str, str]]
) -> dict[str, Any]:
    key = (entry["method"], entry["cell"], _plain(entry["setting"]), entry["metric"])
    # A table whose folds were not run has one row for all of them.
    whole = (*key[:2], key[2].partition("; fold=")[0], key[3])
    value, table, note = found.get(key) or (np.nan, *found.get(whole, (np.nan, "", ""))[1:])
    if not np.isnan(value):
        status, where = "reproduced", f"results/tables/{table}.tsv"
    elif table:
        status, where = "not run", f"{table}: {note or 'not run'}"
    else:
        where = entry.get("where", "")
        status = "needs" if not where or where.startswith("needs ") else "elsewhere"
    return {
        **{name: entry[name] for name in ("paper", "table", "row", "cell", "setting", "metric")},
        "published": entry["value"],
        "sd": entry["sd"],
        "here": value,
        "difference": value - entry["value"],
        "status": status,
        "where": where,
    }


def reproduction_markdown(table: pd.DataFrame) -> str:
    """The counts of every paper, then every number."""
    counts = pd.crosstab(table["paper"], table["status"]).reindex(
        columns=list(STATUS), fill_value=0
    )
    legend = "\n".join(f"- *{name}*: {words}" for name, words in STATUS.items())
    numbers = table.drop(columns="sd").to_markdown(index=False, floatfmt=".4f", missingval="")
    return f"# Every published number\n\n{counts.to_markdown()}\n\n{legend}\n\n{numbers}\n"
