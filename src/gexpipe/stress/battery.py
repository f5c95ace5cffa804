"""The battery: a trained model is shown changed genes, and answers beside what is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gexpipe.batch import Batch
from gexpipe.data.batches import Genes, chunks, take
from gexpipe.data.windows import CONTACT
from gexpipe.discovery.element_scores import repeated
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.base import ExpressionModel
from gexpipe.stress.edits import Piece, View
from gexpipe.stress.truth import Sites, Truth

__all__ = ["Asked", "answers", "is_turned", "marks_of", "predicted", "windowed"]

SHIFT = 150  # bp that tracks are shifted by, one way and the other
# Enhancers that are planted elsewhere: of the middle of the activities, strong ones.
STRONG = (0.5, 0.95)
PER_PASS = 32  # windows a forward pass

Change = Callable[[View, int, np.random.Generator], None]


@dataclass(frozen=True)
class Asked:
    """One change of one gene.

    Attributes
    ----------
    test, group : str
        What is asked; of which elements or tracks.
    true : float
        By how much expression falls, log10 units.
    change : callable
        Makes it in a row of a `View`.
    distance : int
        Of the element from the TSS, bp.
    """

    test: str
    group: str
    true: float
    change: Change = field(repr=False)
    distance: int = 0


def answers(
    model: ExpressionModel,
    data: Genes,
    truth: Truth,
    config: MethodConfig,
    rows: NDArray[np.int64],
    links: pd.DataFrame | None,
    seed: int,
) -> pd.DataFrame:
    """What a model says to every change of single genes.

    Parameters
    ----------
    model, data, config
        A trained method and its data set.
    truth : Truth
        Of the cell type of the data.
    rows : ndarray
        Genes.
    links : DataFrame, optional
        Element table in slot order (gene_id, rank, start, end), for methods that read elements.
    seed : int
        Of the random bases, and of which enhancers are planted.

    Returns
    -------
    DataFrame
        test, group, gene_id, distance, predicted, true: losses in log10 units. Of pairs: by how
        much the loss of both exceeds the sum of the losses of each.
    """
    device = next(model.parameters()).device
    model.eval()
    order = _orders(links)
    table, first = data.table, int(config.declared.reads == "windows")
    donors = list(_donors(data, truth, config, rows)) if windowed(config) else []
    found = []
    for row in rows:
        gene = str(data.gene_ids[row])
        draw = np.random.default_rng([seed, int(row)])
        own = data.batch(np.array([row])).to(device).dense()
        spans = order.get(gene, np.empty((0, 2), np.int64)) - int(table["tss"].iloc[row])
        asked = list(_changes(gene, truth, config, donors, draw))
        # Row 0 stays as it is.
        copies = repeated(own, len(asked) + 1)
        view = View(copies, marks_of(config), is_turned(data, config, row), spans, first)
        for number, item in enumerate(asked, start=1):
            item.change(view, number, draw)
        level = predicted(model, view.batch)
        for number, item in enumerate(asked, start=1):
            lost = level[0] - level[number]
            found.append((item.test, item.group, gene, item.distance, lost, item.true))
    columns = ["test", "group", "gene_id", "distance", "predicted", "true"]
    return _with_pairs(pd.DataFrame(found, columns=columns))


@torch.inference_mode()
def predicted(model: ExpressionModel, batch: Batch) -> NDArray[np.float64]:
    """Predictions of a dense batch, in parts that fit."""
    parts = [
        model(take(batch, part)).prediction for part in chunks(np.arange(len(batch)), PER_PASS)
    ]
    return torch.cat(parts).double().cpu().numpy()


def marks_of(config: MethodConfig) -> list[int]:
    """Channels of the signals that are measured along the window: all but contact."""
    return [i for i, name in enumerate(config.inputs.signals) if name != CONTACT]


def is_turned(data: Genes, config: MethodConfig, row: int) -> bool:
    """Whether a method is given a gene's window from the other strand."""
    return config.inputs.strand == "gene" and data.table["strand"].iloc[row] == "-"


def windowed(config: MethodConfig) -> bool:
    """Whether a method reads the window itself, not only a table of elements."""
    return config.declared.reads == "windows" and not config.inputs.elements


def _orders(links: pd.DataFrame | None) -> dict[str, NDArray[np.int64]]:
    """gene_id -> (E, 2) start and end of the elements in its slots."""
    if links is None:
        return {}
    return {
        str(gene): part.sort_values("rank")[["start", "end"]].to_numpy(np.int64)
        for gene, part in links.groupby("gene_id", sort=False)
    }


def _donors(
    data: Genes, truth: Truth, config: MethodConfig, rows: NDArray[np.int64]
) -> Iterator[tuple[Piece, float]]:
    """Strong enhancers of these genes with their activity, to be planted in others."""
    activity = np.concatenate(
        [s.activity[s.kind == "acting"] for s in truth.sites.values()] or [np.empty(0)]
    )
    if not len(activity):
        return
    low, high = np.quantile(activity, STRONG)
    for row in rows:
        sites = truth.sites[str(data.gene_ids[row])]
        for i in np.flatnonzero((sites.activity >= low) & (sites.activity <= high)):
            own = data.batch(np.array([row])).dense()
            turned = is_turned(data, config, row)
            view = View(own, marks_of(config), turned, np.empty((0, 2)))
            piece = view.cut(int(sites.offset[i]))
            if piece is not None:
                yield piece, float(sites.activity[i])


