"""Tables as files: TSV, and Markdown and a page that people read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gexpipe.files import aside
from gexpipe.sheets import NOT_PUBLISHED
from gexpipe.tables.page import write_page

__all__ = ["TITLES", "to_markdown", "write_table"]

DECIMALS = 4
TITLES = {
    "mse": "MSE",
    "mae": "MAE",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "mask_ratio": "Share of bases kept",
    "mean_weight": "Mean weight",
}


def to_markdown(table: pd.DataFrame, title: str, metrics: list[str]) -> str:
    """Readable form: one block per cell type, ``mean ± sd (published, difference)``."""
    lines = [f"# {title}", ""]
    settings = bool((table["setting"] != "").any())
    for cell, rows in table.groupby("cell", sort=False):
        source = rows["published_cell"].iloc[0]
        beside = (
            "" if source in (cell, NOT_PUBLISHED) else f" (published values are those of {source})"
        )
        names = ["method", *(["setting"] if settings else []), "runs"]
        lines += [f"## {cell}{beside}", ""]
        lines.append(f"| {' | '.join(names)} | {' | '.join(TITLES[m] for m in metrics)} |")
        lines.append("|" + "---|" * (len(names) - 1) + "---:|" * (1 + len(metrics)))
        for row in rows.to_dict("records"):
            about = [row["label"], *([row["setting"]] if settings else []), str(row["runs"])]
            cells = [_value(row, metric) for metric in metrics]
            lines.append(f"| {' | '.join([*about, *cells])} |")
        lines.append("")
    about = ["Mean ± sample standard deviation over runs."]
    if table[[f"{metric}_published" for metric in metrics]].notna().any(axis=None):
        about.append(
            "In brackets: the published value, and the difference (reproduced minus published)."
        )
    if table["runs"].eq(0).any():
        about.append("A dash: not run in this configuration.")
    lines.append(" ".join(about))
    if any(f"{name}_error" in table for name in metrics):
        lines.append("With an asterisk: twice the standard deviation over bootstraps of the genes.")
    lines += _notes(table)
    return "\n".join(lines) + "\n"


def _notes(table: pd.DataFrame) -> list[str]:
    """Why lines were not run, or what differs from the declared rows; each note once."""
    missing = table[table["note"] != ""].drop_duplicates(["label", "setting", "note"])
    if missing.empty:
        return []
    named = [
        f"- {note}: "
        + ", ".join(f"{r.label} {r.setting}".strip() for r in rows.itertuples(index=False))
        for note, rows in missing.groupby("note", sort=False)
    ]
    return ["", "Not run, or run otherwise:", "", *named]


def _value(row: Mapping[Hashable, Any], metric: str) -> str:
    mean, spread, known = row[metric], row[f"{metric}_sd"], row[f"{metric}_published"]
    text = "-" if np.isnan(mean) else f"{mean:.{DECIMALS}f}"
    if not np.isnan(spread):
        text += f" ± {spread:.{DECIMALS}f}"
    error = row.get(f"{metric}_error", np.nan)
    if not np.isnan(error):
        text += f" ± {error:.{DECIMALS}f}*"
    if not np.isnan(known):
        difference = row[f"{metric}_difference"]
        text += f" ({known:.{DECIMALS}f}"
        beside = row[f"{metric}_published_sd"]
        if f"{metric}_error" in row and not np.isnan(beside):
            text += f" ± {beside:.{DECIMALS}f}*"
        text += ")" if np.isnan(difference) else f", {difference:+.{DECIMALS}f})"
    return text


def write_table(table: pd.DataFrame, out: Path, markdown: str) -> None:
    """Write the TSV and, beside it, the Markdown form and the same as a page (.html)."""
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    with aside(out.with_suffix(".md")) as temporary:
        temporary.write_text(markdown, encoding="utf-8")
    write_page(markdown, out.with_suffix(".html"))
