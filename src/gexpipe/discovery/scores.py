"""Score the genes of a part of a fold with a trained model."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.data.batches import Genes
from gexpipe.discovery.base_scores import Scorer, base_scores, mask_of, saliency_of
from gexpipe.discovery.element_scores import attention_links, perturbed_links, perturbed_slots
from gexpipe.discovery.files import BaseScores
from gexpipe.discovery.pairs import mean_over, pairs_in_windows
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel

__all__ = ["BASE_KINDS", "KINDS", "score_elements", "score_windows", "scorer_of"]

BASE_KINDS = ("mask", "saliency")
KINDS = (*BASE_KINDS, "perturbation", "attention")


def scorer_of(kind: str, steps: int = 1) -> Scorer:
    """What scores bases: the mask, or the saliency of so many steps of integrated gradients."""
    return mask_of if kind == "mask" else partial(saliency_of, steps=steps)


def score_windows(
    model: ExpressionModel,
    data: Genes,
    rows: NDArray[np.int64],
    elements: pd.DataFrame,
    kind: str,
    length: int,
    size: int,
    steps: int = 1,
) -> tuple[pd.DataFrame, BaseScores | None]:
    """Scores of the elements in the windows of some genes, and of their bases.

    Parameters
    ----------
    model : ExpressionModel
        A method that reads windows of ``length`` bp.
    data : Genes
        Its data set.
    rows : ndarray
        Genes.
    elements : DataFrame
        Candidate elements: chrom, start, end.
    kind : {"mask", "saliency", "perturbation"}
        What is scored; an element's score is the mean of its bases, or what the prediction loses.
    length, size, steps : int
        Window; genes a batch; steps of integrated gradients (1: gradient x input).

    Returns
    -------
    DataFrame
        gene_id, chrom, start, end, distance, score.
    BaseScores or None
        None for perturbation.
    """
    genes = data.table.iloc[rows][["gene_id", "chrom", "tss"]].reset_index(drop=True)
    pairs = pairs_in_windows(genes, elements[["chrom", "start", "end"]], length)
    if kind == "perturbation":
        return pairs.assign(score=perturbed_links(model, data, rows, pairs, size)), None
    bases = BaseScores(genes, base_scores(model, data, rows, size, scorer_of(kind, steps)))
    return pairs.assign(score=mean_over(bases.scores, genes["tss"].to_numpy(), pairs)), bases


def score_elements(
    model: ExpressionModel,
    data: Genes,
    rows: NDArray[np.int64],
    table: pd.DataFrame,
    kind: str,
    size: int,
) -> pd.DataFrame:
    """Scores of the elements that EPInformer is given.

    Parameters
    ----------
    model : ExpressionModel
        EPInformer.
    data : Genes
        Its data set, with elements.
    rows : ndarray
        Genes.
    table : DataFrame
        Element table in slot order: gene_id, rank, chrom, start, end, distance_kb.
    kind : {"attention", "perturbation"}
        Attention of the promoter to the element, or what the prediction loses without it.
    size : int
        Genes a batch.

    Returns
    -------
    DataFrame
        gene_id, chrom, start, end, distance, score.
    """
    scorers = {"attention": attention_links, "perturbation": perturbed_slots}
    if kind not in scorers:
        message = f"{kind!r} is for methods on windows; expected {' or '.join(scorers)}"
        raise UserError(message, "--kind")
    scores = scorers[kind](model, data, rows, size)
    place = {data.gene_ids[row]: i for i, row in enumerate(rows)}
    links = table[table["gene_id"].isin(place)].copy()
    links["score"] = scores[links["gene_id"].map(place).to_numpy(), links["rank"].to_numpy()]
    links["distance"] = (links["distance_kb"].abs() * 1000).round().astype(int)
    return links[["gene_id", "chrom", "start", "end", "distance", "score"]].reset_index(drop=True)
