"""A table like the CRISPRi element-gene benchmark, measured on the simulated truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.expression import Expression
from gexpipe.simulate.random import stream

__all__ = ["COLUMNS", "crispri_table"]

COLUMNS = (
    "chrom",
    "chromStart",
    "chromEnd",
    "name",
    "EffectSize",
    "chrTSS",
    "startTSS",
    "endTSS",
    "measuredGeneSymbol",
    "measuredGeneEnsemblId",
    "Significant",
    "pValueAdjusted",
    "PowerAtEffectSize10",
    "PowerAtEffectSize15",
    "PowerAtEffectSize20",
    "PowerAtEffectSize25",
    "PowerAtEffectSize50",
    "ValidConnection",
    "CellType",
    "Reference",
    "Regulated",
    "Dataset",
    "distanceToTSS",
    "measuredGeneUbiquitousExpressed",
    "elementChromatinCategory",
)

_WINDOW = (1_000, 100_000)
_ERROR = 0.04  # standard error of an effect size


def crispri_table(
    config: SimulationConfig, genes: pd.DataFrame, elements: pd.DataFrame, truth: Expression
) -> pd.DataFrame:
    """Perturb every open element 1-100 kb from an expressed gene, in every cell.

    The effect is 10 ** -effect - 1 (fraction of expression lost) plus measurement error;
    ``Significant`` is a two-sided test at 0.05 after Benjamini-Hochberg. Columns follow the
    published benchmark (`COLUMNS`).
    """
    tables = [_cell_table(config, cell, genes, elements, truth) for cell in config.cells]
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def _cell_table(
    config: SimulationConfig,
    cell: str,
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    truth: Expression,
) -> pd.DataFrame:
    pairs = _open_pairs(cell, genes, elements, truth)
    links = truth.links[truth.links["cell"] == cell]
    effect = links.groupby(["gene", "element"])["effect"].sum()
    index = pd.MultiIndex.from_frame(pairs[["gene", "element"]])
    log_loss = effect.reindex(index).fillna(0.0).to_numpy()
    rng = stream(config.seed, "crispri", cell)
    size = 10**-log_loss - 1 + rng.normal(0, _ERROR, len(pairs))
    adjusted = _benjamini_hochberg(size / _ERROR)
    gene = genes.iloc[pairs["gene"].to_numpy()].reset_index(drop=True)
    element = elements.iloc[pairs["element"].to_numpy()].reset_index(drop=True)
    where = element["chrom"] + ":" + element["start"].astype(str) + "-" + element["end"].astype(str)
    acetylated = element[f"acetylated_{cell}"] > 0.3
    return pd.DataFrame(
        {
            "chrom": element["chrom"],
            "chromStart": element["start"],
            "chromEnd": element["end"],
            "name": gene["symbol"] + "|" + where + ":.",
            "EffectSize": size.round(6),
            "chrTSS": gene["chrom"],
            "startTSS": gene["tss"],
            "endTSS": gene["tss"] + 1,
            "measuredGeneSymbol": gene["symbol"],
            "measuredGeneEnsemblId": gene["gene_id"],
            "Significant": _truth_words(adjusted < 0.05),
            "pValueAdjusted": adjusted,
            **{f"PowerAtEffectSize{p}": _power(p / 100) for p in (10, 15, 20, 25, 50)},
            "ValidConnection": "TRUE",
            "CellType": cell,
            "Reference": "simulated",
            "Regulated": _truth_words((adjusted < 0.05) & (size < 0)),
            "Dataset": "simulated",
            "distanceToTSS": (element["centre"] - gene["tss"]).abs(),
            "measuredGeneUbiquitousExpressed": "FALSE",
            "elementChromatinCategory": np.where(acetylated, "H3K27ac", "No H3K27ac"),
        }
    )


def _open_pairs(
    cell: str, genes: pd.DataFrame, elements: pd.DataFrame, truth: Expression
) -> pd.DataFrame:
    table = truth.genes[truth.genes["cell"] == cell]
    expressed = np.flatnonzero((table["count"] >= 10).to_numpy())
    is_open = (elements[f"open_{cell}"] > 0.3) & (elements["kind"] != "promoter")
    parts = []
    for chrom in genes["chrom"].unique():
        rows = expressed[(genes["chrom"].to_numpy()[expressed] == chrom)]
        near = elements.index[is_open & (elements["chrom"] == chrom)].to_numpy()
        tss = genes["tss"].to_numpy()[rows]
        distance = np.abs(elements["centre"].to_numpy()[near][None, :] - tss[:, None])
        gene, element = np.nonzero((distance >= _WINDOW[0]) & (distance <= _WINDOW[1]))
        parts.append(pd.DataFrame({"gene": rows[gene], "element": near[element]}))
    return pd.concat(parts, ignore_index=True)


def _benjamini_hochberg(z: np.ndarray) -> np.ndarray:
    return stats.false_discovery_control(2 * stats.norm.sf(np.abs(z)))


def _power(effect: float) -> float:
    """Chance that a loss of this fraction is significant at 0.05 before correction."""
    return round(float(stats.norm.sf(1.96 - effect / _ERROR)), 4)


def _truth_words(values: np.ndarray | pd.Series) -> np.ndarray:
    return np.where(values, "TRUE", "FALSE")
