"""Promoters, proximal and distal elements, decoys and artefacts, with their activity per cell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.genome import (
    ACTIVATORS,
    HOUSEKEEPING,
    INSULATOR,
    MISMATCH,
    PROMOTER_MOTIFS,
    Codes,
    plant,
)
from gexpipe.simulate.random import stream

__all__ = ["draw_artefacts", "draw_elements", "plant_motifs", "stretches"]

_ARTEFACT_WIDTH = 1_200
_WIDTH = 400
_CLEAR = 4_500  # distal elements keep this far from any TSS
_ACTIVATORS = tuple(ACTIVATORS)
_HOUSEKEEPING_COPIES = 5


def stretches(config: SimulationConfig, genes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Intervals that are not ordinary sequence or signal.

    Returns
    -------
    dict
        "n": N bases; "silent": no reads; each a frame of chrom, start, end.
    """
    settings = config.genes
    rows: dict[str, list[tuple[str, int, int]]] = {"n": [], "silent": []}
    for chrom, length in config.chromosomes.items():
        rows["n"] += [(chrom, 0, settings.telomere), (chrom, length - settings.telomere, length)]
    for chrom, tss, special in zip(genes["chrom"], genes["tss"], genes["special"], strict=True):
        if special == "n_gap":
            half = settings.n_gap // 2
            rows["n"].append((chrom, tss - half, tss + half))
        elif special == "n_partial":
            rows["n"].append((chrom, tss + 300, tss + 650))
        elif special == "signal_free":
            half = settings.signal_free // 2
            rows["silent"].append((chrom, max(0, tss - half), tss + half))
    return {
        name: pd.DataFrame(value, columns=["chrom", "start", "end"]) for name, value in rows.items()
    }


