"""Scores of models against CRISPRi, on the pairs whose gene every model scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from gexpipe.crispri.pairs import Floats, best_overlap
from gexpipe.crispri.precision import BINS, benchmark
from gexpipe.discovery.compare import links_of
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.log import get_logger
from gexpipe.named import named

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["COLUMNS", "GIVEN", "covered_scores", "draw_curves", "pooled", "score_table"]

logger = get_logger(__name__)

# Of the table of scores: `benchmark`'s, and how many of the tested pairs it is about.
COLUMNS = [
    "predictor", "distance", "pairs", "tested", "regulated", "average_precision", "low", "high",
    "precision_at_70_recall", "threshold", "precision_at_85_recall",
]  # fmt: skip
# What stands beside the models, of ABC's predictions: predictor -> column.
GIVEN = {"ABC": "abc_score", "activity": "activity", "contact": "contact"}
PLACE = ["gene_id", "chrom", "start", "end"]


def pooled(items: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Element scores by label; files of one label are pooled.

    Folds hold other genes, so their rows stand side by side; seeds score the same elements, whose
    mean counts.

    Parameters
    ----------
    items : sequence of str
        ``LABEL=FILE``, or what else `links_of` reads.

    Returns
    -------
    dict
        Label -> gene_id, chrom, start, end, score.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for label, text in named(items, "--link", "LABEL=FILE"):
        parts.setdefault(label, []).append(links_of(text)[[*PLACE, "score"]])
    return {
        label: pd.concat(tables).groupby(PLACE)["score"].mean().reset_index()
        for label, tables in parts.items()
    }


def covered_scores(
    pairs: pd.DataFrame, links: Mapping[str, pd.DataFrame], abc: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Pairs whose gene has a score of every model, and what each predictor says of them.

    A model scores the genes of its test chromosomes only, in a window around the TSS. Of those
    genes a pair without a scored element counts 0, as in `gexpipe evaluate crispr`; pairs of other
    genes are left out, for ABC and distance too.

    Parameters
    ----------
    pairs : DataFrame
        See `crispr_pairs`.
    links : mapping
        See `pooled`.
    abc : DataFrame
        gene_id, chrom, start, end, and the columns of `GIVEN`.

    Returns
    -------
    DataFrame
        The covered pairs.
    dict
        Predictor -> (pairs,) scores: those of `GIVEN`, distance, then those of ``links``.
    """
    if not links:
        raise UserError("no element scores are given", "--link")
    genes = set.intersection(*(set(table["gene_id"]) for table in links.values()))
    covered = pairs[pairs["gene_id"].isin(genes)].reset_index(drop=True)
    scores = {name: best_overlap(covered, abc, column)[0] for name, column in GIVEN.items()}
    scores["distance"] = -covered["distance"].to_numpy(np.float64)
    for label, table in links.items():
        scores[label], hits = best_overlap(covered, table, "score")
        logger.info("%s: %d of %d pairs overlap a scored element", label, hits, len(covered))
    return covered, scores


def score_table(
    covered: pd.DataFrame,
    scores: Mapping[str, Floats],
    tested: int,
    samples: int,
    seed: int,
    bins: Mapping[str, tuple[float, float]] = BINS,
) -> pd.DataFrame:
    """Average precision with its interval, overall and by distance; `COLUMNS`.

    Empty, with a warning, where no covered pair is regulated.
    """
    logger.info("%d of %d tested pairs are of genes that every model scored", len(covered), tested)
    if not covered["regulated"].any():
        logger.warning("none of the %d covered pairs is regulated: no measure", len(covered))
        return pd.DataFrame(columns=COLUMNS)
    found = benchmark(covered, scores, samples, seed, bins)
    return found.assign(tested=tested)[COLUMNS]


def draw_curves(curves: pd.DataFrame, table: pd.DataFrame, title: str, out: Path) -> None:
    """Draw precision against recall, and average precision by distance with intervals, to PNG.

    Parameters
    ----------
    curves : DataFrame
        predictor, precision, recall.
    table : DataFrame
        See `score_table`.
    title : str
        Above the panels.
    out : Path
        PNG.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    classes = list(dict.fromkeys(table["distance"]))
    predictors = list(dict.fromkeys(table["predictor"]))
    for i, predictor in enumerate(predictors):
        mine = curves[curves["predictor"] == predictor]
        colour = "0.4" if predictor == "distance" else f"C{i % 10}"
        dashes = "--" if i >= 10 else "-"
        left.step(mine["recall"], mine["precision"], where="pre", color=colour, linestyle=dashes)
        rows = table[table["predictor"] == predictor].set_index("distance").reindex(classes)
        value = rows["average_precision"].to_numpy(float)
        error = np.abs(rows[["low", "high"]].to_numpy(float).T - value)
        width = 0.8 / len(predictors)
        x = np.arange(len(classes)) + (i + 0.5 - len(predictors) / 2) * width
        hatch = "//" if i >= 10 else ""
        right.bar(
            x,
            value,
            width,
            yerr=error,
            color=colour,
            hatch=hatch,
            label=predictor,
            error_kw={"linewidth": 0.8},
        )
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    right.set_xticks(np.arange(len(classes)), classes)
    right.set(xlabel="distance from the TSS", ylabel="average precision", ylim=(0, 1.02))
    if predictors:
        right.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    else:
        left.text(0.5, 0.5, "no regulated pair is covered", ha="center")
    figure.suptitle(title)
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)
