"""Linear regression and gradient-boosted trees on the gene features."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gexpipe.errors import UserError

__all__ = ["MODELS", "fit_predict"]

MODELS = ("linear", "boosted")

# A slow rate with features drawn per split; the validation genes decide how many trees are kept.
BOOSTED = {
    "learning_rate": 0.03,
    "max_iter": 1000,
    "max_features": 0.5,
    "early_stopping": True,
    "n_iter_no_change": 50,
}


def fit_predict(
    model: str,
    features: pd.DataFrame,
    target: NDArray[np.float64],
    rows: dict[str, NDArray[np.int64]],
    seed: int,
) -> NDArray[np.float64]:
    """Fit on the training genes and predict all genes.

    Parameters
    ----------
    model : {"linear", "boosted"}
        Ordinary least squares on standardised features, or histogram gradient boosting stopped
        early on the validation genes, as the networks are.
    features : DataFrame
        (G, F).
    target : ndarray
        (G,) float64; NaN where unknown (such rows are in no split).
    rows : dict
        train, valid -> row numbers.
    seed : int
        Draws the features of each split of a tree; linear regression has no chance in it.

    Returns
    -------
    ndarray
        (G,) float64.
    """
    values = features.to_numpy(np.float64)
    train, valid = rows["train"], rows["valid"]
    if model == "linear":
        linear = make_pipeline(StandardScaler(), LinearRegression())
        return linear.fit(values[train], target[train]).predict(values)
    if model == "boosted":
        trees = HistGradientBoostingRegressor(random_state=seed, **BOOSTED)
        trees.fit(values[train], target[train], X_val=values[valid], y_val=target[valid])
        return trees.predict(values)
    raise UserError(f"{model!r} is not one of {', '.join(MODELS)}", "--model")