def draw_elements(
    config: SimulationConfig, genes: pd.DataFrame, blocked: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """All elements of the genome.

    Returns
    -------
    DataFrame
        chrom, start, end, centre, kind (promoter, near, mid, distal), acts (False for decoys),
        gene (row of the owner in ``genes``, -1 for distal), motif (activator name, or
        "insulator"), copies (of the motif), and per cell ``activity_CELL`` (0 for decoys),
        ``open_CELL`` and ``acetylated_CELL`` (expected read level of DNase and H3K27ac).
    """
    parts = [_promoters(genes), _proximal(config, genes), _distal(config, genes)]
    elements = pd.concat(parts, ignore_index=True)
    elements["start"] = elements["centre"] - _WIDTH // 2
    elements["end"] = elements["centre"] + _WIDTH // 2
    elements = elements[~_overlaps(elements, pd.concat(blocked.values()))]
    order = {name: i for i, name in enumerate(config.chromosomes)}
    elements["number"] = elements["chrom"].map(order)
    elements = elements.sort_values(["number", "centre"], ignore_index=True).drop(columns="number")
    return pd.concat([elements, _levels(config, elements)], axis=1)


def draw_artefacts(
    config: SimulationConfig, genes: pd.DataFrame, blocked: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Blacklisted stretches: chrom, start, end; every sixth lies 1.4 kb beside a gene's TSS."""
    parts = []
    for chrom, length in config.chromosomes.items():
        rng = stream(config.seed, "artefacts", chrom)
        count = max(1, round(config.elements.artefacts_per_mb * length / 1e6))
        start = rng.integers(config.genes.telomere, length - config.genes.telomere, count)
        usual = genes.loc[(genes["chrom"] == chrom) & (genes["special"] == ""), "tss"].to_numpy()
        beside = np.arange(count) % 6 == 0
        start = np.where(beside, rng.choice(usual, count) + 1_400, start)
        parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": start + _ARTEFACT_WIDTH}))
    artefacts = pd.concat(parts, ignore_index=True)
    artefacts = artefacts[~_overlaps(artefacts, pd.concat(blocked.values()))]
    return artefacts.sort_values(["chrom", "start"], ignore_index=True)


def _promoters(genes: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chrom": genes["chrom"],
            "centre": genes["tss"],
            "kind": "promoter",
            "acts": True,
            "gene": np.arange(len(genes)),
        }
    )


def _proximal(config: SimulationConfig, genes: pd.DataFrame) -> pd.DataFrame:
    rng, chances = stream(config.seed, "proximal"), config.elements
    places = [("near", chances.near_at), *(("mid", at) for at in chances.mid_at)]
    slots = [(kind, at[0], at[1]) for kind, at in places]
    parts = []
    for side in (-1, 1):
        for kind, low, high in slots:
            draw = rng.random(len(genes))
            acting, decoy = getattr(chances, kind), getattr(chances, f"{kind}_decoy")
            used = np.flatnonzero(draw < acting + decoy)
            offset = side * rng.integers(low, high, len(genes))
            parts.append(
                pd.DataFrame(
                    {
                        "chrom": genes["chrom"].to_numpy()[used],
                        "centre": genes["tss"].to_numpy()[used] + offset[used],
                        "kind": kind,
                        "acts": draw[used] < acting,
                        "gene": used,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _distal(config: SimulationConfig, genes: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for chrom, length in config.chromosomes.items():
        rng = stream(config.seed, "distal", chrom)
        margin = config.genes.telomere + 1_000
        count = int(config.elements.distal_per_mb * length / 1e6)
        centre = np.unique(rng.integers(margin, length - margin, count) // 1_000) * 1_000 + 500
        tss = genes.loc[genes["chrom"] == chrom, "tss"].to_numpy()
        away = np.abs(centre[:, None] - tss[None, :]).min(axis=1) >= _CLEAR
        centre = centre[away]
        acts = rng.random(len(centre)) >= config.elements.distal_decoy
        parts.append(
            pd.DataFrame(
                {"chrom": chrom, "centre": centre, "kind": "distal", "acts": acts, "gene": -1}
            )
        )
    return pd.concat(parts, ignore_index=True)


def _overlaps(elements: pd.DataFrame, blocked: pd.DataFrame) -> np.ndarray:
    hit = np.zeros(len(elements), dtype=bool)
    for row in blocked.itertuples():
        inside = (elements["end"] > row.start) & (elements["start"] < row.end)
        hit |= ((elements["chrom"] == row.chrom) & inside).to_numpy()
    return hit


def _levels(config: SimulationConfig, elements: pd.DataFrame) -> pd.DataFrame:
    rng, size = stream(config.seed, "levels"), len(elements)
    acts, promoter = elements["acts"].to_numpy(), (elements["kind"] == "promoter").to_numpy()
    motif = rng.integers(0, len(_ACTIVATORS), size)
    copies = rng.integers(1, 6, size)
    shared = rng.normal(size=size)
    acetylated_decoy = rng.random(size) < config.elements.decoy_acetylated
    names = np.array(_ACTIVATORS, dtype=object)[motif]
    table = {"motif": np.where(acts, names, "insulator"), "copies": copies}
    for cell, settings in config.cells.items():
        own = stream(config.seed, "levels", cell)
        strength = np.array([settings.activators[name] for name in _ACTIVATORS])[motif]
        activity = strength * copies / 3 * np.exp(0.25 * own.normal(size=size))
        at_promoter = np.exp(0.6 * shared + 0.5 * own.normal(size=size))
        at_promoter *= np.where(own.random(size) < 0.85, 1.0, 0.03)
        activity = np.where(promoter, at_promoter, activity)
        decoy = np.exp(0.5 * shared) * (own.random(size) < 0.8)
        wobble = np.exp(0.2 * own.normal(size=(2, size)))
        table[f"activity_{cell}"] = np.where(acts, activity, 0.0)
        table[f"open_{cell}"] = np.where(acts, activity, decoy) * wobble[0]
        table[f"acetylated_{cell}"] = np.where(acts, activity, decoy * acetylated_decoy) * wobble[1]
    return pd.DataFrame(table, index=elements.index)


def plant_motifs(
    config: SimulationConfig,
    genome: Mapping[str, Codes],
    genes: pd.DataFrame,
    elements: pd.DataFrame,
) -> np.ndarray:
    """Write the elements' motifs and the promoters' own motifs into the genome, in place.

    Returns
    -------
    ndarray
        (genes,) int64: number of promoter motifs planted within 250 bp of each TSS.
    """
    rng = stream(config.seed, "motifs")
    distant = elements[elements["kind"] != "promoter"]
    consensus = {**ACTIVATORS, "insulator": INSULATOR}
    columns = [distant[name] for name in ("chrom", "centre", "motif", "copies")]
    for chrom, centre, motif, copies in zip(*columns, strict=True):
        for _ in range(copies):
            plant(rng, genome[chrom], consensus[motif], centre, 120, MISMATCH)
    counts = rng.integers(0, 9, len(genes))
    for chrom, tss, count in zip(genes["chrom"], genes["tss"], counts, strict=True):
        for _ in range(count):
            motif = PROMOTER_MOTIFS[int(rng.integers(len(PROMOTER_MOTIFS)))]
            plant(rng, genome[chrom], motif, int(tss), 240, MISMATCH)
    alone = genes[genes["special"] == "promoter_only"]
    for chrom, tss in zip(alone["chrom"], alone["tss"], strict=True):
        for _ in range(_HOUSEKEEPING_COPIES):
            plant(rng, genome[chrom], HOUSEKEEPING, int(tss), 120, MISMATCH)
    return counts
