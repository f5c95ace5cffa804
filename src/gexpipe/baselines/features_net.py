"""Training of EPInformer on element features without sequence."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gexpipe.baselines.features import log_activity
from gexpipe.log import get_logger, progress
from gexpipe.methods.published import EPInformerFeaturesOptions
from gexpipe.models.epinformer_features import EPInformerFeatures

__all__ = ["NetworkData", "TrainOptions", "element_features", "fit_network"]

logger = get_logger(__name__)

ELEMENT_FEATURES = ("log_distance", "log_contact", "log_activity", "log_product", "downstream")


@dataclass(frozen=True)
class TrainOptions:
    """How the network is trained; chosen on the validation genes of the real K562 table.

    Attributes
    ----------
    learning_rate : float
        Peak of a one-cycle schedule (a tenth of the steps rise, the rest fall along a cosine).
    weight_decay : float
        Decoupled, of AdamW.
    batch_size, epochs, patience : int
        Genes a step; most epochs; epochs without a better validation MSE before it stops.
    average : float
        Weights used for prediction are an exponential average over steps with this memory.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 64
    epochs: int = 20
    patience: int = 6
    average: float = 0.998


def element_features(elements: pd.DataFrame, examples: pd.DataFrame) -> np.ndarray:
    """Numbers of every row of the element table.

    Parameters
    ----------
    elements : DataFrame
        gene_id, start, end, distance_kb, contact_log, activity.
    examples : DataFrame
        gene_id, tss, strand.

    Returns
    -------
    ndarray
        (rows, 5) float64: log10 distance (kb), log10(0.001 + contact), log10(0.1 + activity),
        log10(0.01 + activity x contact), and 1 downstream of the TSS, -1 upstream, 0 without a
        strand.
    """
    contact = 10.0 ** elements["contact_log"].to_numpy() - 1.0
    activity = elements["activity"].to_numpy()
    genes = examples.set_index("gene_id").loc[elements["gene_id"]]
    sign = genes["strand"].map({"+": 1.0, "-": -1.0}).fillna(0.0).to_numpy()
    middle = (elements["start"] + elements["end"]).to_numpy() / 2.0
    away = middle - genes["tss"].to_numpy()
    # An element at the farthest distance may be blank: its distance is given as 0.
    distance = elements["distance_kb"].to_numpy()
    distance = np.where(distance > 0, distance, np.abs(away) / 1000.0)
    return np.column_stack(
        [
            np.log10(distance),
            np.log10(1e-3 + contact),
            log_activity(activity),
            np.log10(1e-2 + activity * contact),
            sign * np.sign(away),
        ]
    )


