"""Element-gene scores against CRISPRi perturbations: precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.log import get_logger
from gexpipe.reference.genes import read_any_table

__all__ = [
    "Curve",
    "benchmark",
    "best_overlap",
    "crispr_pairs",
    "curve",
    "curve_table",
    "overlap_scores",
    "predicted",
]

logger = get_logger(__name__)

Floats = NDArray[np.float64]

COLUMNS = ("chrom", "chromStart", "chromEnd", "startTSS", "endTSS", "measuredGeneSymbol")
# Distance classes of the benchmark's authors (Gschwind et al.), bp.
BINS = {
    "all": (0.0, np.inf),
    "0-10 kb": (0, 1e4),
    "10-100 kb": (1e4, 1e5),
    ">100 kb": (1e5, np.inf),
}
RECALL = 0.7


def crispr_pairs(path: str | Path, genes: pd.DataFrame, cell: str | None = None) -> pd.DataFrame:
    """Tested element-gene pairs of a CRISPRi table (the column names of EPCrisprBenchmark).

    Kept are the rows whose ``ValidConnection`` is TRUE, where the table has that column. A pair is
    positive when ``Regulated``: a significant decrease of the gene. Genes are matched by Ensembl
    id, else by symbol.

    Parameters
    ----------
    path : str or Path
        CSV or TSV, gzipped or not; coordinates 0-based half-open, of the genes' assembly.
    genes : DataFrame
        Gene table (gene_id, symbol).
    cell : str, optional
        Keep the rows of this ``CellType``.

    Returns
    -------
    DataFrame
        chrom, start, end, gene_id (NaN: not in the gene table), distance (bp, middle of the element
        to middle of the TSS), regulated (bool).
    """
    table = read_any_table(path)
    missing = [name for name in [*COLUMNS, "Regulated"] if name not in table]
    if missing:
        raise UserError(f"no column {missing[0]!r} of a CRISPRi benchmark table", path)
    for column, wanted in (("ValidConnection", "TRUE"), ("CellType", cell)):
        if column in table and wanted:
            found = table[column].astype(str)
            table = table[found.str.upper() == wanted.upper()]
            if table.empty:
                raise UserError(f"no row with {column} {wanted}; it has {found.iloc[0]}", path)
    known = dict(zip(genes["symbol"], genes["gene_id"], strict=True))
    gene = table["measuredGeneSymbol"].map(known)
    if "measuredGeneEnsemblId" in table:
        named = table["measuredGeneEnsemblId"].astype(str).str.replace(r"\.\d+$", "", regex=True)
        gene = named.where(named.isin(genes["gene_id"]), gene)
    if gene.isna().all():
        raise UserError(
            f"none of its genes ({table['measuredGeneSymbol'].iloc[0]} ...) is in the gene table "
            f"({genes['symbol'].iloc[0]} ...)",
            path,
        )
    middle = (table["chromStart"] + table["chromEnd"]) / 2.0
    pairs = pd.DataFrame(
        {
            "chrom": table["chrom"].astype(str),
            "start": table["chromStart"].astype(np.int64),
            "end": table["chromEnd"].astype(np.int64),
            "gene_id": gene,
            "distance": (middle - (table["startTSS"] + table["endTSS"]) / 2.0).abs(),
            "regulated": table["Regulated"].astype(str).str.upper() == "TRUE",
        }
    ).reset_index(drop=True)
    if pairs["regulated"].all() or not pairs["regulated"].any():
        raise UserError("expected regulated and unregulated pairs, found one kind", path)
    return pairs


def predicted(path: Path, wanted: set[str], column: str) -> pd.DataFrame:
    """Rows of the genes in question, read batch by batch."""
    columns = ["gene_id", "chrom", "start", "end", column]
    with pq.ParquetFile(require(path, "prediction file")) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise UserError(
                f"no column {missing[0]!r}; it has {', '.join(file.schema_arrow.names)}", path
            )
        parts = []
        for batch in file.iter_batches(1 << 20, columns=columns):
            table = batch.to_pandas()
            parts.append(table[table["gene_id"].isin(wanted)])
    found = pd.concat(parts, ignore_index=True)
    return found.astype({"gene_id": str, "chrom": str})


def overlap_scores(pairs: pd.DataFrame, predictions: Path, column: str = "abc_score") -> Floats:
    """Score of every tested pair: the largest among the gene's overlapping predicted elements.

    An element counts when it shares at least one base with the perturbed region and was predicted
    for the same gene. A pair without one, a gene that is not predicted and a missing score count
    0: not predicting a link is a prediction. Of a gene's own promoter elements ABC says 1; a tested
    region that overlaps one gets that.

    Parameters
    ----------
    pairs : DataFrame
        See `crispr_pairs`.
    predictions : Path
        Parquet with gene_id, chrom, start, end and ``column``; a row per element and gene.
    column : str
        The score; larger means a link is more likely.

    Returns
    -------
    ndarray
        (pairs,) float64.
    """
    found = predicted(predictions, set(pairs["gene_id"].dropna()), column)
    score, hits = best_overlap(pairs, found, column)
    if hits == 0:
        raise UserError(
            "no predicted element overlaps a tested one: another assembly?", predictions
        )
    logger.info("%d of %d tested pairs overlap a predicted element", hits, len(pairs))
    return score


def best_overlap(pairs: pd.DataFrame, found: pd.DataFrame, column: str) -> tuple[Floats, int]:
    """Largest score of the elements of the same gene that overlap each pair, and how many do.

    ``found`` has gene_id, chrom, start, end and ``column``; a pair without an element has 0.
    """
    tested = pairs[["chrom", "start", "end", "gene_id"]].reset_index(names="pair")
    groups = dict(iter(found.groupby(["gene_id", "chrom"], sort=False)))
    score = np.zeros(len(pairs))
    hits = 0
    for key, rows in tested.groupby(["gene_id", "chrom"], sort=False):
        if key not in groups:
            continue
        elements = groups[key]
        start, end = elements["start"].to_numpy(), elements["end"].to_numpy()
        value = np.nan_to_num(elements[column].to_numpy(np.float64), nan=0.0)
        overlap = (start[None, :] < rows["end"].to_numpy()[:, None]) & (
            end[None, :] > rows["start"].to_numpy()[:, None]
        )
        best = np.where(overlap, value[None, :], -np.inf).max(axis=1)
        hits += int(overlap.any(axis=1).sum())
        score[rows["pair"].to_numpy()] = np.where(np.isfinite(best), best, 0.0)
    return score, hits


@dataclass(frozen=True)
class Curve:
    """Precision and recall when all pairs with score >= threshold are called, T thresholds.

    Attributes
    ----------
    threshold, precision, recall : ndarray
        (T,) float64, by falling threshold: distinct scores, ties called together.
    """

    threshold: Floats
    precision: Floats
    recall: Floats

    @property
    def average_precision(self) -> float:
        """Area under the steps: sum of precision times the gain in recall."""
        return float(np.sum(self.precision * np.diff(self.recall, prepend=0.0)))

    def at_recall(self, recall: float) -> tuple[float, float]:
        """Precision, and its threshold, at the highest threshold that reaches a recall."""
        place = int(np.argmax(self.recall >= recall - 1e-12))
        return float(self.precision[place]), float(self.threshold[place])


def curve(regulated: NDArray[np.bool_], score: Floats, weight: Floats | None = None) -> Curve:
    """Precision-recall curve, optionally with weighted pairs (a bootstrap sample's counts)."""
    order = np.argsort(-score, kind="stable")
    weights = np.ones(len(score)) if weight is None else weight[order]
    last = np.append(np.diff(score[order]) != 0, True)
    true = np.cumsum(weights * regulated[order])[last]
    called = np.cumsum(weights)[last]
    with np.errstate(invalid="ignore"):
        precision = np.where(called > 0, true / called, 1.0)
    return Curve(score[order][last], precision, true / true[-1])


def _interval(
    regulated: NDArray[np.bool_], score: Floats, samples: int, seed: int
) -> tuple[float, float]:
    """95 % percentile interval of the average precision over resampled pairs."""
    rng = np.random.default_rng(seed)
    size = len(score)
    found = []
    for _ in range(samples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size).astype(np.float64)
        if weight[regulated].sum() > 0:
            found.append(curve(regulated, score, weight).average_precision)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def benchmark(
    pairs: pd.DataFrame, scores: dict[str, Floats], samples: int = 1000, seed: int = 1
) -> pd.DataFrame:
    """Average precision of several predictors, overall and by distance.

    Parameters
    ----------
    pairs : DataFrame
        distance, regulated.
    scores : dict
        Predictor -> (pairs,) scores.
    samples, seed : int
        Bootstrap samples of pairs, and their seed.

    Returns
    -------
    DataFrame
        predictor, distance (class), pairs, regulated, average_precision, its 95 % interval (low,
        high), precision at 70 % recall and the threshold there. A class without a positive pair has
        no row.
    """
    rows = []
    for predictor, score in scores.items():
        for name, (low, high) in BINS.items():
            here = ((pairs["distance"] >= low) & (pairs["distance"] < high)).to_numpy()
            regulated = pairs["regulated"].to_numpy(bool)[here]
            if not regulated.any():
                continue
            found = curve(regulated, score[here])
            interval = _interval(regulated, score[here], samples, seed)
            precision, threshold = found.at_recall(RECALL)
            rows.append(
                {
                    "predictor": predictor,
                    "distance": name,
                    "pairs": len(regulated),
                    "regulated": int(regulated.sum()),
                    "average_precision": found.average_precision,
                    "low": interval[0],
                    "high": interval[1],
                    "precision_at_70_recall": precision,
                    "threshold": threshold,
                }
            )
    return pd.DataFrame(rows)


def curve_table(pairs: pd.DataFrame, scores: dict[str, Floats]) -> pd.DataFrame:
    """Curves over all pairs: predictor, threshold, precision, recall; a row a threshold.

    Without a regulated pair there is none.
    """
    if not pairs["regulated"].any():
        return pd.DataFrame(columns=["predictor", "threshold", "precision", "recall"])
    parts = []
    for predictor, score in scores.items():
        found = curve(pairs["regulated"].to_numpy(bool), score)
        columns = {name: getattr(found, name) for name in ("threshold", "precision", "recall")}
        parts.append(pd.DataFrame({"predictor": predictor, **columns}))
    return pd.concat(parts, ignore_index=True)
