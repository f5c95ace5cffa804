"""Whole inputs changed: tracks that are missing, contact and marks of another gene or cell type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from gexpipe.batch import N_CODE, Batch, Elements
from gexpipe.data.batches import Genes
from gexpipe.data.windows import CONTACT
from gexpipe.discovery.element_scores import repeated
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.base import ExpressionModel
from gexpipe.stress.battery import is_turned, marks_of, predicted, windowed
from gexpipe.stress.edits import View
from gexpipe.stress.truth import Sites, Truth

__all__ = ["whole_answers"]

Row = tuple[str, str, str, int, float, float]
# What is missing, in the columns of a table of elements: name -> columns, by what a method reads.
_COLUMNS = {
    "windows": {"contact": [1], "activity": [2]},
    "gene_features": {"contact": [1, 3], "activity": [2, 3]},
}


def whole_answers(
    model: ExpressionModel,
    data: Genes,
    other: Genes | None,
    truths: tuple[Truth, Truth | None],
    config: MethodConfig,
    rows: NDArray[np.int64],
    seed: int,
) -> pd.DataFrame:
    """What a model says when an input of all genes is changed.

    Parameters
    ----------
    other : Genes, optional
        The same genes in another cell type.
    truths : tuple
        Of the cell type, and of the other one.

    Returns
    -------
    DataFrame
        test, group, gene_id, distance (0), predicted, true. ``expression``: the prediction and what
        was observed. ``missing``: squared error without an input, and with it. ``contact``,
        ``cell``: by how much expression falls, log10 units.
    """
    device = next(model.parameters()).device
    model.eval()
    genes = [str(data.gene_ids[row]) for row in rows]
    stored = data.batch(rows).to(device)
    own = stored.dense()
    level, observed = predicted(model, own), own.target.double().cpu().numpy()
    found: list[Row] = [
        ("expression", "all", gene, 0, *pair)
        for gene, *pair in zip(genes, level.tolist(), observed.tolist(), strict=True)
    ]
    draw = np.random.default_rng([seed, len(rows)])
    error = (level - observed) ** 2
    for name, batch in _missing(own, config, draw):
        worse = (predicted(model, batch) - observed) ** 2
        found += [
            ("missing", name, gene, 0, float(a), float(b))
            for gene, a, b in zip(genes, worse, error, strict=True)
        ]
    if windowed(config) and CONTACT in config.inputs.signals and truths[0].curves:
        order = draw.permutation(len(rows))
        partner = np.empty(len(rows), np.int64)
        partner[order] = np.roll(order, 1)  # one ring: nobody keeps its own
        lost = level - predicted(model, _exchanged(stored, partner).dense())
        for i, gene in enumerate(genes):
            truth, sites = truths[0], truths[0].sites[gene]
            true = truth.level(gene, sites) - truth.level(gene, sites, genes[partner[i]])
            found.append(("contact", "all", gene, 0, float(lost[i]), true))
    if other is not None and truths[1] is not None and (marks_of(config) or own.elements):
        found += _cells(model, data, other, (truths[0], truths[1]), config, rows)
    columns = ["test", "group", "gene_id", "distance", "predicted", "true"]
    return pd.DataFrame(found, columns=columns)


def _missing(
    own: Batch, config: MethodConfig, draw: np.random.Generator
) -> Iterator[tuple[str, Batch]]:
    """Batches without one input: a signal zero, bases random, features of another gene."""
    for channel, name in enumerate(config.inputs.signals):
        signals = own.signals.clone()
        signals[:, channel] = 0
        yield name, replace(own, signals=signals)

    def random(codes: Tensor) -> Tensor:
        drawn = torch.from_numpy(draw.integers(0, 4, tuple(codes.shape), dtype=np.uint8))
        return torch.where(codes == N_CODE, codes, drawn.to(codes.device))

    if windowed(config):
        yield "sequence", replace(own, codes=random(own.codes))
    if own.elements is not None:
        codes, features = own.elements.codes, own.elements.features
        if codes.numel():
            yield "sequence", replace(own, elements=Elements(random(codes), features))
        for name, columns in _COLUMNS.get(config.declared.reads, {}).items():
            changed = features.clone()
            changed[..., columns] = 0
            yield name, replace(own, elements=Elements(codes, changed))
    if own.features.shape[1]:
        order = torch.from_numpy(draw.permutation(len(own))).to(own.features.device)
        yield "gene features", replace(own, features=own.features[order])


def _exchanged(stored: Batch, partner: NDArray[np.int64]) -> Batch:
    """Every gene has the contact of another, bin for bin from the TSS' own bin."""
    assert stored.contact is not None and stored.contact_start is not None
    middle = (stored.codes.shape[1] // 2 + stored.contact_start) // stored.resolution
    rows = [
        stored.contact[j].roll(int(middle[i] - middle[j])) for i, j in enumerate(partner.tolist())
    ]
    return replace(stored, contact=torch.stack(rows))


def _cells(
    model: ExpressionModel,
    data: Genes,
    other: Genes,
    truths: tuple[Truth, Truth],
    config: MethodConfig,
    rows: NDArray[np.int64],
) -> list[Row]:
    """Elements have the marks of another cell type; promoter and gene features stay as they are."""
    device, found = next(model.parameters()).device, []
    here, there = truths
    for row in rows:
        gene = str(data.gene_ids[row])
        own = data.batch(np.array([row])).to(device).dense()
        theirs = other.batch(np.array([row])).to(device).dense()
        sites, changed = here.sites[gene], there.sites[gene]
        if own.elements is not None:
            batch = _with_elements(repeated(own, 2), theirs)
            after = there.level(gene, changed)
        else:
            view = View(repeated(own, 2), marks_of(config), is_turned(data, config, row), _NONE)
            for offset in sites.offset.tolist():
                view.swap(1, offset, theirs)
            batch = view.batch
            after = here.level(
                gene, Sites(sites.offset, sites.slot, changed.activity, changed.kind)
            )
        level = predicted(model, batch)
        true = here.level(gene, sites) - after
        found.append(("cell", "all", gene, 0, float(level[0] - level[1]), true))
    return found


_NONE = np.empty((0, 2), np.int64)


def _with_elements(both: Batch, theirs: Batch) -> Batch:
    """Row 1 has the elements of another cell type, in as many slots as both have."""
    assert both.elements is not None and theirs.elements is not None
    codes, features = both.elements.codes, both.elements.features
    slots = min(codes.shape[1], theirs.elements.codes.shape[1])
    codes[1], features[1] = (N_CODE, 0)
    codes[1, :slots] = theirs.elements.codes[0, :slots]
    features[1, :slots] = theirs.elements.features[0, :slots]
    return both
