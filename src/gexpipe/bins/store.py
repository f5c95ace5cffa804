"""The feature store: numbers of the bins around every TSS, genes x bins x features, in zarr.

Bin k of N is [tss - N * W // 2 + k * W, ... + W) for bins of W bases; the TSS lies in the middle of
bin N // 2. Bases off the chromosome are N. Narrower contexts are the central bins of the widest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pyfaidx import Fasta

from gexpipe.errors import UserError
from gexpipe.log import progress
from gexpipe.windows.arrays import Spec, window_of, write_arrays
from gexpipe.windows.layout import N_CODE, encode
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.store import Part, build_store, digest, read_manifest, source_record
from gexpipe.windows.tracks import signal_track

__all__ = ["BinStore", "build_features", "build_signals"]

_VALUES = "values"


class _Extractor(Protocol):
    labels: tuple[str, ...]
    words: tuple[str, ...]
    length: int
    recipe: str

    def __call__(self, codes: np.ndarray) -> np.ndarray: ...


def _check(bins: int) -> None:
    if bins < 1 or bins % 2 == 0:
        raise UserError(f"{bins}, expected an odd number", "config: gta.bins")


def bin_starts(tss: int, bins: int, width: int) -> np.ndarray:
    """(bins,) 0-based starts; negative off the chromosome."""
    return tss - bins * width // 2 + width * np.arange(bins)


@dataclass
class _Sequence:
    """Writes the features of one chromosome's genes."""

    fasta: Path
    chrom: str
    tss: np.ndarray
    bins: int
    extract: _Extractor

    def __call__(self, folder: Path) -> None:
        with Fasta(str(self.fasta), as_raw=True) as genome:
            track = encode(genome[self.chrom][:])
        width = self.extract.length

        def block(genes: slice) -> dict[str, np.ndarray]:
            rows = []
            for tss in progress(self.tss[genes].tolist(), self.chrom):
                start = int(bin_starts(tss, self.bins, width)[0])
                codes = window_of(track, start, self.bins * width, N_CODE)
                rows.append(self.extract(codes.reshape(self.bins, width)))
            return {_VALUES: np.stack(rows).astype(np.float32)}

        _write(folder, len(self.tss), self.bins, self.extract.labels, block)


@dataclass
class _Signals:
    """Writes the mean signals of the bins of one chromosome's genes."""

    signals: dict[str, Path]
    chrom: str
    size: int
    tss: np.ndarray
    bins: int
    width: int

    def __call__(self, folder: Path) -> None:
        tracks = [signal_track(path, self.chrom, self.size)[0] for path in self.signals.values()]

        def block(genes: slice) -> dict[str, np.ndarray]:
            rows = np.empty((len(self.tss[genes]), self.bins, len(tracks)), np.float32)
            for row, tss in zip(rows, self.tss[genes].tolist(), strict=True):
                start = int(bin_starts(tss, self.bins, self.width)[0])
                for k, track in enumerate(tracks):
                    window = window_of(track, start, self.bins * self.width, 0)
                    row[:, k] = window.reshape(self.bins, -1).mean(axis=1, dtype=np.float32)
            return {_VALUES: rows}

        _write(folder, len(self.tss), self.bins, tuple(self.signals), block)


def _write(folder: Path, genes: int, bins: int, labels: tuple[str, ...], block: Any) -> None:
    axes = {"axes": ["gene", "bin", "feature"], "features": list(labels)}
    spec = Spec((bins, len(labels)), "float32", "features of the bins around the TSS", axes)
    write_arrays(folder, genes, {_VALUES: spec}, block)


