"""Scores against what is true: precision, enrichment, and how much leans on decoys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from gexpipe.discovery.pairs import pairs_in_windows
from gexpipe.errors import UserError
from gexpipe.tabular import read_parquet

__all__ = ["DISTANCES", "base_labels", "base_rows", "element_rows", "overlapping", "true_pairs"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Row = dict[str, float | str]

# Distance classes, bp, without the promoter, which the gene features see.
DISTANCES = {
    "all": (600, np.inf),
    "0.6-5 kb": (600, 5_000),
    "5-20 kb": (5_000, 20_000),
    "20-100 kb": (20_000, 100_000),
}
ACTING, DECOY = 1, 2


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
    elements = read_parquet(folder / "elements.parquet", "simulated elements")
    links = read_parquet(folder / "links.parquet", "simulated links")
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


def _measures(score: Floats, act: Flags, decoy: Flags) -> Row:
    """What `element_rows` says of one class, but for the effect."""
    share, count = float(act.mean()), int(act.sum())
    best = np.argsort(-score, kind="stable")[:count]
    chosen = act | decoy
    return {
        "pairs": len(act),
        "positives": count,
        "auprc": float(average_precision_score(act, score)),
        "prevalence": share,
        "enrichment": float(act[best].mean()) / share,
        "decoys": float(roc_auc_score(act[chosen], score[chosen])) if decoy.any() else np.nan,
        "decoys_best": float(decoy[best].mean()),
    }


def element_rows(pairs: pd.DataFrame, score: Floats, level: str = "element") -> list[Row]:
    """Measures of element scores in each distance class.

    Parameters
    ----------
    pairs : DataFrame
        Output of `true_pairs`.
    score : ndarray
        (pairs,), larger = more likely to act.
    level : str
        Name of this set of elements.

    Returns
    -------
    list of dict
        level, distance, pairs, positives, auprc, prevalence, enrichment (share of acting elements
        among the best scored, as many as act, over their share of all), decoys (chance that an
        acting element outscores a decoy), decoys_best (share of decoys among the best scored),
        effect (Spearman correlation of score and effect).
    """
    rows: list[Row] = []
    effect = pairs["effect"].to_numpy(np.float64)
    decoy = (pairs["kind"] == "decoy").to_numpy()
    for name, (low, high) in DISTANCES.items():
        within = pairs["distance"].between(low, high, inclusive="left").to_numpy()
        act, s = effect[within] > 0, score[within]
        if not act.any() or act.all():
            continue
        row = {"level": level, "distance": name, **_measures(s, act, decoy[within])}
        row["effect"] = float(spearmanr(s, effect[within]).statistic) if np.ptp(s) > 0 else np.nan
        rows.append(row)
    return rows


def base_labels(pairs: pd.DataFrame, tss: NDArray[np.int64], length: int) -> NDArray[np.int8]:
    """What each base of the windows lies in, (genes, L): `ACTING` element, `DECOY`, 0 neither."""
    labels = np.zeros((len(tss), length), np.int8)
    acting = (pairs["effect"] > 0).to_numpy()
    decoy = (pairs["kind"] == "decoy").to_numpy() & ~acting
    for which, label in ((decoy, DECOY), (acting, ACTING)):
        for gene, start, end in pairs.loc[which, ["gene", "start", "end"]].to_numpy(np.int64):
            at = start - tss[gene] + length // 2
            labels[gene, at : at + end - start] = label
    return labels


def base_rows(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> list[Row]:
    """Measures of base scores (genes, L) against `base_labels`, as those of `element_rows`.

    The distance of a base is its own; there is no effect.
    """
    length = scores.shape[1]
    distance = np.abs(np.arange(length) - length // 2)
    rows: list[Row] = []
    for name, (low, high) in DISTANCES.items():
        columns = (distance >= low) & (distance < high)
        label, score = labels[:, columns].ravel(), scores[:, columns].ravel().astype(np.float64)
        act = label == ACTING
        if not act.any() or act.all():
            continue
        rows.append(
            {"level": "base", "distance": name, **_measures(score, act, label == DECOY)}
            | {"effect": np.nan}
        )
    return rows
