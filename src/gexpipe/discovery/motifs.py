"""Motifs that EPInformer's sequence encoder reads: attributions, TF-MoDISco, a motif database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gexpipe.data.batches import Genes
from gexpipe.discovery.base_scores import opened
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.models.base import ExpressionModel

__all__ = ["COLUMNS", "attributions", "find_motifs", "match", "read_motifs"]

Floats = NDArray[np.float32]
COLUMNS = ["pattern", "effect", "seqlets", "consensus", "match", "p_value"]
INFORMATIVE = 0.3  # bits; the ends of a pattern below it are cut off


def attributions(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], size: int, both: bool = False
) -> tuple[Floats, Floats]:
    """Bases of elements, and what each of the four bases would add at each place.

    The gradient of the prediction with respect to the one-hot bases, less its mean over the four:
    only differences between bases mean anything.

    Parameters
    ----------
    model, data : ExpressionModel, Genes
        EPInformer's encoder and its elements.
    rows : ndarray
        Elements.
    size : int
        Elements a batch.
    both : bool
        The mean of what the model says of either strand, for one that was trained on both.

    Returns
    -------
    ndarray
        (rows, L, 4) one-hot bases, all 0 for N.
    ndarray
        (rows, L, 4) hypothetical contributions.
    """
    device = next(model.parameters()).device
    model.eval()
    shown, found = [], []
    for first in range(0, len(rows), size):
        batch = data.batch(np.asarray(rows[first : first + size])).to(device).dense()
        dna = batch.sequence().detach().float().requires_grad_()
        predicted = model(opened(batch, dna)).prediction.sum()
        if both:  # with A, C, G, T in this order, the complement is the order turned round
            turned = model(opened(batch, dna.flip(1, 2))).prediction.sum()
            predicted = (predicted + turned) / 2
        (gradient,) = torch.autograd.grad(predicted, [dna])
        shown.append(dna.detach().cpu().numpy())
        found.append((gradient - gradient.mean(dim=2, keepdim=True)).cpu().numpy())
    return np.concatenate(shown), np.concatenate(found)


def _trimmed(matrix: Floats) -> Floats:
    """A (L, 4) matrix of base frequencies without its ends that say little."""
    frequency = np.clip(matrix, 1e-6, 1)
    bits = 2 + (frequency * np.log2(frequency)).sum(axis=1)
    kept = np.flatnonzero(bits >= INFORMATIVE)
    return matrix[kept[0] : kept[-1] + 1] if len(kept) else matrix


def find_motifs(
    bases: Floats, contributions: Floats, most: int = 20_000, least: int = 100
) -> list[dict[str, Any]]:
    """Patterns of TF-MoDISco in the output of `attributions`.

    Parameters
    ----------
    bases, contributions : ndarray
        (N, L, 4).
    most, least : int
        Seqlets of a sign that are clustered; so many or fewer are no pattern.

    Returns
    -------
    list of dict
        pattern (name), effect ("raises" or "lowers"), seqlets (count), consensus, matrix ((W, 4)
        base frequencies, ends cut off).
    """
    try:
        from modiscolite.tfmodisco import TFMoDISco
    except ImportError as error:
        raise UserError("not installed: pip install 'gexpipe[motifs]'", "modisco-lite") from error
    signs = TFMoDISco(
        bases, contributions, max_seqlets_per_metacluster=most, min_metacluster_size=least
    )
    found: list[dict[str, Any]] = []
    for effect, patterns in zip(("raises", "lowers"), signs, strict=True):
        for pattern in patterns or []:
            matrix = _trimmed(np.asarray(pattern.sequence, np.float32))
            found.append(
                {
                    "pattern": f"{effect}_{len(found) + 1}",
                    "effect": effect,
                    "seqlets": len(pattern.seqlets),
                    "consensus": "".join("ACGT"[i] for i in matrix.argmax(axis=1)),
                    "matrix": matrix,
                }
            )
    return found


def read_motifs(path: Path) -> dict[str, Floats]:
    """Motifs of a MEME file: name -> (4, W) base frequencies."""
    try:
        from memelite.io import read_meme
    except ImportError as error:
        raise UserError("not installed: pip install 'gexpipe[motifs]'", "memelite") from error
    try:
        motifs = read_meme(str(require(path, "motif database")))
    except (ValueError, AttributeError, IndexError) as error:
        raise UserError(f"no motifs in MEME format: {error}", path) from error
    if not motifs:
        raise UserError("no motif; expected a file in MEME format", path)
    return motifs


def match(found: list[dict[str, Any]], database: dict[str, Floats]) -> pd.DataFrame:
    """Patterns beside the motif of a database that is most alike (TOMTOM's p-value).

    Parameters
    ----------
    found : list of dict
        See `find_motifs`.
    database : dict
        See `read_motifs`; empty for none. A p-value means little with fewer than 25 motifs.

    Returns
    -------
    DataFrame
        `COLUMNS`.
    """
    table = pd.DataFrame(found, columns=[*COLUMNS[:4], "matrix"])
    best, p_value = [""] * len(table), np.full(len(table), np.nan)
    if len(table) and database:
        from memelite import tomtom

        names = list(database)
        queries = [np.asarray(m, np.float64).T for m in table["matrix"]]
        alike = tomtom(queries, [database[name] for name in names], n_jobs=1)[0]
        best = [names[i] for i in np.argmin(alike, axis=1)]
        p_value = np.min(alike, axis=1)
    return table.assign(match=best, p_value=p_value)[COLUMNS]
