"""What a simulated genome says of a change: the elements around each gene, and what they add."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.discovery.pairs import pairs_in_windows
from gexpipe.errors import UserError
from gexpipe.files import read_json
from gexpipe.simulate.logic import share, slot_of
from gexpipe.tabular import read_parquet

__all__ = ["Sites", "Truth", "read_truth"]

Floats = NDArray[np.float64]
_MADE = "made by an earlier gexpipe simulate? Simulate again"


@dataclass(frozen=True)
class Sites:
    """The elements in the slots of one gene, E of them, by position.

    Attributes
    ----------
    offset : ndarray
        (E,) middle of the element minus the TSS, bp, forward strand.
    slot : ndarray
        (E,) 0 near, 1 inner, 2 outer.
    activity : ndarray
        (E,) what counts for expression; 0 for elements that do not act here.
    kind : ndarray
        (E,) ``acting``; ``decoy`` (open, acts nowhere); ``idle`` (of a promoter-only gene);
        ``silent`` (closed in this cell type).
    """

    offset: NDArray[np.int64]
    slot: NDArray[np.int64]
    activity: Floats
    kind: NDArray[np.object_]

    def added(self, offset: int, slot: int, activity: float) -> Sites:
        """The same with one acting element more."""
        return Sites(
            np.append(self.offset, offset),
            np.append(self.slot, slot),
            np.append(self.activity, activity),
            np.append(self.kind, "acting"),
        )

    def without(self, *gone: int) -> Sites:
        """The same without the activity of some elements."""
        activity = self.activity.copy()
        activity[list(gone)] = 0.0
        return Sites(self.offset, self.slot, activity, self.kind)


@dataclass(frozen=True)
class Truth:
    """The generative model of one cell type.

    Attributes
    ----------
    cell : str
        Cell type.
    model : dict
        ``model.json`` of the simulation: scale, slots, logic, bin, tracks.
    genes : DataFrame
        Index gene_id; tss, special and the components of expression, log10 units.
    sites : dict
        gene_id -> its elements.
    curves : dict
        gene_id -> (2 k + 1,) contact of the TSS' bin with the bins around it; empty where contact
        does not matter.
    """

    cell: str
    model: dict[str, Any]
    genes: pd.DataFrame
    sites: dict[str, Sites]
    curves: dict[str, Floats]

    @property
    def slots(self) -> list[list[int]]:
        """Distances of the near, inner and outer slots, bp: low, high."""
        return self.model["slots"]

    def contact(self, gene: str, offset: NDArray[np.int64], donor: str = "") -> Floats:
        """Contact of a gene's TSS with places around it; of another gene's, bin for bin."""
        if not self.curves:
            return np.ones(len(offset))
        size, curve = self.model["bin"], self.curves[donor or gene]
        tss = int(str(self.genes.at[gene, "tss"]))
        away = (tss + np.asarray(offset)) // size - tss // size
        return curve[np.clip(away + len(curve) // 2, 0, len(curve) - 1)]

    def level(self, gene: str, sites: Sites, donor: str = "") -> float:
        """What elements add to a gene's expression, log10 units.

        ``donor``: with the contact of another gene.
        """
        if self.genes.at[gene, "special"] == "promoter_only":
            return 0.0
        strength = sites.activity * self.contact(gene, sites.offset, donor)
        total = 0.0
        for slot, logic in enumerate(self.model["logic"]):
            here = strength[sites.slot == slot]
            x, y = (np.array([here[i] if i < len(here) else 0.0]) for i in (0, 1))
            both = float((share(x, y, logic) + share(y, x, logic))[0])
            total += self.model["scale"]["mid" if slot else "near"] * both
        return total


def read_truth(folder: Path, cell: str) -> Truth:
    """Read the truth of a simulated genome for one cell type.

    Raises
    ------
    UserError
        A file is missing, or the simulation lacks the cell type.
    """
    if not (folder / "model.json").exists():
        raise UserError(f"no model.json of a simulation: {_MADE}", folder)
    model = read_json(folder / "model.json")
    if cell not in model["cells"]:
        raise UserError(f"no cell type {cell!r}; it has {', '.join(model['cells'])}", folder)
    genes = read_parquet(folder / "genes.parquet", "simulated genes")
    genes = genes[genes["cell"] == cell].reset_index(drop=True)
    elements = read_parquet(folder / "elements.parquet", "simulated elements")
    elements = elements[elements["zone"].isin(["near", "mid"])]
    curves: dict[str, Floats] = {}
    if model["by_contact"]:
        table = read_parquet(folder / "contacts.parquet", "simulated contacts")
        table = table[table["cell"] == cell].sort_values(["gene_id", "offset"])
        parts = table.groupby("gene_id", sort=False)["contact"]
        curves = {str(gene): part.to_numpy() for gene, part in parts}
    sites = _sites(genes, elements, model, cell)
    return Truth(cell, model, genes.set_index("gene_id"), sites, curves)


def _sites(
    genes: pd.DataFrame, elements: pd.DataFrame, model: dict[str, Any], cell: str
) -> dict[str, Sites]:
    """The elements that lie in the slots of each gene."""
    reach = 2 * (model["slots"][-1][1] + 1_000)
    pairs = pairs_in_windows(genes[["gene_id", "chrom", "tss"]], elements, reach)
    pairs["slot"] = slot_of(pairs["distance"].to_numpy(), model["slots"])
    pairs = pairs[pairs["slot"] >= 0]
    middle = (pairs["start"] + pairs["end"]) // 2
    pairs["offset"] = middle - genes["tss"].to_numpy()[pairs["gene"]]
    alone = genes["special"].to_numpy()[pairs["gene"]] == "promoter_only"
    acts, decoy = pairs[f"activity_{cell}"].to_numpy(), (pairs["kind"] == "decoy").to_numpy()
    kind = np.select([decoy, acts <= 0, alone], ["decoy", "silent", "idle"], "acting")
    # A decoy may be closed in this cell type, too.
    kind = np.where(decoy & (pairs[f"open_{cell}"] <= 0), "silent", kind)
    pairs = pairs.assign(site=kind.astype(object), acts=np.where(kind == "acting", acts, 0.0))
    none = np.empty(0, np.int64)
    found = {
        str(gene): Sites(none, none, np.empty(0), np.empty(0, object)) for gene in genes["gene_id"]
    }
    for gene, part in pairs.groupby("gene_id", sort=False):
        columns = (part[name].to_numpy() for name in ("offset", "slot", "acts", "site"))
        found[str(gene)] = Sites(*columns)
    return found
