"""Expected and observed contacts: power-law decay, domains, loops, bin biases, Poisson counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.simulate.config import ContactConfig, SimulationConfig
from gexpipe.simulate.random import stream

__all__ = ["ContactModel", "Pixels", "coarsen", "contact_model", "expected", "observed"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pixels:
    """Upper-triangle counts of one chromosome at one resolution.

    Attributes
    ----------
    bins : int
        Number of bins of the chromosome.
    row, column : ndarray
        (n,) int64 bin numbers within the chromosome, row <= column, sorted by (row, column).
    count : ndarray
        (n,) int64, all positive.
    """

    bins: int
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True)
class ContactModel:
    """What decides the contacts of one chromosome in one cell, in bins of the finest resolution.

    Attributes
    ----------
    domain : ndarray
        (bins,) int64 number of the domain a bin lies in.
    bias : ndarray
        (bins,) visibility of a bin; near zero when masked.
    loops : ndarray
        (n, 2) int64 looped bin pairs, smaller bin first.
    """

    domain: NDArray[np.int64]
    bias: Floats
    loops: NDArray[np.int64]


def contact_model(
    config: SimulationConfig, cell: str, chrom: str, genes: pd.DataFrame, pairs: pd.DataFrame
) -> ContactModel:
    """Draw domains (shared by the cells), biases and loops (of the cell).

    Parameters
    ----------
    genes : DataFrame
        Genes of the chromosome; ``low_contact`` ones get bins with next to no coverage.
    pairs : DataFrame
        Candidate loops of the chromosome: tss, centre (bp).
    """
    settings, size = config.contacts, config.contacts.resolutions[0]
    bins = -(-config.chromosomes[chrom] // size)
    shared = stream(config.seed, "domains", chrom)
    low, high = settings.domains
    widths = shared.integers(low, high, config.chromosomes[chrom] // low + 1)
    domain = np.searchsorted(np.cumsum(widths) // size, np.arange(bins), side="right")
    own = stream(config.seed, "contacts", cell, chrom)
    bias = np.exp(0.25 * own.normal(size=bins))
    bias[own.random(bins) < settings.masked] = 1e-3
    edge = config.genes.telomere // size
    bias[:edge] = bias[bins - edge :] = 0.0
    for tss in genes.loc[genes["special"] == "low_contact", "tss"]:
        bias[max(0, tss // size - 1) : tss // size + 2] = 1e-4
    chosen = pairs[own.random(len(pairs)) < settings.loop_fraction]
    ends = np.sort(chosen[["tss", "centre"]].to_numpy() // size, axis=1)
    return ContactModel(domain, bias, np.unique(ends.astype(np.int64).reshape(-1, 2), axis=0))


def expected(
    model: ContactModel, settings: ContactConfig, row: NDArray[np.int64], column: NDArray[np.int64]
) -> Floats:
    """Contact of bin pairs relative to a bin with itself, without bias; same shape as ``row``."""
    value = (np.abs(row - column) + 1.0) ** -settings.gamma
    crossed = np.minimum(np.abs(model.domain[row] - model.domain[column]), 2)
    value = value * settings.insulation**crossed
    bins = len(model.bias)
    key = np.minimum(row, column) * bins + np.maximum(row, column)
    looped = np.isin(key, model.loops[:, 0] * bins + model.loops[:, 1])
    return value * np.where(looped, settings.loop, 1.0)


def observed(rng: np.random.Generator, model: ContactModel, settings: ContactConfig) -> Pixels:
    """Poisson counts of the upper triangle."""
    bins = len(model.bias)
    row, column = np.triu_indices(bins)
    mean = expected(model, settings, row, column) * model.bias[row] * model.bias[column]
    count = rng.poisson(settings.depth * mean)
    seen = count > 0
    return Pixels(bins, row[seen], column[seen], count[seen])


def coarsen(pixels: Pixels, factor: int) -> Pixels:
    """Add up bins in groups of ``factor``."""
    if factor == 1:
        return pixels
    bins = -(-pixels.bins // factor)
    key = pixels.row // factor * bins + pixels.column // factor
    unique, place = np.unique(key, return_inverse=True)
    count = np.bincount(place, pixels.count).astype(np.int64)
    return Pixels(bins, unique // bins, unique % bins, count)
