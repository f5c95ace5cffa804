"""The two data sets that are compared: which of their files are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import read_json
from gexpipe.schemas import EXAMPLES, read_stage
from gexpipe.tabular import read_tsv

__all__ = ["FILES", "Side", "open_side"]

# What is compared -> its file below ``results``.
FILES = {
    "genes": "genes/genes.tsv",
    "examples": "examples/{cell}.parquet",
    "links": "elements/{cell}.parquet",
    "elements": "abc/{cell}/elements.parquet",
    "contacts": "contacts/{cell}/rows.npz",
    "contacts record": "contacts/{cell}/rows.json",
    "peaks record": "peaks/{cell}/peaks.json",
    "quality": "abc/{cell}/quality.json",
    "sequence": "windows/sequence.zarr/manifest.json",
    "signals": "windows/{cell}.zarr/manifest.json",
    "provenance": "provenance.tsv",
}


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes
    ----------
    label : str
        A or B.
    results : Path
        Folder ``results`` of its project.
    cell : str
        Cell type.
    """

    label: str
    results: Path
    cell: str

    def path(self, name: str) -> Path:
        """Where a file of `FILES` is, or would be."""
        return self.results / FILES[name].format(cell=self.cell)

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self.path(name).exists()

    @property
    def examples(self) -> pd.DataFrame:
        """Example table, indexed by gene_id."""
        return read_stage(self.path("examples"), EXAMPLES, "gene_id", "target").set_index("gene_id")

    def record(self, name: str) -> dict:
        """A JSON file of `FILES`; empty where it is not there."""
        return dict(read_json(self.path(name))) if self.has(name) else {}

    @property
    def accessions(self) -> set[str]:
        """Role and accession of every file that the cell type was made from."""
        if not self.has("provenance"):
            return set()
        table = read_tsv(self.path("provenance"), "provenance", ("used_as", "accession"), dtype=str)
        own = table["used_as"].fillna("").str.split().str
        mine = table[own[0].eq(self.cell)]
        return set(own[1][mine.index] + " " + mine["accession"].fillna(""))


def open_side(label: str, place: Path, cell: str | None) -> Side:
    """A project's folder, its ``results``, or the folder of one of its runs.

    Raises
    ------
    UserError
        No results there, no such cell type, or several and none was named.
    """
    where = place if place.name == "results" else place / "results"
    parents = [p for p in place.resolve().parents if p.name == "runs"]
    if parents:  # results/runs/CELL/METHOD/foldF/seedS
        where, cell = parents[0].parent, cell or place.resolve().relative_to(parents[0]).parts[0]
    known = sorted(path.stem for path in where.glob("examples/*.parquet"))
    plain = [name for name in known if "." not in name]
    if not plain:
        raise UserError("no results/examples/CELL.parquet: nothing was prepared there", place)
    if cell is None and len(plain) > 1:
        raise UserError(f"it has {', '.join(plain)}: name one (--cell)", place)
    chosen = cell or plain[0]
    if chosen not in plain:
        raise UserError(f"no cell type {chosen!r}; it has {', '.join(plain)}", place)
    return Side(label, where, chosen)
