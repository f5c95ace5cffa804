"""Expression from what a model of others says at the TSS: as it is, or through ridge regression."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from gexpipe.errors import UserError
from gexpipe.extractors.reading import ExtractedStore
from gexpipe.extractors.tracks import chosen_tracks
from gexpipe.log import get_logger
from gexpipe.methods.extracted import RidgeOptions, TrackOptions, ZeroShotOptions

__all__ = ["PENALTIES", "fit_ridge", "ridge_features", "zero_shot"]

log = get_logger(__name__)
# Of features with variance 1; the validation genes choose.
PENALTIES = tuple(10.0**power for power in range(-2, 8))


def zero_shot(
    store: ExtractedStore, genes: pd.Series, options: ZeroShotOptions, cell: str
) -> NDArray[np.float64]:
    """(genes,) log10(1 + x) of the chosen tracks, x their sum at the TSS; nothing is fitted."""
    return np.log10(1 + _tracks(store, genes, options, cell).sum(axis=1))


def ridge_features(
    store: ExtractedStore, genes: pd.Series, options: RidgeOptions, cell: str
) -> NDArray[np.float64]:
    """(genes, features): the embedding, log10(1 + x) of the chosen (or all) tracks, or both."""
    parts = []
    if options.features in ("embedding", "both"):
        parts.append(store.read("embedding", genes.tolist()).astype(np.float64))
    if options.features in ("tracks", "both"):
        parts.append(np.log10(1 + _tracks(store, genes, options, cell)))
    return np.concatenate(parts, axis=1)


def _tracks(
    store: ExtractedStore, genes: pd.Series, options: TrackOptions, cell: str
) -> NDArray[np.float64]:
    """(genes, chosen) sums; all tracks where none is named."""
    where = f"model {store.name}"
    values = store.read("tracks", genes.tolist()).astype(np.float64)
    indices: tuple[int, ...] = options.indices
    named = [] if indices else options.named(cell)
    if not named and not indices:
        indices = tuple(range(len(store.tracks)))
    rows = chosen_tracks(store.tracks, named, indices, options.strand, where)
    taken = store.tracks.iloc[rows]
    shown = ", ".join([*taken["identifier"].head(6), *["..."] * (len(rows) > 6)])
    described = "; ".join(dict.fromkeys(taken["description"].head(6)))
    log.info("%s, %s: %d tracks: %s (%s)", store.name, cell, len(rows), shown, described)
    chosen = values[:, rows]
    if (chosen < 0).any():
        raise UserError(f"sums below 0 (the lowest {chosen.min():g}): no counts", where)
    return chosen


def fit_ridge(
    features: NDArray[np.float64],
    target: NDArray[np.float64],
    rows: dict[str, NDArray[np.int64]],
) -> NDArray[np.float64]:
    """Ridge regression on the training genes; the penalty is that of the least validation error.

    Parameters
    ----------
    features : ndarray
        (G, F) float64; standardised by the training genes.
    target : ndarray
        (G,) float64; NaN where unknown (such rows are in no split).
    rows : dict
        train, valid -> row numbers.

    Returns
    -------
    ndarray
        (G,) float64. Nothing is drawn: every seed gives the same.
    """
    train, valid = rows["train"], rows["valid"]
    values = StandardScaler().fit(features[train]).transform(features)
    fits = []
    for penalty in PENALTIES:
        predicted = Ridge(alpha=penalty).fit(values[train], target[train]).predict(values)
        error = float(np.mean((predicted[valid] - target[valid]) ** 2))
        fits.append((error, penalty, predicted))
    error, penalty, predicted = min(fits, key=lambda fit: fit[0])
    count = values.shape[1]
    log.info("ridge on %d numbers: penalty %g, validation MSE %.4f", count, penalty, error)
    if penalty in (PENALTIES[0], PENALTIES[-1]):
        log.warning("the best penalty, %g, is at the end of those that are tried", penalty)
    return predicted
