"""An enhancer read base by base with EPInformer's encoder: tiles, masks, mutations, motifs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gexpipe.batch import N_CODE
from gexpipe.data.activity import OFFSET
from gexpipe.discovery.shuffled_references import OnDna, needs_tangermeme
from gexpipe.errors import UserError
from gexpipe.windows.sequence import window_of

__all__ = ["HITS", "Enhancer", "motif_hits", "read_enhancer", "tile_starts"]

Floats = NDArray[np.float64]
FLANK, STRIDE = 768, 128  # of the tiles around the middle of an enhancer, as the authors take them
PIECE = 16  # bases that are masked together
P_VALUE = 1e-4  # FIMO's
HITS = ["element", "motif", "chrom", "start", "end", "strand", "p_value", "importance"]
BASES = list("ACGT")


@dataclass(frozen=True)
class Enhancer:
    """What the encoder says of an enhancer and of the tile that it takes for the most active.

    Attributes
    ----------
    name : str
        ``chrom:start-end`` of the element.
    chrom : str
        Chromosome.
    tiles : DataFrame
        start, end (0-based half-open), activity: predicted, of each tile.
    start : int
        First base of the best tile.
    codes : ndarray
        (L,) its bases, 0-3.
    masked : DataFrame
        start, end, change: of the predicted log2 activity of the best tile without these bases.
    changes : ndarray
        (L, 4) change of the predicted log2 activity when a base becomes A, C, G or T; 0 where it
        is that already.
    """

    name: str
    chrom: str
    tiles: pd.DataFrame
    start: int
    codes: NDArray[np.uint8]
    masked: pd.DataFrame
    changes: Floats

    @property
    def importance(self) -> Floats:
        """(L,) what a base adds beside the mean of the four: positive where mutations lower it."""
        mean: Floats = -self.changes.mean(axis=1)
        return mean

    def bases(self) -> pd.DataFrame:
        """A row a base of the best tile: element, chrom, position, base, importance, A, C, G, T."""
        place = {"element": self.name, "chrom": self.chrom}
        table = pd.DataFrame(self.changes, columns=BASES)
        table.insert(0, "importance", self.importance)
        table.insert(0, "base", [BASES[code] for code in self.codes])
        table.insert(0, "position", self.start + np.arange(len(self.codes)))
        return pd.concat([pd.DataFrame(place, index=table.index), table], axis=1)

    def windows(self) -> pd.DataFrame:
        """Tiles and masked pieces: element, kind, chrom, start, end, activity, change."""
        parts = [self.tiles.assign(kind="tile"), self.masked.assign(kind="masked")]
        table = pd.concat(parts, ignore_index=True).assign(element=self.name, chrom=self.chrom)
        return table[["element", "kind", "chrom", "start", "end", "activity", "change"]]


def tile_starts(middle: int) -> NDArray[np.int64]:
    """First bases of the tiles around the middle of an enhancer."""
    return np.arange(middle - FLANK, middle + FLANK, STRIDE)


def _one_hot(codes: NDArray[np.uint8]) -> torch.Tensor:
    """(n, L) codes to (n, 4, L); all 0 for N."""
    table = np.vstack([np.eye(4, dtype=np.float32), np.zeros((N_CODE - 3, 4), np.float32)])
    return torch.from_numpy(np.ascontiguousarray(table[codes].transpose(0, 2, 1)))


def read_enhancer(
    model: torch.nn.Module,
    element: Mapping[Any, Any],
    track: NDArray[np.uint8],
    length: int,
    both: bool = False,
    size: int = 512,
) -> Enhancer:
    """Tile an enhancer, then mask and mutate its most active tile.

    Parameters
    ----------
    model : Module
        EPInformer's encoder.
    element : mapping
        chrom, start, end.
    track : ndarray
        Base codes of the chromosome.
    length : int
        Bases that the encoder reads.
    both : bool
        The mean over both strands.
    size : int
        Sequences in memory at once.
    """
    needs_tangermeme()
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    device = next(model.parameters()).device
    wrapped = OnDna(model, both).eval()  # type: ignore[arg-type]

    def predict(codes: NDArray[np.uint8]) -> Floats:
        with torch.inference_mode():
            parts = _one_hot(codes).split(size)
            found = [wrapped(part.to(device))[:, 0].double().cpu() for part in parts]
        values: Floats = torch.cat(found).numpy()
        return values

    start, end = int(element["start"]), int(element["end"])
    name = f"{element['chrom']}:{start}-{end}"
    starts = tile_starts((start + end) // 2)
    tiles = np.stack([window_of(track, int(at), length, N_CODE) for at in starts])
    said = predict(tiles)
    whole = (tiles < N_CODE).all(axis=1)
    if not whole.any():
        raise UserError("every tile has an unknown base", name)
    best = int(np.argmax(np.where(whole, said, -np.inf)))
    codes, first = tiles[best], int(starts[best])
    pieces = np.arange(0, length, PIECE)
    hidden = np.repeat(codes[None], len(pieces), axis=0)
    for row, at in enumerate(pieces):
        hidden[row, at : at + PIECE] = N_CODE
    result = saturation_mutagenesis(
        wrapped,
        _one_hot(codes[None]),
        batch_size=size,
        raw_outputs=True,
        device=device,
        fast=False,
    )
    own = result.y0.double().reshape(1, 1)
    changes = (result.y_hat.double().reshape(4, length) - own).T.cpu().numpy()
    changes[np.arange(length), codes] = 0.0
    where = {"start": first + pieces, "end": np.minimum(first + pieces + PIECE, first + length)}
    return Enhancer(
        name,
        str(element["chrom"]),
        pd.DataFrame({"start": starts, "end": starts + length, "activity": 2**said - OFFSET}),
        first,
        codes,
        pd.DataFrame({**where, "change": predict(hidden) - said[best]}),
        changes,
    )


def motif_hits(enhancer: Enhancer, motifs: Mapping[str, NDArray[np.float32]]) -> pd.DataFrame:
    """Motifs in the best tile, by FIMO (p < 1e-4), those whose bases matter most first.

    Parameters
    ----------
    enhancer : Enhancer
        See `read_enhancer`.
    motifs : mapping
        Name -> (4, W) base frequencies (`gexpipe.discovery.motifs.read_motifs`).

    Returns
    -------
    DataFrame
        `HITS`; importance is the mean of `Enhancer.importance` over the hit.
    """
    if not motifs:
        return pd.DataFrame(columns=HITS)
    from memelite import fimo

    bases = _one_hot(enhancer.codes[None]).numpy()
    (found,) = fimo(dict(motifs), bases, threshold=P_VALUE, dim=1)
    total = np.concatenate([[0.0], np.cumsum(enhancer.importance)])
    start, end = found["start"].to_numpy(np.int64), found["end"].to_numpy(np.int64)
    table = pd.DataFrame(
        {
            "element": enhancer.name, "motif": found["motif_name"], "chrom": enhancer.chrom,
            "start": enhancer.start + start, "end": enhancer.start + end,
            "strand": found["strand"], "p_value": found["p-value"],
            "importance": (total[end] - total[start]) / np.maximum(end - start, 1),
        }
    )  # fmt: skip
    return table.sort_values("importance", ascending=False, ignore_index=True)[HITS]
