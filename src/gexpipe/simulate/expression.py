"""The generative model: expression per gene and cell, and what each element contributes to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.genes import MRNA_FEATURES
from gexpipe.simulate.logic import loss, share, slot_of
from gexpipe.simulate.random import stream

__all__ = ["DISTAL_RANGE", "Expression", "model_expression", "pair_elements"]

Floats = NDArray[np.float64]

# Distance from the TSS, bp, in which elements other than the gene's own act on it.
DISTAL_RANGE = (5_000, 100_000)
# Weight of each mRNA feature, in units of that feature's standard deviation.
_MRNA_WEIGHTS = dict(zip(MRNA_FEATURES, (-0.4, -0.5, -0.4, -0.3, 0.3, 0.2, -0.3, 0.9), strict=True))


@dataclass(frozen=True)
class Expression:
    """Expression of all genes in all cells, with its parts.

    Attributes
    ----------
    genes : DataFrame
        One row per gene and cell: gene_id, cell, one column per component (log10 units, centred
        only for mRNA and noise), count (CAGE counts in the 384 bp around the TSS) and expression
        = log10(1 + count).
    links : DataFrame
        One row per gene, acting element and cell: gene (row), element (row), cell, kind (own
        promoter, near, mid, or distal), distance, contact, activity, effect (what is lost from the
        log10 expression when the element's activity is zero).
    scale : dict
        Component -> log10 units of expression a unit of it.
    """

    genes: pd.DataFrame
    links: pd.DataFrame
    scale: dict[str, float]


def pair_elements(genes: pd.DataFrame, elements: pd.DataFrame) -> pd.DataFrame:
    """Gene-element pairs through which expression can flow; columns gene, element, kind, distance.

    A gene is paired with its own promoter, near and mid elements, and ("distal") with every acting
    element that is no promoter and lies in `DISTAL_RANGE` of its TSS.
    """
    own = elements.index[elements["acts"] & (elements["gene"] >= 0)]
    tss = genes["tss"].to_numpy()
    owner = elements.loc[own, "gene"].to_numpy()
    parts = [
        pd.DataFrame(
            {
                "gene": owner,
                "element": own,
                "kind": elements.loc[own, "kind"].to_numpy(),
                "distance": np.abs(elements.loc[own, "centre"].to_numpy() - tss[owner]),
            }
        )
    ]
    acting = elements.index[elements["acts"] & (elements["kind"] != "promoter")]
    for chrom, rows in genes.groupby("chrom", sort=False).groups.items():
        near = acting[(elements.loc[acting, "chrom"] == chrom).to_numpy()]
        distance = np.abs(
            elements.loc[near, "centre"].to_numpy()[None, :] - tss[np.asarray(rows)][:, None]
        )
        gene, element = np.nonzero((distance > DISTAL_RANGE[0]) & (distance <= DISTAL_RANGE[1]))
        parts.append(
            pd.DataFrame(
                {
                    "gene": np.asarray(rows)[gene],
                    "element": np.asarray(near)[element],
                    "kind": "distal",
                    "distance": distance[gene, element],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def model_expression(
    config: SimulationConfig,
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    pairs: pd.DataFrame,
    contact: dict[str, Floats],
    mrna: pd.DataFrame,
    motifs: NDArray[np.int64],
) -> Expression:
    """Evaluate the generative model.

    Parameters
    ----------
    genes, elements, pairs : DataFrame
        From `place_genes`, `draw_elements`, `pair_elements`.
    contact : dict
        Cell -> (pairs,) expected contact of each pair, relative to a bin with itself.
    mrna : DataFrame
        (genes, 8) mRNA features.
    motifs : ndarray
        (genes,) number of promoter motifs.
    """
    cells = list(config.cells)
    raw = {
        cell: _components(config, cell, elements, pairs, contact[cell], mrna, motifs)
        for cell in cells
    }
    usual = (genes["special"] != "n_gap").to_numpy()
    scale = {
        name: config.expression.sd
        * np.sqrt(share)
        / max(np.std(np.concatenate([raw[cell][name][usual] for cell in cells])), 1e-12)
        for name, share in config.expression.shares().items()
    }
    means = {name: np.mean([raw[cell][name][usual].mean() for cell in cells]) for name in scale}
    base = config.expression.mean - sum(scale[name] * means[name] for name in scale)
    tables, links = [], []
    for cell in cells:
        parts = {name: scale[name] * raw[cell][name] for name in scale}
        total = base + np.sum(list(parts.values()), axis=0)
        count = np.rint(10 ** np.clip(total, 0, None) - 1).astype(np.int64)
        count[~usual] = 0  # no read maps to N
        head = {"gene_id": genes["gene_id"], "cell": cell, "base": base}
        tail = {"model": total, "count": count, "expression": np.log10(1 + count)}
        tables.append(pd.DataFrame({**head, **parts, **tail}))
        links.append(_links(config, cell, elements, pairs, contact[cell], scale))
    table, linked = (pd.concat(parts, ignore_index=True) for parts in (tables, links))
    return Expression(table, linked, scale)


def _components(
    config: SimulationConfig,
    cell: str,
    elements: pd.DataFrame,
    pairs: pd.DataFrame,
    contact: Floats,
    mrna: pd.DataFrame,
    motifs: NDArray[np.int64],
) -> dict[str, Floats]:
    size = len(mrna)
    activity = elements[f"activity_{cell}"].to_numpy()[pairs["element"].to_numpy()]
    gene, kind = pairs["gene"].to_numpy(), pairs["kind"].to_numpy()
    added, _ = _together(config, pairs, activity, contact)

    def total(which: str, values: Floats) -> Floats:
        chosen = kind == which
        return np.bincount(gene[chosen], values[chosen], minlength=size).astype(np.float64)

    weights = np.array([_MRNA_WEIGHTS[name] for name in MRNA_FEATURES])
    features = mrna.to_numpy()
    features = np.nan_to_num((features - np.nanmean(features, 0)) / np.nanstd(features, 0))
    return {
        "promoter_activity": _saturate(total("promoter", activity)),
        "promoter_motif": motifs / (motifs + 2.0),
        "near": total("near", added),
        "mid": total("mid", added),
        "distal": total("distal", activity * contact),
        "mrna": features @ weights,
        "noise": stream(config.seed, "noise", cell).normal(size=size),
    }


def _together(
    config: SimulationConfig, pairs: pd.DataFrame, activity: Floats, contact: Floats
) -> tuple[Floats, Floats]:
    """What each near or mid element adds to its gene, and what the gene loses without it."""
    settings = config.elements
    strength = activity * contact if settings.by_contact else activity
    slots = [settings.near_at, *settings.mid_at]
    slot = slot_of(pairs["distance"].to_numpy(), slots)
    # At most two elements of a gene are in a slot.
    whole = pd.Series(strength).groupby([pairs["gene"].to_numpy(), slot]).transform("sum")
    other = whole.to_numpy() - strength
    added, lost = strength.copy(), strength.copy()
    for number, logic in enumerate(settings.logic):
        if logic != "sum":
            here = (slot == number) & pairs["kind"].isin(["near", "mid"]).to_numpy()
            added[here] = share(strength[here], other[here], logic)
            lost[here] = loss(strength[here], other[here], logic)
    return added, lost


def _saturate(activity: Floats) -> Floats:
    return activity / (activity + 0.8)


def _links(
    config: SimulationConfig,
    cell: str,
    elements: pd.DataFrame,
    pairs: pd.DataFrame,
    contact: Floats,
    scale: dict[str, float],
) -> pd.DataFrame:
    activity = elements[f"activity_{cell}"].to_numpy()[pairs["element"].to_numpy()]
    kind = pairs["kind"].to_numpy()
    _, lost = _together(config, pairs, activity, contact)
    effect = np.select(
        [kind == "promoter", kind == "near", kind == "mid"],
        [
            scale["promoter_activity"] * _saturate(activity),
            scale["near"] * lost,
            scale["mid"] * lost,
        ],
        scale["distal"] * activity * contact,
    )
    links = pairs.assign(cell=cell, contact=contact, activity=activity, effect=effect)
    return links[links["activity"] > 0]
