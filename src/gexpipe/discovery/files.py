"""Files of scores: base scores as a zipped zarr array, element scores as parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.schemas import LINKS as LINK_SCORES
from gexpipe.schemas import read_stage

__all__ = ["LINKS", "BaseScores", "read_bases", "read_links", "write_bases", "write_links"]

LINKS = ["gene_id", "chrom", "start", "end", "distance", "score"]


@dataclass(frozen=True)
class BaseScores:
    """Scores of the bases of some genes' windows.

    Attributes
    ----------
    genes : DataFrame
        gene_id, chrom, tss; a row a gene.
    scores : ndarray
        (genes, L) float32; base i of a gene is ``tss - L // 2 + i``, forward strand.
    """

    genes: pd.DataFrame
    scores: NDArray[np.float32]

    @property
    def length(self) -> int:
        """L, bp."""
        return int(self.scores.shape[1])


def write_bases(path: Path, found: BaseScores, about: dict[str, str]) -> None:
    """Write scores as one zarr v3 array in a zip, a chunk a gene.

    Masks, which lie in 0..1, are float16; other scores can be too small for it and are float32.
    """
    dtype = "float16" if about.get("kind") == "mask" else "float32"
    with aside(path) as temporary, zarr.storage.ZipStore(temporary, mode="w") as store:
        array = zarr.create_array(
            store, shape=found.scores.shape, chunks=(1, found.length), dtype=dtype,
            compressors=[ZstdCodec(level=5)],
            attributes={
                **about, "layout": "(gene, base); base i is tss - L // 2 + i, forward strand",
                "gene_id": found.genes["gene_id"].tolist(),
                "chrom": found.genes["chrom"].tolist(),
                "tss": found.genes["tss"].tolist(),
            },
        )  # fmt: skip
        array[:] = found.scores.astype(dtype)


def read_bases(path: Path) -> BaseScores:
    """Read what `write_bases` wrote."""
    complaint = UserError("no base scores of `gexpipe discover scores`", path)
    if not is_zipfile(require(path, "base scores")):
        raise complaint
    with zarr.storage.ZipStore(path, mode="r") as store:
        try:
            array = zarr.open_array(store, mode="r")
            named = {key: array.attrs[key] for key in ("gene_id", "chrom", "tss")}
        except (KeyError, FileNotFoundError) as error:
            raise complaint from error
        return BaseScores(pd.DataFrame(named), np.asarray(array[:], dtype=np.float32))


def write_links(path: Path, links: pd.DataFrame) -> None:
    """Write element scores: `LINKS`."""
    with aside(path) as temporary:
        links[LINKS].to_parquet(temporary, index=False)


def read_links(path: Path) -> pd.DataFrame:
    """Read element scores, of `write_links` or an ABC prediction table's.

    Returns
    -------
    DataFrame
        gene_id, chrom, start, end, score.
    """
    return read_stage(path, LINK_SCORES, "score")
