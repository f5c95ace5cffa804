"""Scores against what is true: precision, enrichment, and how much leans on decoys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from gexpipe.discovery.pairs import pairs_in_windows
from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["DISTANCES", "base_labels", "base_row", "element_rows", "overlapping", "true_pairs"]

Floats = NDArray[np.float64]

# Distance classes, bp, without the promoter, which the gene features see.
DISTANCES = {
    "all": (600, np.inf),
    "0.6-5 kb": (600, 5_000),
    "5-20 kb": (5_000, 20_000),
    "20-100 kb": (20_000, 100_000),
}
PROMOTER = 600  # bp around the TSS that no class holds


def true_pairs(folder: Path, genes: pd.DataFrame, cell: str, length: int) -> pd.DataFrame:
    """Genes and all simulated elements in their windows, with what is true of each.

    Parameters
    ----------
    folder : Path
        Truth of a simulated genome: elements.parquet, links.parquet.
    genes : DataFrame
        gene_id, chrom, tss; numbered from 0.
    cell : str
        Cell type.
    length : int
        Window, bp.

    Returns
    -------
    DataFrame
        Columns of `pairs_in_windows`, kind, effect (what the gene loses without the element, log10
        units; 0 for elements that do not act on it).
    """
    elements = pd.read_parquet(require(folder / "elements.parquet", "simulated elements"))
    links = pd.read_parquet(require(folder / "links.parquet", "simulated links"))
    links = links[links["cell"] == cell]
    if links.empty:
        raise UserError(f"no link of cell type {cell}", folder / "links.parquet")
    pairs = pairs_in_windows(genes, elements[["chrom", "start", "end", "kind"]], length)
    keys = ["gene_id", "chrom", "start", "end"]
    merged = pairs.merge(links[[*keys, "effect"]], on=keys, how="left", validate="one_to_one")
    return merged.assign(effect=merged["effect"].fillna(0.0))


def overlapping(pairs: pd.DataFrame, scored: pd.DataFrame) -> Floats:
    """Largest score among the scored elements of the same gene that overlap, (pairs,); 0 for none.

    ``scored`` has gene_id, start, end, score.
    """
    found = np.zeros(len(pairs))
    by_gene = dict(tuple(scored.groupby("gene_id", sort=False)))
    for gene, part in pairs.groupby("gene_id", sort=False):
        there = by_gene.get(gene)
        if there is None:
            continue
        start, end = part["start"].to_numpy()[:, None], part["end"].to_numpy()[:, None]
        hit = (there["start"].to_numpy() < end) & (there["end"].to_numpy() > start)
        values = np.where(hit, there["score"].to_numpy(), -np.inf).max(axis=1)
        found[part.index] = np.where(np.isfinite(values), values, 0.0)
    return found


def _measures(score: Floats, positive: NDArray[np.bool_]) -> dict[str, float]:
    """Average precision, the share of positives, and enrichment among the best scored."""
    share = float(positive.mean())
    best = np.argsort(-score, kind="stable")[: max(1, int(positive.sum()))]
    return {
        "auprc": float(average_precision_score(positive, score)),
        "prevalence": share,
        "enrichment": float(positive[best].mean()) / share,
    }


def element_rows(pairs: pd.DataFrame, score: Floats) -> list[dict[str, float | str]]:
    """Measures of element scores in each distance class.

    Parameters
    ----------
    pairs : DataFrame
        Output of `true_pairs`.
    score : ndarray
        (pairs,), larger = more likely to act.

    Returns
    -------
    list of dict
        level, distance, pairs, positives, auprc, prevalence, enrichment (share of acting elements
        among the best scored, as many as act, over their share of all), effect (Spearman
        correlation of score and effect), decoys (chance that an acting element outscores a decoy),
        decoys_best (share of decoys among the best scored).
    """
    rows: list[dict[str, float | str]] = []
    positive = pairs["effect"].to_numpy() > 0
    decoy = (pairs["kind"] == "decoy").to_numpy()
    for name, (low, high) in DISTANCES.items():
        within = pairs["distance"].between(low, high, inclusive="left").to_numpy()
        act, s, open_only = positive[within], score[within], decoy[within]
        if not act.any() or act.all():
            continue
        row: dict[str, float | str] = {"level": "element", "distance": name}
        row |= {"pairs": len(act), "positives": int(act.sum()), **_measures(s, act)}
        effect = pairs["effect"].to_numpy()[within]
        row["effect"] = float(spearmanr(s, effect).statistic) if np.ptp(s) > 0 else np.nan
        chosen = act | open_only
        best = np.argsort(-s, kind="stable")[: int(act.sum())]
        both = act[chosen].any() and open_only.any()
        row["decoys"] = float(roc_auc_score(act[chosen], s[chosen])) if both else np.nan
        row["decoys_best"] = float(open_only[best].mean())
        rows.append(row)
    return rows


def base_labels(pairs: pd.DataFrame, tss: NDArray[np.int64], length: int) -> NDArray[np.int8]:
    """1 where a base lies in an acting element, 0 elsewhere, -1 around the TSS; (genes, L)."""
    labels = np.zeros((len(tss), length), np.int8)
    half = length // 2
    acting = pairs[pairs["effect"] > 0]
    for gene, start, end in acting[["gene", "start", "end"]].to_numpy(np.int64):
        at = start - tss[gene] + half
        labels[gene, at : at + end - start] = 1
    labels[:, half - PROMOTER : half + PROMOTER] = -1
    return labels


def base_row(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> Mapping[str, float | str]:
    """Measures of base scores (genes, L) against `base_labels`."""
    kept = labels >= 0
    positive, score = labels[kept] > 0, scores[kept].astype(np.float64)
    row: dict[str, float | str] = {"level": "base", "distance": "all", "pairs": len(score)}
    return row | {"positives": int(positive.sum()), **_measures(score, positive)}