@dataclass(frozen=True)
class NetworkData:
    """Inputs of all genes, standardised on the training genes.

    Attributes
    ----------
    gene : Tensor
        (G, F) float32.
    elements : Tensor
        (G, E, K) float32, zero in unused slots.
    used : Tensor
        (G, E) bool.
    """

    gene: Tensor
    elements: Tensor
    used: Tensor

    @classmethod
    def build(
        cls,
        features: pd.DataFrame,
        elements: pd.DataFrame,
        examples: pd.DataFrame,
        train: NDArray[np.int64],
    ) -> NetworkData:
        """Arrange tables as tensors.

        Parameters
        ----------
        features : DataFrame
            (G, F) gene features.
        elements, examples : DataFrame
            See `element_features`; ``examples`` has one row per gene.
        train : ndarray
            Rows whose mean and standard deviation are used for all.
        """
        gene = _standardise(features.to_numpy(np.float64), train)
        number = pd.Series(np.arange(len(examples)), index=examples["gene_id"])
        mine = elements[elements["gene_id"].isin(number.index)]
        owner = number.loc[mine["gene_id"]].to_numpy()
        rank = mine["rank"].to_numpy()
        values = element_features(mine, examples)
        slots = int(rank.max(initial=-1)) + 1
        block = np.zeros((len(gene), slots, values.shape[1]), dtype=np.float32)
        used = np.zeros((len(gene), slots), dtype=bool)
        block[owner, rank] = _standardise(values, np.flatnonzero(np.isin(owner, train)))
        used[owner, rank] = True
        return cls(torch.from_numpy(gene), torch.from_numpy(block), torch.from_numpy(used))

    def rows(self, which: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of some genes."""
        return self.gene[which], self.elements[which], self.used[which]


def _standardise(values: np.ndarray, train: NDArray[np.int64]) -> np.ndarray:
    if len(train) == 0:
        return values.astype(np.float32)
    spread = values[train].std(axis=0)
    centred = values - values[train].mean(axis=0)
    return (centred / np.where(spread > 0, spread, 1.0)).astype(np.float32)


def fit_network(
    data: NetworkData,
    target: NDArray[np.float64],
    rows: dict[str, NDArray[np.int64]],
    seed: int,
    options: TrainOptions | None = None,
    sizes: EPInformerFeaturesOptions | None = None,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Train one network on the training genes, keep the epoch of lowest validation MSE.

    Parameters
    ----------
    data : NetworkData
        Inputs of all genes.
    target : ndarray
        (G,) float64; NaN where unknown.
    rows : dict
        train, valid -> rows.
    seed : int
        Weights, dropout and order of the genes; the result is a function of it.
    options, sizes
        Training and network; the defaults are those of the K562 table.
    threads : int
        Torch threads.

    Returns
    -------
    ndarray
        (G,) float64 predictions of the averaged weights of the best epoch.
    """
    options = options or TrainOptions()
    sizes = sizes or EPInformerFeaturesOptions()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    known = torch.from_numpy(np.nan_to_num(target).astype(np.float32))
    network = EPInformerFeatures(data.gene.shape[1], data.elements.shape[2], sizes)
    network.start_at(float(known[rows["train"]].mean()))
    averaged = copy.deepcopy(network).eval()
    best, weights, waited = np.inf, averaged.state_dict(), 0
    steps = _Steps(network, averaged, options, len(rows["train"]))
    order = np.random.default_rng(seed)
    for epoch in progress(range(options.epochs), "network"):
        steps.epoch(data, known, order.permutation(rows["train"]))
        error = predict(averaged, data)[rows["valid"]] - target[rows["valid"]]
        mse = float(np.mean(error**2))
        logger.debug("epoch %d: validation MSE %.4f", epoch, mse)
        if mse < best:
            best, weights, waited = mse, copy.deepcopy(averaged.state_dict()), 0
        elif (waited := waited + 1) >= options.patience:
            break
    averaged.load_state_dict(weights)
    return predict(averaged, data)


class _Steps:
    """Optimiser, schedule and averaged weights of one training."""

    def __init__(
        self, network: nn.Module, averaged: nn.Module, options: TrainOptions, genes: int
    ) -> None:
        self.network, self.averaged, self.options = network, averaged, options
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        steps = max(-(-genes // options.batch_size) * options.epochs, 2)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, options.learning_rate, total_steps=steps, pct_start=0.1
        )

    def epoch(self, data: NetworkData, target: Tensor, order: NDArray[np.int64]) -> None:
        """One pass over the genes in the given order."""
        self.network.train()
        for batch in torch.from_numpy(order).split(self.options.batch_size):
            loss = nn.functional.mse_loss(self.network(*data.rows(batch)), target[batch])
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            self._average()

    @torch.no_grad()
    def _average(self) -> None:
        pairs = zip(self.averaged.parameters(), self.network.parameters(), strict=True)
        for kept, new in pairs:
            kept.lerp_(new, 1.0 - self.options.average)


@torch.no_grad()
def predict(network: nn.Module, data: NetworkData, batch: int = 2048) -> NDArray[np.float64]:
    """(G,) float64 predictions in evaluation mode."""
    network.eval()
    everyone = torch.arange(len(data.gene))
    parts = [network(*data.rows(some)) for some in everyone.split(batch)]
    return torch.cat(parts).double().numpy()
