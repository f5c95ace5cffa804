"""Build a benchmark table: mean and standard deviation over seeds, published value, difference."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.tables.published import Published, lookup

__all__ = ["benchmark_table", "controls_table", "to_markdown", "write_table"]

DECIMALS = 4


@dataclass(frozen=True)
class Row:
    """One row: method id, label, and where the paper's numbers are (None for an own method)."""

    method: str
    label: str
    paper: str | None
    tables: list[str]


def _rows(declaration: dict[str, Any], labels: dict[str, str]) -> list[Row]:
    """Declared rows, then methods that were run but are not declared."""
    rows = []
    for item in declaration["rows"]:
        source = item.get("published", {})
        rows.append(
            Row(item["method"], item["label"], source.get("paper"), source.get("tables", []))
        )
    declared = {row.method for row in rows}
    rows += [Row(name, label, None, []) for name, label in labels.items() if name not in declared]
    return rows


def benchmark_table(
    metrics: pd.DataFrame,
    published: Published,
    declaration: dict[str, Any],
    labels: dict[str, str],
    cells: dict[str, str],
) -> pd.DataFrame:
    """One row per method and cell type.

    Parameters
    ----------
    metrics : DataFrame
        One row per run: cell, method, fold, seed, n, mse, mae, pearson, spearman.
    published : DataFrame
        Published values (`read_published`).
    declaration : dict
        The table's file, config/tables/NAME.yaml.
    labels : dict
        Method id -> label, of the methods of the configuration.
    cells : dict
        Cell type -> cell type whose published values stand beside it.

    Returns
    -------
    DataFrame
        method, label, cell, runs, genes, published_cell, published_source, and for every metric
        METRIC (mean over runs), METRIC_sd (sample standard deviation, NaN for one run),
        METRIC_published, METRIC_published_sd, METRIC_difference (reproduced minus published).
        A method without runs has NaN there and keeps its published value.
    """
    records = []
    for cell, published_cell in cells.items():
        for row in _rows(declaration, labels):
            runs = metrics[(metrics["cell"] == cell) & (metrics["method"] == row.method)]
            record: dict[str, Any] = {
                "method": row.method,
                "label": row.label,
                "cell": cell,
                "runs": len(runs),
                "genes": int(runs["n"].iloc[0]) if len(runs) else pd.NA,
                "published_cell": published_cell,
                "published_source": f"{row.paper} table {', '.join(row.tables)}"
                if row.paper
                else "",
            }
            for metric in declaration["metrics"]:
                known = None
                if row.paper is not None:
                    known = lookup(
                        published, row.paper, row.tables, row.method, published_cell, metric
                    )
                record |= _cell_values(metric, runs[metric].to_numpy(float), known)
            records.append(record)
    return pd.DataFrame(records)


def _cell_values(
    metric: str, values: np.ndarray, known: tuple[float, float] | None
) -> dict[str, float]:
    mean = float(values.mean()) if len(values) else np.nan
    spread = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    value, sd = known if known is not None else (np.nan, np.nan)
    return {
        metric: mean,
        f"{metric}_sd": spread,
        f"{metric}_published": value,
        f"{metric}_published_sd": sd,
        f"{metric}_difference": mean - value,
    }


def controls_table(
    metrics: pd.DataFrame, shuffled: pd.DataFrame, labels: dict[str, str]
) -> pd.DataFrame:
    """Test MSE of every method, of itself with shuffled windows, and of a linear model.

    Returns
    -------
    DataFrame
        cell, method, label, runs, mse, mse_shuffled (window inputs exchanged between genes, gene
        features kept), mse_linear (linear model on the nine gene features), uses_window (shuffling
        hurts), beats_linear (NA where the linear model was not run).
    """
    linear = metrics[metrics["method"] == "linear"].groupby("cell")["mse"].mean()
    mixed = shuffled.groupby(["cell", "method"])["mse"].mean().to_dict()
    records = []
    for (cell, method), runs in metrics.groupby(["cell", "method"], sort=False):
        if (cell, method) not in mixed:
            continue
        mse, worse = float(runs["mse"].mean()), float(mixed[(cell, method)])
        base = float(linear.get(cell, np.nan))
        records.append(
            {
                "cell": cell, "method": method, "label": labels.get(str(method), method),
                "runs": len(runs), "mse": mse, "mse_shuffled": worse, "mse_linear": base,
                "uses_window": worse > mse,
                "beats_linear": pd.NA if np.isnan(base) else mse < base,
            }
        )  # fmt: skip
    if not records:
        raise UserError("no method has both ordinary and shuffled predictions", "controls")
    return pd.DataFrame(records)


def to_markdown(table: pd.DataFrame, title: str, metrics: list[str]) -> str:
    """Readable form: one block per cell type, ``mean ± sd (published, difference)``."""
    lines = [f"# {title}", ""]
    for cell, rows in table.groupby("cell", sort=False):
        source = rows["published_cell"].iloc[0]
        beside = "" if source == cell else f" (in brackets {source}, to compare the form only)"
        lines += [
            f"## {cell}{beside}",
            "",
            f"| method | runs | {' | '.join(map(_title, metrics))} |",
        ]
        lines.append("|---|---:|" + "---:|" * len(metrics))
        for row in rows.to_dict("records"):
            cells = " | ".join(_value(row, metric) for metric in metrics)
            lines.append(f"| {row['label']} | {row['runs']} | {cells} |")
        lines.append("")
    lines.append(
        "Mean ± sample standard deviation over seeds; in brackets the published value and the "
        "difference (reproduced minus published). A dash: not run in this configuration."
    )
    return "\n".join(lines) + "\n"


def _title(metric: str) -> str:
    return {"mse": "MSE", "mae": "MAE", "pearson": "Pearson", "spearman": "Spearman"}[metric]


def _value(row: Mapping[Hashable, Any], metric: str) -> str:
    mean, spread, known = row[metric], row[f"{metric}_sd"], row[f"{metric}_published"]
    text = "-" if np.isnan(mean) else f"{mean:.{DECIMALS}f}"
    if not np.isnan(spread):
        text += f" ± {spread:.{DECIMALS}f}"
    if not np.isnan(known):
        difference = row[f"{metric}_difference"]
        text += f" ({known:.{DECIMALS}f}"
        text += ")" if np.isnan(difference) else f", {difference:+.{DECIMALS}f})"
    return text


def write_table(table: pd.DataFrame, out: Path, markdown: str) -> None:
    """Write the TSV and, beside it, the Markdown form."""
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    with aside(out.with_suffix(".md")) as temporary:
        temporary.write_text(markdown, encoding="utf-8")
