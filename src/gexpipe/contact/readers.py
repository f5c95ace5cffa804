"""Contact matrices read as bands around the diagonal: .hic, .mcool and .cool, one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gexpipe.contact.band import RAW, Band, BandReader, add_to_rows, bin_range
from gexpipe.contact.hictk import hictk, is_hic
from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["choose_normalization", "match_chromosome", "open_matrix"]


class HictkReader:
    """.hic files through hictkpy; the balancing vectors of the file divide."""

    stripe = 1000  # bins whose whole rows are read at once

    def __init__(self, path: Path, resolution: int) -> None:
        self.path = path
        self.resolution = resolution
        self._file = hictk().File(path, resolution)
        self._weights: dict[str, NDArray[np.float64]] = {}
        self.chromosomes = {str(n): int(s) for n, s in self._file.chromosomes().items()}

    def normalizations(self) -> list[str]:
        """See `BandReader`."""
        return [*self._file.avail_normalizations(), RAW]

    def band(self, chrom: str, width: int, normalization: str) -> Band:
        """See `BandReader`."""
        selector = self._file.fetch(
            chrom,
            normalization=normalization,
            count_type="float32",
            diagonal_band_width=width + 1,
        )
        pixels = selector.to_coo()
        return Band(pixels.row, pixels.col, pixels.data, self._masked(chrom, normalization))

    def row_sums(self, chrom: str, normalization: str) -> NDArray[np.float64]:
        """See `BandReader`."""
        length, step = self.chromosomes[chrom], self.stripe * self.resolution
        sums = np.zeros(-(-length // self.resolution))
        for start in range(0, length, step):
            pixels = self._file.fetch(
                f"{chrom}:{start}-{min(start + step, length)}",
                f"{chrom}:{start}-{length}",
                normalization=normalization,
                count_type="float64",
            ).to_df()
            low, _ = bin_range(self.chromosomes, chrom, self.resolution)
            first, second = (pixels[c].to_numpy(np.int64) - low for c in ("bin1_id", "bin2_id"))
            upper = second >= first
            add_to_rows(sums, first[upper], second[upper], pixels["count"].to_numpy()[upper])
        return sums

    def _masked(self, chrom: str, normalization: str) -> NDArray[np.bool_]:
        low, high = bin_range(self.chromosomes, chrom, self.resolution)
        if normalization == RAW:
            return np.zeros(high - low, dtype=bool)
        if normalization not in self._weights:
            # A fresh handle: after pixels of one chromosome were read, hictkpy 1.4 gives only that
            # chromosome's part of the vector.
            fresh = hictk().File(self.path, self.resolution)
            self._weights[normalization] = np.array(fresh.weights(normalization, divisive=True))
        weight = self._weights[normalization][low:high]
        return ~(np.isfinite(weight) & (weight > 0))


class StrawReader:
    """.hic files through hic-straw, tile by tile along the diagonal; an optional second opinion."""

    tile = 2000  # bins; a record is a Python object, so a tile bounds the memory

    def __init__(self, path: Path, resolution: int) -> None:
        try:
            import hicstraw
        except ImportError as error:
            raise UserError(
                f"hic-straw is an extra: pip install 'gexpipe[straw]' ({error})", "backend straw"
            ) from error
        self.path = path
        self.resolution = resolution
        self._file = hicstraw.HiCFile(str(path))
        self.chromosomes = {
            c.name: int(c.length) for c in self._file.getChromosomes() if c.name.upper() != "ALL"
        }

    def normalizations(self) -> list[str]:
        """See `BandReader`; straw cannot list them, and gives no pixel for an absent one."""
        return [*hictk().File(self.path, self.resolution).avail_normalizations(), RAW]

    def _matrix(self, chrom: str, normalization: str):  # type: ignore[no-untyped-def]
        return self._file.getMatrixZoomData(
            chrom, chrom, "observed", normalization, "BP", self.resolution
        )

    def band(self, chrom: str, width: int, normalization: str) -> Band:
        """See `BandReader`."""
        matrix = self._matrix(chrom, normalization)
        step, length = self.resolution, self.chromosomes[chrom]
        parts = []
        for start in range(0, length, self.tile * step):
            stop = min(start + self.tile * step, length)
            records = matrix.getRecords(start, stop - 1, start, min(stop + width * step, length))
            tile = np.array([(r.binX, r.binY, r.counts) for r in records]).reshape(-1, 3)
            first = np.minimum(tile[:, 0], tile[:, 1])
            parts.append(tile[(first >= start) & (first < stop)])
        pixels = np.concatenate(parts)
        first, second = np.sort((pixels[:, :2] // step).astype(np.int32), axis=1).T
        keep = second - first <= width
        masked = np.zeros(-(-length // step), dtype=bool)
        if normalization != RAW:
            weight = np.asarray(matrix.getNormVector(self._index(chrom)))[: len(masked)]
            masked[: len(weight)] = ~(np.isfinite(weight) & (weight > 0))
        return Band(first[keep], second[keep], pixels[keep, 2].astype(np.float32), masked)

    def row_sums(self, chrom: str, normalization: str) -> NDArray[np.float64]:
        """See `BandReader`; reads the whole chromosome."""
        length = self.chromosomes[chrom]
        records = self._matrix(chrom, normalization).getRecords(0, length, 0, length)
        pixels = np.array([(r.binX, r.binY, r.counts) for r in records]).reshape(-1, 3)
        first, second = np.sort((pixels[:, :2] // self.resolution).astype(np.int64), axis=1).T
        sums = np.zeros(-(-length // self.resolution))
        add_to_rows(sums, first, second, pixels[:, 2])
        return sums

    def _index(self, chrom: str) -> int:
        return next(c.index for c in self._file.getChromosomes() if c.name == chrom)


# Libraries that read .hic files.
BACKENDS: dict[str, type[HictkReader | StrawReader]] = {"hictk": HictkReader, "straw": StrawReader}


def open_matrix(path: str | Path, resolution: int, backend: str = "hictk") -> BandReader:
    """Open a contact matrix at one resolution.

    Parameters
    ----------
    path : str or Path
        .hic, .mcool or .cool.
    resolution : int
        Bin width in bp.
    backend : {"hictk", "straw"}
        Library for .hic files.

    Raises
    ------
    UserError
        When it is no contact matrix, or lacks the resolution; the message lists what it has. When
        the backend is unknown or not installed.
    """
    if backend not in BACKENDS:
        raise UserError(f"{backend!r}, expected {' or '.join(BACKENDS)}", "--backend")
    source = require(path, "contact matrix")
    try:
        available = _resolutions(source)
        if resolution not in available:
            raise UserError(
                f"no resolution {resolution:,}; it has {', '.join(map(str, available))}: "
                "set contact.resolution",
                source,
            )
        if is_hic(source):
            return BACKENDS[backend](source, resolution)
        # cooler is slow to load, and a power law or a .hic needs none of it.
        from gexpipe.contact.cool import CoolReader, cool_groups

        return CoolReader(source, resolution, cool_groups(source)[resolution])
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        raise UserError(f"not a readable .hic, .mcool or .cool file ({error})", source) from error


def _resolutions(path: Path) -> list[int]:
    if is_hic(path):
        return [int(r) for r in hictk().MultiResFile(path).resolutions()]
    from gexpipe.contact.cool import cool_groups

    return sorted(cool_groups(path))


def match_chromosome(chromosomes: dict[str, int], name: str) -> str | None:
    """Name of a chromosome in the file, with or without ``chr`` (chrM is also MT), or None."""
    bare = name.removeprefix("chr")
    names = [name, bare, f"chr{bare}"] + (["MT", "chrMT"] if bare == "M" else [])
    return next((n for n in names if n in chromosomes), None)


def choose_normalization(reader: BandReader, wanted: Sequence[str]) -> str:
    """First of the acceptable balancings that the file holds.

    Raises
    ------
    UserError
        When it holds none of them; the message lists what it has and which key to set.
    """
    available = reader.normalizations()
    for name in wanted:
        if name in available:
            return name
    raise UserError(
        f"none of the balancings {', '.join(wanted)} is there at {reader.resolution:,} bp; "
        f"it has {', '.join(available)}: set contact.normalization",
        reader.path,
    )
