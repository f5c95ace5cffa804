"""Screens by CRISPRi as a table of results, and in-silico perturbation gene by gene beside them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from gexpipe.crispri.pairs import best_overlap
from gexpipe.discovery.labels import TIMES_ABC
from gexpipe.tables.plan import Line
from gexpipe.tables.published import Published, lookup

__all__ = ["changes_by_gene", "screen_table", "to_markdown"]

PUBLISHED_PAIRS = "0-100 kb"  # of EPInformer's average precision
SHOWN = "precision_at_85_recall"  # of the genes that a paper prints: figure 3d
LEAST = 5  # tested elements of a gene below which there is no correlation

# Measure -> heading of its block, what it is of, name of the value.
HEADS = {
    "auprc": ("tested pairs by distance", "distance", "average precision"),
    "pearson": ("predicted against measured change, over the elements of a gene", "gene", "r"),
    SHOWN: ("elements of a gene that are called at 85 % recall of all pairs", "gene", "precision"),
}

GENE_COLUMNS = ["predictor", "gene", "pairs", "regulated", "pearson", "spearman"]
COLUMNS = [
    "cell", "score", "measure", "of", "pairs", "regulated", "value", "low", "high", "published",
    "difference",
]  # fmt: skip


def changes_by_gene(
    pairs: pd.DataFrame, links: Mapping[str, pd.DataFrame], symbols: Mapping[str, str]
) -> pd.DataFrame:
    """Predicted against measured change of expression, over the tested elements of each gene.

    Parameters
    ----------
    pairs : DataFrame
        See `gexpipe.crispri.pairs.crispr_pairs`.
    links : mapping
        Label -> what the prediction loses without an element (log10 units): gene_id, chrom, start,
        end, score. A loss x is a change of 10 ** -x - 1.
    symbols : mapping
        Gene id -> symbol.

    Returns
    -------
    DataFrame
        predictor, gene, pairs, regulated, pearson, spearman: genes with at least five tested
        elements that overlap a scored one, of which one or more regulate them.
    """
    rows = []
    measured = pairs[pairs["effect"].notna() & pairs["gene_id"].notna()].reset_index(drop=True)
    for label, table in links.items():
        there = measured.assign(change=10 ** -_loss(measured, table) - 1).dropna(subset="change")
        for gene, found in there.groupby("gene_id", sort=True):
            if len(found) < LEAST or not found["regulated"].any() or np.ptp(found["change"]) == 0:
                continue
            both = (found["change"], found["effect"])
            r, rho = pearsonr(*both).statistic, spearmanr(*both).statistic
            name = symbols.get(str(gene)) or gene
            rows.append((label, name, len(found), int(found["regulated"].sum()), r, rho))
    return pd.DataFrame(rows, columns=GENE_COLUMNS)


def _loss(pairs: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """(pairs,) predicted loss; NaN where no scored element overlaps."""
    seen, _ = best_overlap(pairs, table.assign(there=1.0), "there")
    # The largest is found above 0, where a pair without an element stands.
    lowest = float(table["score"].min()) - 1
    above, _ = best_overlap(pairs, table.assign(score=table["score"] - lowest), "score")
    return np.where(seen > 0, above + lowest, np.nan)


def screen_table(
    measured: Mapping[str, pd.DataFrame],
    by_gene: Mapping[str, pd.DataFrame],
    nominated: Mapping[str, pd.DataFrame],
    lines: Sequence[Line],
    published: Published,
    cells: Mapping[str, str],
) -> pd.DataFrame:
    """Average precision by distance and correlation by gene, beside the published values.

    Parameters
    ----------
    measured, by_gene : mapping
        Cell type -> output of `gexpipe.crispri.scores.score_table`, of `changes_by_gene`.
    nominated : mapping
        Cell type -> output of `gexpipe.crispri.precision.nominated`, with gene (symbol).
    lines : sequence of Line
        The table's rows; their settings are those of the published values.
    published : DataFrame
        Published values (`read_published`).
    cells : mapping
        Cell type -> cell type whose published values stand beside it.

    Returns
    -------
    DataFrame
        `COLUMNS`: measure is ``auprc`` (of: distance class; low, high: its interval), ``pearson``
        or ``precision_at_85_recall`` (of: gene; pairs are those called, regulated the true ones of
        them; of genes with a published value).
    """
    rows: list[dict[str, Any]] = []
    for cell, beside in cells.items():
        known = _known(lines, published, beside)
        for row in measured[cell].to_dict("records"):
            comparable = row["distance"] == PUBLISHED_PAIRS
            rows.append(
                {"cell": cell, "score": row["predictor"], "measure": "auprc"}
                | {"of": row["distance"], "value": row["average_precision"]}
                | {name: row[name] for name in ("pairs", "regulated", "low", "high")}
                | {"published": known(row["predictor"], "auprc", "") if comparable else np.nan}
            )
        for row in by_gene[cell].to_dict("records"):
            rows.append(
                {"cell": cell, "score": row["predictor"], "measure": "pearson"}
                | {"of": row["gene"], "value": row["pearson"]}
                | {name: row[name] for name in ("pairs", "regulated")}
                | {"published": known(row["predictor"], "pearson", f"gene={row['gene']}; ")}
            )
        for row in nominated[cell].to_dict("records"):
            printed = known(row["predictor"], "tpr", f"gene={row['gene']}; ")
            if np.isnan(printed):
                continue
            rows.append(
                {"cell": cell, "score": row["predictor"], "measure": SHOWN, "of": row["gene"]}
                | {"pairs": row["called"], "regulated": row["true"], "value": row["precision"]}
                | {"published": printed}
            )
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(difference=table["value"] - table["published"])


def _known(lines: Sequence[Line], published: Published, cell: str) -> Any:
    """Function from a score, a metric and the beginning of a setting to the published value."""
    settings = {}
    if lines:
        settings["ABC"] = (replace(lines[0], known_as="abc"), "score=abc")
    for line in lines:
        settings[line.label] = (line, line.setting)
        times = line.setting.replace("score=attention", "score=attention_abc")
        settings[line.label + TIMES_ABC] = (line, times)

    def value(label: str, metric: str, before: str) -> float:
        if label not in settings:
            return np.nan
        line, setting = settings[label]
        if not line.paper or not line.comparable():
            return np.nan
        if before:  # of one gene, not of the whole screen
            setting = setting.removeprefix("dataset=crispri_flowfish; ")
        where = (line.paper, line.tables, line.known_as, cell, metric)
        found = lookup(published, *where, (before + setting,))
        return found[0] if found else np.nan

    return value


def to_markdown(table: pd.DataFrame, title: str) -> str:
    """Readable form: a block per cell type and measure, the interval and the published value."""
    lines = [f"# {title}", ""]
    for (cell, measure), rows in table.groupby(["cell", "measure"], sort=False):
        what, of, value = HEADS[str(measure)]
        lines += [f"## {cell}: {what}", "", f"| score | {of} | pairs | act | {value} |"]
        lines.append("|---|---|---:|---:|---:|")
        lines += [_markdown_row(row) for row in rows.to_dict("records")] + [""]
    lines.append(
        "In brackets after a value the interval of resampled pairs (95 %), after a published value "
        "the difference. EPInformer's published precision is of 737 pairs, of which 103 act."
    )
    return "\n".join(lines) + "\n"


def _markdown_row(row: Mapping[Hashable, Any]) -> str:
    text = f"{row['value']:.3f}"
    if not np.isnan(row["low"]):
        text += f" ({row['low']:.3f} to {row['high']:.3f})"
    if not np.isnan(row["published"]):
        text += f", published {row['published']:.3f} ({row['difference']:+.3f})"
    return f"| {row['score']} | {row['of']} | {row['pairs']} | {row['regulated']} | {text} |"