def build_features(
    fasta: Path, genes: pd.DataFrame, bins: int, extract: _Extractor, out: Path
) -> None:
    """Write the features of every gene's bins; chromosomes whose inputs did not change are kept.

    Parameters
    ----------
    fasta : Path
        Genome.
    genes : DataFrame
        Gene table with the TSS that bins are centred on.
    bins : int
        Bins of the widest context, odd.
    extract : Extractor
        See `gexpipe.bins.extract`.
    out : Path
        Store folder.
    """
    _check(bins)
    source = source_record(fasta)
    parts, lengths = [], {}
    with Fasta(str(fasta), as_raw=True) as genome:
        for chrom, rows in genes.groupby("chrom", sort=False):
            tss = rows["tss"].to_numpy(np.int64)
            if chrom not in genome:
                raise UserError(f"no chromosome {chrom!r}, which the gene table has", fasta)
            lengths[str(chrom)] = len(genome[chrom])
            if tss.min() < 0 or tss.max() >= len(genome[chrom]):
                raise UserError(f"a TSS lies outside {chrom} (0-{len(genome[chrom]):,})", fasta)
            recipe = digest("bins", source["sha256"], extract.recipe, chrom, bins, tss.tolist())
            write = _Sequence(Path(fasta), str(chrom), tss, bins, extract)
            parts.append(Part(f"{chrom}/bins", recipe, write))
    words = {"labels": list(extract.labels), "words": list(extract.words)}
    manifest = {"kind": "bins", "bins": bins, "width": extract.length, **words}
    build_store(out, genes, lengths, parts, {**manifest, "sources": [source]})


def build_signals(
    signals: dict[str, Path],
    genes: pd.DataFrame,
    sizes: dict[str, int],
    bins: int,
    width: int,
    out: Path,
) -> None:
    """Write the mean of base-resolution signals over the same bins, as further features.

    Bases without data, and those off the chromosome, count as 0.

    Parameters
    ----------
    signals : dict
        Name -> bigWig, bigBed or BAM (`gexpipe.windows.tracks.signal_track`).
    genes, bins, out
        As in `build_features`.
    sizes : dict
        Chromosome -> length, bp.
    width : int
        Bases of a bin.
    """
    _check(bins)
    sources = [source_record(path) for path in signals.values()]
    sums = [source["sha256"] for source in sources]
    parts = []
    for chrom, rows in genes.groupby("chrom", sort=False):
        tss = rows["tss"].to_numpy(np.int64)
        recipe = digest("bin signals", list(signals), sums, chrom, bins, width, tss.tolist())
        name = str(chrom)
        if name not in sizes:
            raise UserError(f"no chromosome {name!r}, which the gene table has", "--sizes")
        write = _Signals(signals, name, sizes[name], tss, bins, width)
        parts.append(Part(f"{chrom}/bins", recipe, write))
    manifest = {"kind": "bins", "bins": bins, "width": width, "labels": list(signals)}
    build_store(out, genes, sizes, parts, {**manifest, "words": list(signals), "sources": sources})


class BinStore:
    """A finished store of `build_features` or `build_signals`.

    Attributes
    ----------
    bins, width : int
        Stored bins, and bases of one.
    labels, words : list of str
        Short names of the features, and the words that describe them.
    gene_ids : list of str
        Genes in the order of rows.
    fingerprint : str
        sha256 of the content.
    """

    def __init__(self, path: Path) -> None:
        self.folder, manifest = read_manifest(path, "bins")
        self.bins, self.width = int(manifest["bins"]), int(manifest["width"])
        self.labels: list[str] = manifest["labels"]
        self.words: list[str] = manifest["words"]
        self.gene_ids: list[str] = manifest["genes"]
        self.chromosomes: list[str] = manifest["gene_chromosomes"]
        self.fingerprint: str = manifest["fingerprint"]
        chroms = pd.Series(manifest["gene_chromosomes"], dtype=str)
        within = chroms.groupby(chroms, sort=False).cumcount()
        self._at = list(zip(chroms, within.astype(int), strict=True))

    def read(self, rows: Sequence[int], bins: int) -> np.ndarray:
        """(rows, bins, features) float32 of the central bins of some genes."""
        if bins > self.bins or bins % 2 == 0:
            found = f"{bins}, expected an odd number of at most {self.bins} (the store's)"
            raise UserError(found, "method: model.bins")
        first = (self.bins - bins) // 2
        arrays: dict[str, ShardedArray] = {}
        out = np.empty((len(rows), bins, len(self.labels)), np.float32)
        for entry, row in zip(out, rows, strict=True):
            chrom, within = self._at[row]
            if chrom not in arrays:
                arrays[chrom] = ShardedArray(self.folder / chrom / "bins" / _VALUES)
            entry[:] = arrays[chrom].read(within)[first : first + bins]
        return out
