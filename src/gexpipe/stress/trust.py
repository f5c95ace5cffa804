"""What a method says of elements without being shown a change: masks, saliency, attention."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.data.batches import Genes
from gexpipe.discovery.scores import score_elements, score_windows
from gexpipe.discovery.truth import overlapping
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.base import ExpressionModel
from gexpipe.stress.edits import WIDTH
from gexpipe.stress.truth import Truth

__all__ = ["score_answers"]


def score_answers(
    model: ExpressionModel,
    data: Genes,
    truth: Truth,
    config: MethodConfig,
    rows: NDArray[np.int64],
    links: pd.DataFrame | None,
) -> pd.DataFrame:
    """Every kind of score that a method offers, of the elements of some genes.

    Returns
    -------
    DataFrame
        test (``trust``), group (kind of score), gene_id, distance, predicted (the score), true:
        what the gene loses without the element, log10 units; 0 of decoys, idle and redundant ones.
    """
    pairs = _pairs(data, truth, rows)
    parts = []
    for kind in config.declared.scores:
        size = config.train.batch_size
        if config.inputs.elements:
            if links is None:
                continue
            scored = score_elements(model, data, rows, links, kind, size)
        else:
            elements = pairs[["chrom", "start", "end"]].drop_duplicates()
            scored, _ = score_windows(model, data, rows, elements, kind, config.inputs.length, size)
            scored["start"] += WIDTH - 1
            scored["end"] = scored["start"] + 2
        # By the middle of an element: neighbours' flanks may overlap.
        middle = pairs.assign(start=pairs["start"] + WIDTH - 1, end=pairs["start"] + WIDTH + 1)
        parts.append(pairs.assign(test="trust", group=kind, predicted=overlapping(middle, scored)))
    columns = ["test", "group", "gene_id", "distance", "predicted", "true"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _pairs(data: Genes, truth: Truth, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Genes and the open elements in their slots: chrom, start, end, distance, true."""
    parts = []
    for row in rows:
        gene = data.table.iloc[row]
        name = str(gene["gene_id"])
        sites = truth.sites[name]
        level = truth.level(name, sites)
        lost = [level - truth.level(name, sites.without(i)) for i in range(len(sites.offset))]
        middle = int(gene["tss"]) + sites.offset
        part = pd.DataFrame(
            {
                "gene_id": name,
                "chrom": gene["chrom"],
                "start": middle - WIDTH,
                "end": middle + WIDTH,
                "distance": np.abs(sites.offset),
                "true": np.round(lost, 9),
            }
        )
        parts.append(part[sites.kind != "silent"])
    return pd.concat(parts, ignore_index=True)
