"""The generative model's own numbers, for whoever asks what a change of its inputs would do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.files import write_json
from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.contacts import expected
from gexpipe.simulate.world import World

__all__ = ["write_model"]

_BEYOND = 400  # bp beyond the outer slots that the contact curves reach


def write_model(folder: Path, config: SimulationConfig, world: World) -> None:
    """Write ``model.json`` and, where proximal elements act by contact, ``contacts.parquet``."""
    elements = config.elements
    write_json(
        folder / "model.json",
        {
            "scale": {name: float(world.truth.scale[name]) for name in ("near", "mid")},
            "slots": [elements.near_at, *elements.mid_at],
            "logic": elements.logic,
            "by_contact": elements.by_contact,
            "bin": config.contacts.resolutions[0],
            "cells": list(config.cells),
            "tracks": config.tracks,
        },
    )
    if elements.by_contact:
        _contacts(config, world).to_parquet(folder / "contacts.parquet", index=False)


def _contacts(config: SimulationConfig, world: World) -> pd.DataFrame:
    """Contact of the TSS' bin with the bins around it: gene_id, cell, offset (bins), contact."""
    size = config.contacts.resolutions[0]
    reach = -(-(config.elements.mid_at[-1][1] + _BEYOND) // size)
    offset = np.arange(-reach, reach + 1)
    parts = []
    for cell, models in world.contacts.items():
        columns = [world.genes[name] for name in ("gene_id", "chrom", "tss")]
        for gene, chrom, tss in zip(*columns, strict=True):
            model = models[chrom]
            row = np.full(len(offset), tss // size)
            column = np.clip(row + offset, 0, len(model.bias) - 1)
            contact = expected(model, config.contacts, row, column)
            head = {"gene_id": gene, "cell": cell}
            parts.append(pd.DataFrame({**head, "offset": offset, "contact": contact}))
    return pd.concat(parts, ignore_index=True)
