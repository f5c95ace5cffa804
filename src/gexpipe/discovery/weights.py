"""Prism's learned weights of the signals, gene by gene (its figure 5)."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray

from gexpipe.data.batches import Genes
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.models.base import ExpressionModel
from gexpipe.models.prism import Prism

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["draw_weights", "learned_weights"]


@torch.inference_mode()
def learned_weights(
    model: ExpressionModel, data: Genes, rows: NDArray[np.int64], size: int
) -> NDArray[np.float32]:
    """Weights of the embedded signals, (rows, n_context, d_model), each in 0..1.

    Raises
    ------
    UserError
        For another method than Prism, or Prism without intervention.
    """
    if not isinstance(model, Prism) or model.weight_generator is None:
        raise UserError("this method learns no weights of signals; Prism does", "--checkpoint")
    device = next(model.parameters()).device
    model.eval()
    parts = []
    for first in range(0, len(rows), size):
        batch = data.batch(np.asarray(rows[first : first + size])).to(device).dense()
        parts.append(model.weight_generator(batch.signals)[0].float().cpu().numpy())
    return np.concatenate(parts).transpose(0, 2, 1)


def draw_weights(weights: NDArray[np.float32], names: list[str], title: str, out: Path) -> None:
    """Draw weights as a heat map, a row a gene and state, to PNG.

    Parameters
    ----------
    weights : ndarray
        (genes, n_context, d_model).
    names : list of str
        Genes.
    title : str
        Above the map.
    out : Path
        PNG.
    """
    genes, states, width = weights.shape
    figure, axis = plt.subplots(figsize=(10, 1.5 + 0.22 * genes * states), layout="constrained")
    image = axis.imshow(
        weights.reshape(genes * states, width), aspect="auto", vmin=0, vmax=1, cmap="viridis",
        interpolation="nearest",
    )  # fmt: skip
    labels = [f"{name}, {state + 1}" for name in names for state in range(states)]
    axis.set_yticks(np.arange(genes * states), labels, fontsize="x-small")
    for edge in range(1, genes):
        axis.axhline(edge * states - 0.5, color="white", linewidth=1.5)
    axis.set(xlabel="channel of the embedded signals", title=title)
    figure.colorbar(image, label="weight")
    with aside(out) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)