def _changes(
    gene: str,
    truth: Truth,
    config: MethodConfig,
    donors: list[tuple[Piece, float]],
    draw: np.random.Generator,
) -> Iterator[Asked]:
    """Everything that is asked of one gene."""
    sites = truth.sites[gene]
    before = truth.level(gene, sites)

    def lost(after: Sites) -> float:
        return before - truth.level(gene, after)

    for i, offset in enumerate(sites.offset.tolist()):
        group = str(sites.kind[i])
        if group != "silent":
            yield Asked("remove", group, lost(sites.without(i)), _removing(offset), abs(offset))
    yield from _pairs(gene, sites, truth, lost)
    if windowed(config):
        yield from _empty(sites, truth)
        yield from _planted(gene, sites, truth, donors, draw, lost)
        for by in (SHIFT, -SHIFT) if marks_of(config) else ():
            yield Asked("shift", "marks", 0.0, _shifting(by))
    yield from _confounded(sites, truth, config)


def _removing(*offsets: int) -> Change:
    def change(view: View, row: int, draw: np.random.Generator) -> None:
        for offset in offsets:
            view.remove(row, offset, draw)

    return change


def _planting(offset: int, piece: Piece) -> Change:
    return lambda view, row, _: view.plant(row, offset, piece)


def _shifting(by: int) -> Change:
    return lambda view, row, _: view.shift(row, by)


def _dropping(channel: int) -> Change:
    return lambda view, row, _: view.drop(row, channel)


def _silencing(offset: int, channel: int) -> Change:
    return lambda view, row, _: view.silence(row, offset, channel)


def _pairs(
    gene: str, sites: Sites, truth: Truth, lost: Callable[[Sites], float]
) -> Iterator[Asked]:
    """Both acting elements of a slot at once; `_with_pairs` takes the single losses off."""
    for slot, logic in enumerate(truth.model["logic"]):
        here = np.flatnonzero((sites.slot == slot) & (sites.kind == "acting"))
        if len(here) == 2:
            both = [int(x) for x in sites.offset[here]]
            strength = sites.activity[here] * truth.contact(gene, sites.offset[here])
            weaker = int(here[np.argmin(strength)])
            yield Asked(f"both:{slot}", logic, lost(sites.without(*here)), _removing(*both))
            for i in here:
                alone = _removing(int(sites.offset[i]))
                which = "weaker" if int(i) == weaker else "stronger"
                yield Asked(f"{which}:{slot}", logic, lost(sites.without(int(i))), alone)


def _free(sites: Sites, truth: Truth) -> Iterator[tuple[int, int, list[int]]]:
    """Slots of a gene without any element: number, side, (low, high) distance."""
    for slot, (low, high) in enumerate(truth.slots):
        for side in (-1, 1):
            if not ((sites.slot == slot) & (np.sign(sites.offset) == side)).any():
                yield slot, side, [low, high]


def _empty(sites: Sites, truth: Truth) -> Iterator[Asked]:
    """Stretches without an element, removed like one: what the change itself does to a model."""
    for _, side, (low, high) in _free(sites, truth):
        at = side * (low + high) // 2
        yield Asked("remove", "empty", 0.0, _removing(at), abs(at))


def _planted(
    gene: str,
    sites: Sites,
    truth: Truth,
    donors: list[tuple[Piece, float]],
    draw: np.random.Generator,
    lost: Callable[[Sites], float],
) -> Iterator[Asked]:
    """One enhancer, planted on one side of the gene at every distance that is free."""
    if not donors or truth.genes.at[gene, "special"] == "promoter_only":
        return
    piece, activity = donors[int(draw.integers(len(donors)))]
    wanted = int(draw.choice([-1, 1]))
    for slot, side, ends in _free(sites, truth):
        for distance in ends if side == wanted else []:
            after = sites.added(side * distance, slot, activity)
            yield Asked(
                "plant", f"slot {slot}", lost(after), _planting(side * distance, piece), distance
            )


def _confounded(sites: Sites, truth: Truth, config: MethodConfig) -> Iterator[Asked]:
    """Tracks that change nothing: a copy of a cause, at an enhancer; an effect, as a whole."""
    for channel, name in enumerate(config.inputs.signals):
        kind = truth.model["tracks"].get(name)
        if kind == "effect":
            yield Asked("confounded", kind, 0.0, _dropping(channel))
        if kind == "cause":
            for offset in sites.offset[sites.kind == "acting"].tolist():
                yield Asked("confounded", kind, 0.0, _silencing(offset, channel), abs(offset))


def _with_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Pairs as what the loss of both has beyond the sum of the single losses."""
    role, _, slot = table["test"].str.partition(":").T.to_numpy()
    single = np.isin(role, ["weaker", "stronger"])
    singles = table[single].assign(slot=slot[single])
    both = table[role == "both"].assign(slot=slot[role == "both"])
    sums = singles.groupby(["gene_id", "slot"])[["predicted", "true"]].sum()
    alone = sums.reindex(pd.MultiIndex.from_frame(both[["gene_id", "slot"]]))
    both = both.assign(test="pair")
    for name in ("predicted", "true"):
        both[name] = both[name].to_numpy() - alone[name].to_numpy()
    weaker = singles[singles["test"].str.startswith("weaker")].assign(test="weaker")
    rest = table[~single & (role != "both")]
    return pd.concat([rest, both, weaker], ignore_index=True)[list(table.columns)]
