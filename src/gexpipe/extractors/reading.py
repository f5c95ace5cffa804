"""Reading what a model of others said of every gene; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.extractors.tracks import track_table
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.store import read_manifest

__all__ = ["KIND", "ExtractedStore"]

KIND = "extracted"


class ExtractedStore:
    """A finished store of `gexpipe.extractors.store.build_extracted`.

    Attributes
    ----------
    name : str
        Entry of the configuration's ``extractors``.
    tracks : DataFrame
        identifier, description, strand_pair, strand: a row a track.
    width : int
        Numbers of an embedding; 0 for none.
    gene_ids : list of str
        Genes in the order of rows.
    """

    def __init__(self, path: Path) -> None:
        self.folder, manifest = read_manifest(path, KIND)
        table = pd.DataFrame(manifest["tracks"])
        pairs = table["strand_pair"].to_numpy(np.int64)
        self.tracks = track_table(table, pairs, str(self.folder))
        self.name: str = manifest["name"]
        self.width: int = manifest["width"]
        self.gene_ids: list[str] = manifest["genes"]
        self._chromosomes: list[str] = manifest["gene_chromosomes"]

    def read(self, array: str, genes: Sequence[str]) -> np.ndarray:
        """(genes, tracks or width) float32 of the array ``tracks`` or ``embedding``.

        Raises
        ------
        UserError
            The model has none, or a gene is not in the store.
        """
        width = len(self.tracks) if array == "tracks" else self.width
        if not width:
            raise UserError(f"the model {self.name} has no {array}", self.folder)
        chroms = pd.Series(self._chromosomes, dtype=str)
        within = chroms.groupby(chroms, sort=False).cumcount()
        at = dict(zip(self.gene_ids, zip(chroms, within, strict=True), strict=True))
        absent = [gene for gene in genes if gene not in at]
        if absent:
            raise UserError(f"{len(absent)} genes are missing, the first {absent[0]}", self.folder)
        arrays = {c: ShardedArray(self.folder / c / KIND / array) for c in dict.fromkeys(chroms)}
        out = np.empty((len(genes), width), np.float32)
        for row, gene in zip(out, genes, strict=True):
            chrom, place = at[gene]
            arrays[chrom].read(int(place), row)
        return out
