"""What a run cost: time and memory of every rule, from the benchmark files of its jobs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from gexpipe.errors import UserError

__all__ = ["COLUMNS", "costs_markdown", "costs_table", "duration", "memory", "read_benchmarks"]

COLUMNS = ["rule", "jobs", "hours", "longest_hours", "cpu_hours", "peak_memory_mb"]


def read_benchmarks(folder: Path) -> pd.DataFrame:
    """The last measurement of every job below ``folder/RULE/``.

    Returns
    -------
    DataFrame
        Columns rule, job, seconds (wall), cpu_seconds, memory_mb (largest resident set); NaN where
        Snakemake could not measure, as for jobs that end within its first look.

    Raises
    ------
    UserError
        No benchmark file, or one that Snakemake did not write.
    """
    paths = sorted(folder.glob("*/*.jsonl"))
    if not paths:
        raise UserError("no benchmark file (RULE/JOB.jsonl) below this folder", folder)
    return pd.DataFrame([_read(path) for path in paths])


def _read(path: Path) -> dict[str, Any]:
    try:
        last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        seconds = float(last["s"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError("not a benchmark file of Snakemake (JSON lines with 's')", path) from error
    return {
        "rule": path.parent.name,
        "job": path.stem,
        "seconds": seconds,
        "cpu_seconds": _number(last.get("cpu_time")),
        "memory_mb": _number(last.get("max_rss")),
    }


def _number(value: Any) -> float:
    """A measured number; NaN for what Snakemake writes where it has none ("NA", "-", null)."""
    return float(value) if isinstance(value, int | float) else float("nan")


def costs_table(benchmarks: pd.DataFrame) -> pd.DataFrame:
    """One row per rule, the costliest first, and a row ``total``.

    Parameters
    ----------
    benchmarks : DataFrame
        As `read_benchmarks` gives it.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: hours are wall hours summed over jobs, memory is the largest of a job.
    """
    grouped = benchmarks.groupby("rule", sort=True)
    table = pd.DataFrame(
        {
            "jobs": grouped.size(),
            "hours": grouped["seconds"].sum() / 3600,
            "longest_hours": grouped["seconds"].max() / 3600,
            "cpu_hours": grouped["cpu_seconds"].sum(min_count=1) / 3600,
            "peak_memory_mb": grouped["memory_mb"].max(),
        }
    ).sort_values("hours", ascending=False, kind="stable")
    total = {
        "rule": "total",
        "jobs": table["jobs"].sum(),
        "hours": table["hours"].sum(),
        "longest_hours": table["longest_hours"].max(),
        "cpu_hours": table["cpu_hours"].sum(),
        "peak_memory_mb": table["peak_memory_mb"].max(),
    }
    return pd.concat([table.reset_index(), pd.DataFrame([total])], ignore_index=True)[COLUMNS]


def duration(hours: float) -> str:
    """Hours as people say them: seconds, minutes or hours; a dash for what was not measured."""
    if math.isnan(hours):
        return "-"
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s" if hours * 3600 >= 1 else "below 1 s"
    return f"{hours * 60:.1f} min" if hours < 1.5 else f"{hours:.1f} h"


def memory(megabytes: float) -> str:
    """Megabytes as GB; a dash for what was not measured."""
    return "-" if math.isnan(megabytes) else f"{megabytes / 1000:.2g} GB"


def costs_markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, with a line that says what the columns are."""
    rows = [
        [
            row["rule"], f"{row['jobs']:.0f}", duration(row["hours"]),
            duration(row["longest_hours"]), duration(row["cpu_hours"]),
            memory(row["peak_memory_mb"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    body = tabulate(
        rows,
        headers=["rule", "jobs", "time", "longest job", "CPU time", "peak memory"],
        tablefmt="pipe",
        colalign=("left", *["right"] * 5),
        disable_numparse=True,
    )
    note = (
        "Of the last run of every job on the machine that ran it. Times are summed over jobs, "
        "not what a clock showed; memory is the largest resident set of one job, without GPU "
        "memory (`run.json` of a training run has it). A dash: too short to be measured."
    )
    return f"# Costs\n\n{body}\n\n{note}\n"
