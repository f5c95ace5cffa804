"""The one interface of expression models of others: from one-hot DNA to tracks and embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.extractors.settings import ExtractorSettings
from gexpipe.extractors.sizes import Sizes
from gexpipe.extractors.tracks import track_table
from gexpipe.methods.outside import load

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Extractor", "open_extractor"]


class Extractor(Protocol):
    """What is needed of a model of others; a class or function that makes one is its factory.

    Attributes
    ----------
    sizes : Sizes
        Bases that it reads, bases of an output bin, number of bins; these lie in the middle.
    tracks : DataFrame
        A row a track: ``identifier``, ``description`` and ``strand_pair``, the 0-based row of the
        same track on the other strand, its own where it has none; no rows for a model without.
    width : int
        Numbers of an embedding; 0 for none.
    device : str
        Where it computes, and wants its sequences: a torch device.
    recipe : str
        Changes whenever the numbers would: checksums of the weights, versions.
    """

    sizes: Sizes
    tracks: pd.DataFrame
    width: int
    device: str
    recipe: str

    def __call__(self, sequence: Tensor, bins: slice) -> tuple[Tensor | None, Tensor | None]:
        """Tracks and embeddings of some bins.

        Parameters
        ----------
        sequence : Tensor
            (B, length, 4) float32 on ``device``, A, C, G, T; zeros where a base is unknown or off
            the chromosome. The gene runs from left to right, or is given the other way round.
        bins : slice
            0-based, of the output.

        Returns
        -------
        tracks : Tensor or None
            (B, bins, tracks), in units that may be summed over bins (counts, not logarithms).
        embedding : Tensor or None
            (B, bins, width).
        """


def open_extractor(name: str, said: ExtractorSettings) -> Extractor:
    """The model of an entry of ``extractors``.

    Raises
    ------
    UserError
        It cannot be imported or made, or lacks a part of `Extractor`.
    """
    where = f"extractors.{name}"
    factory = load(said.place)
    try:
        made: Extractor = factory(**said.given())
    except TypeError as error:
        raise UserError(f"{said.model}: {error}", f"{where}.options") from error
    for part in ("sizes", "tracks", "width", "device", "recipe"):
        if not hasattr(made, part):
            raise UserError(f"{said.model}: what it makes has no {part!r}", where)
    table = made.tracks.reset_index(drop=True)
    made.tracks = track_table(table, table["strand_pair"].to_numpy(np.int64), where)
    if not made.width and not len(made.tracks):
        raise UserError(f"{said.model} has neither tracks nor an embedding", where)
    return made
