"""Build the store of one cell type: signals, masks and contact of every gene's window."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam

from gexpipe.contact.window import WindowContact
from gexpipe.errors import UserError
from gexpipe.intervals import Overhang, read_intervals
from gexpipe.log import get_logger
from gexpipe.windows.arrays import (
    Spec,
    check_length,
    family_lengths,
    windows_of,
    write_arrays,
)
from gexpipe.windows.layout import MASKS, pack_bits
from gexpipe.windows.store import Part, build_store, digest, source_record
from gexpipe.windows.tracks import FLOAT16_MAX, interval_track, is_alignment, signal_track

__all__ = ["SignalSources", "build_signals"]

log = get_logger(__name__)


@dataclass(frozen=True)
class SignalSources:
    """The input files of one cell store.

    Attributes
    ----------
    signals : dict
        Name -> bigWig, bigBed or BAM (`gexpipe.windows.tracks.signal_track`), in stored order.
    peaks, blacklist, elements : Path or None
        Interval files (first three columns); a mask without a file is empty.
    """

    signals: dict[str, Path]
    peaks: Path | None = None
    blacklist: Path | None = None
    elements: Path | None = None

    def masks(self) -> dict[str, Path | None]:
        """Mask name -> file, in stored order."""
        return {name: getattr(self, name) for name in MASKS}


@dataclass(frozen=True)
class _Place:
    """Windows of one chromosome: its name and length, bp, and where windows of ``length`` start."""

    chrom: str
    size: int
    starts: np.ndarray
    length: int


@dataclass(frozen=True)
class _Signal:
    """Writes one signal of one chromosome; picklable, opens the file itself."""

    path: Path
    index: Path | None
    place: _Place

    def __call__(self, folder: Path) -> None:
        place = self.place
        values, valid = signal_track(self.path, place.chrom, place.size, self.index)
        cut = int(np.count_nonzero((values >= FLOAT16_MAX) | (values <= -FLOAT16_MAX)))
        if cut:
            log.warning(
                "%s: %s bases of %s are beyond 65,504, the largest number stored: cut there",
                self.path, f"{cut:,}", place.chrom,
            )  # fmt: skip

        def block(genes: slice) -> dict[str, np.ndarray]:
            windows = windows_of(values, place.starts[genes], place.length)
            known = windows_of(valid, place.starts[genes], place.length)
            arrays = {}
            for prefix, _, part in family_lengths(place.length):
                arrays[f"{prefix}values"] = windows[:, part]
                arrays[f"{prefix}valid"] = pack_bits(known[:, part])
            return arrays

        bounds = {
            "relative_error": 2.0**-11, "absolute_error_below_6.1e-5": 3e-8,
            "largest": 65504, "bases_cut_to_largest": cut,
        }  # fmt: skip
        specs = {}
        for prefix, length, _ in family_lengths(place.length):
            axes = {"axes": ["gene", "base"], "transform": "none", **bounds}
            specs[f"{prefix}values"] = Spec((length,), "float16", "signal, 0 without data", axes)
            axes = {"axes": ["gene", "byte"], "bases_per_byte": 8}
            what = "packed bits, first base highest, 1 = the track has data"
            specs[f"{prefix}valid"] = Spec((length // 8,), "uint8", what, axes)
        write_arrays(folder, len(place.starts), specs, block)


def _inside(path: Path | None, place: _Place) -> np.ndarray:
    """Where a chromosome lies inside the intervals of a file; nowhere without a file."""
    if path is None:
        return np.zeros(place.size, bool)
    # Peaks may cross an end, where the mask ends too.
    return interval_track(read_intervals(path, overhang=Overhang()), place.chrom, place.size)


@dataclass(frozen=True)
class _Masks:
    """Writes the interval masks of one chromosome."""

    files: dict[str, Path | None]
    place: _Place

    def __call__(self, folder: Path) -> None:
        place = self.place
        tracks = [_inside(path, place) for path in self.files.values()]

        def block(genes: slice) -> dict[str, np.ndarray]:
            windows = [windows_of(track, place.starts[genes], place.length) for track in tracks]
            return {
                f"{prefix}masks": np.stack([pack_bits(w[:, part]) for w in windows], axis=1)
                for prefix, _, part in family_lengths(place.length)
            }

        what = "packed bits, first base highest, 1 = inside an interval"
        axes = {"axes": ["gene", "mask", "byte"], "bases_per_byte": 8, "masks": list(self.files)}
        specs = {
            f"{prefix}masks": Spec((len(tracks), length // 8), "uint8", what, axes)
            for prefix, length, _ in family_lengths(place.length)
        }
        write_arrays(folder, len(place.starts), specs, block)


@dataclass(frozen=True)
class _Contact:
    """Writes the contact bins of one chromosome."""

    values: np.ndarray
    start: np.ndarray
    resolution: int
    place: _Place

    def __call__(self, folder: Path) -> None:
        begin, place = self.place.starts, self.place
        inside = np.clip(np.stack([-begin, place.size - begin], axis=1), 0, place.length)
        given = {"bins": self.values, "start": self.start, "inside": inside}
        binned = {"resolution": self.resolution}
        what = "contact of the bin with the TSS bin, where it lies; 0 where missing"
        specs = {
            "bins": Spec(
                (self.values.shape[1],), "float32", what,
                {"axes": ["gene", "bin"], "transform": "log10(1 + x)", **binned},
            ),
            "start": Spec((), "int64", "window base 0 inside the first bin, bp", binned),
            "inside": Spec((2,), "int64", "first and past-the-last base on the chromosome"),
        }  # fmt: skip
        write_arrays(
            folder, len(begin), specs, lambda genes: {k: v[genes] for k, v in given.items()}
        )


@dataclass(frozen=True)
class _Cell:
    """All parts of one cell store."""

    sources: SignalSources
    contact: WindowContact
    resolution: int
    indices: dict[str, Path]
    records: dict[Path, dict[str, str]] = field(default_factory=dict)

    def record(self, path: Path) -> dict[str, str]:
        """Source record of a file, computed once."""
        if path not in self.records:
            self.records[path] = source_record(path)
        return self.records[path]

    def parts(self, place: _Place, rows: np.ndarray) -> Iterator[Part]:
        """Parts of one chromosome, whose genes are ``rows`` of the table."""
        same = (place.chrom, place.size, place.length, place.starts.tolist())
        for name, path in self.sources.signals.items():
            recipe = digest("signal", self.record(path)["sha256"], path.suffix.lower(), *same)
            signal = _Signal(path, self.indices.get(name), place)
            yield Part(f"{place.chrom}/signals/{name}", recipe, signal)
        files = self.sources.masks()
        sums = {name: path and self.record(path)["sha256"] for name, path in files.items()}
        yield Part(f"{place.chrom}/masks", digest("masks", sums, *same), _Masks(files, place))
        values, start = self.contact.values[rows], self.contact.start[rows]
        content = hashlib.sha256(values.tobytes() + start.tobytes()).hexdigest()
        recipe = digest("contact", content, self.resolution, *same)
        write = _Contact(values, start, self.resolution, place)
        yield Part(f"{place.chrom}/contact", recipe, write)


def build_signals(
    sources: SignalSources,
    genes: pd.DataFrame,
    sizes: dict[str, int],
    length: int,
    contact: WindowContact,
    out: Path,
    *,
    resolution: int,
    workers: int = 1,
    settings: dict[str, Any] | None = None,
) -> None:
    """Write signals, masks and contact of every gene's window for one cell type.

    Parameters
    ----------
    sources : SignalSources
        Input files.
    genes : DataFrame
        Gene table.
    sizes : dict
        Chromosome sizes, bp.
    length : int
        Window, bp, centred on the TSS; a multiple of 8.
    contact : WindowContact
        Contact of every window's bins (`gexpipe.contact.window.window_contact`).
    out : Path
        Store folder.
    resolution : int
        Width of a contact bin, bp.
    workers : int
        Processes, one signal of one chromosome each at a time. A process holds that at three bytes
        a base, and the windows of one shard.
    settings : dict, optional
        What else to record in the manifest: where contact comes from, configuration.

    Raises
    ------
    UserError
        For a chromosome without a size, or an input that cannot be read.
    """
    check_length(length)
    names = [str(chrom) for chrom in genes["chrom"].unique()]
    absent = [chrom for chrom in names if chrom not in sizes]
    if absent:
        raise UserError(f"genes lie on {absent[0]}, which the chromosome sizes do not list")
    begin = genes["tss"].to_numpy(np.int64) - length // 2
    chroms = genes["chrom"].to_numpy(str)
    with _indexed(sources, out) as indices:
        cell = _Cell(sources, contact, resolution, indices)
        parts: list[Part] = []
        for chrom in names:
            rows = np.flatnonzero(chroms == chrom)
            place = _Place(chrom, sizes[chrom], begin[rows], length)
            parts += cell.parts(place, rows)
        manifest = {
            "kind": "signals",
            "length": length,
            "signals": list(sources.signals),
            "masks": list(MASKS),
            "resolution": resolution,
            "sources": list(cell.records.values()),
            "settings": settings or {},
        }
        build_store(out, genes, sizes, parts, manifest, workers)


@contextmanager
def _indexed(sources: SignalSources, out: Path) -> Iterator[dict[str, Path]]:
    """Signal name -> temporary index of each BAM that has none beside it."""
    bams = {name: path for name, path in sources.signals.items() if is_alignment(path)}
    without = {
        name: path
        for name, path in bams.items()
        if not any(Path(f"{path}{end}").exists() for end in (".bai", ".csi"))
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.index.", dir=out.parent) as folder:
        found = {name: Path(folder) / f"{name}.bai" for name in without}
        for name, path in without.items():
            try:
                pysam.index(str(path), str(found[name]))
            except pysam.SamtoolsError as error:
                raise UserError(f"cannot be indexed, sort it: {error}", path) from error
        yield found
