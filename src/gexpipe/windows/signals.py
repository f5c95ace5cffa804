"""Build the store of one cell type: signals, masks and contact of every gene's window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pybigtools
import pyBigWig

from gexpipe.contact.window import WindowContact
from gexpipe.errors import UserError
from gexpipe.files import open_text
from gexpipe.windows.layout import MASKS, pack_bits
from gexpipe.windows.sequence import check_length, families, family_lengths, window_of
from gexpipe.windows.store import Spec, build_store, chromosome_rows, source_record, write_group

__all__ = ["SignalSources", "build_signals", "interval_track", "mask_names", "signal_track"]

# Bases read from a bigWig at a time, into one reused buffer.
BLOCK = 1_000_000
FLOAT16_MAX = 65_504.0


@dataclass(frozen=True)
class SignalSources:
    """The input files of one cell store.

    Attributes
    ----------
    signals : dict
        Name -> bigWig or bigBed, in stored order.
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


def signal_track(path: Path, chrom: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One chromosome of a bigWig at base resolution; a bigBed gives 1 inside its intervals.

    Returns
    -------
    values : ndarray
        (size,) float16, 0 where the track has no data. Error at most 2**-11 of the value, or 3e-8
        for values below 6.1e-5; values above 65,504 are cut there.
    valid : ndarray
        (size,) bool, where the track has data.
    """
    values, valid = np.zeros(size, np.float16), np.zeros(size, bool)
    if path.suffix.lower() in (".bigbed", ".bb"):
        with pyBigWig.open(str(path)) as track:
            entries = track.entries(chrom, 0, size) if chrom in track.chroms() else None
        for start, end, _ in entries or []:
            values[start:end] = 1.0
        valid[:] = True
        return values, valid
    with pybigtools.open(str(path)) as track:
        if chrom not in track.chroms():
            return values, valid
        buffer = np.empty(BLOCK, np.float64)
        for start in range(0, size, BLOCK):
            end = min(start + BLOCK, size)
            part = buffer[: end - start]
            track.values(chrom, start, end, fillna=None, arr=part)
            known = ~np.isnan(part)
            valid[start:end] = known
            values[start:end] = np.where(known, np.clip(part, -FLOAT16_MAX, FLOAT16_MAX), 0.0)
    return values, valid


def interval_track(intervals: pd.DataFrame, chrom: str, size: int) -> np.ndarray:
    """(size,) bool, True inside the intervals of one chromosome."""
    mask = np.zeros(size, bool)
    here = intervals[intervals["chrom"] == chrom]
    for start, end in zip(here["start"], here["end"], strict=True):
        mask[max(int(start), 0) : int(end)] = True
    return mask


def _read_intervals(path: Path | None) -> pd.DataFrame:
    names = ["chrom", "start", "end"]
    if path is None:
        return pd.DataFrame({name: [] for name in names})
    try:
        with open_text(path) as handle:
            return pd.read_csv(
                handle, sep="\t", header=None, comment="#", usecols=[0, 1, 2], names=names,
                dtype={"chrom": str, "start": np.int64, "end": np.int64},
            )  # fmt: skip
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: [] for name in names})
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"expected BED lines (chrom, start, end): {error}", path) from error


@dataclass(frozen=True)
class _CellWriter:
    """Writes the group of one chromosome; picklable, opens its files itself."""

    sources: SignalSources
    genes: pd.DataFrame
    sizes: dict[str, int]
    length: int
    contact: WindowContact
    resolution: int

    def __call__(self, store: Path, chrom: str) -> None:
        rows = chromosome_rows(self.genes)[chrom]
        starts = self.genes["tss"].to_numpy()[rows] - self.length // 2
        size = self.sizes[chrom]
        masks = [
            interval_track(_read_intervals(path), chrom, size)
            for path in self.sources.masks().values()
        ]
        tracks = [signal_track(path, chrom, size) for path in self.sources.signals.values()]
        masks += [valid for _, valid in tracks]

        def block(genes: slice) -> dict[str, np.ndarray]:
            signals = _windows([values for values, _ in tracks], starts[genes], self.length)
            bits = _windows(masks, starts[genes], self.length)
            arrays = {f"{prefix}signals": part for prefix, part in families(signals)}
            arrays |= {f"{prefix}masks": pack_bits(part) for prefix, part in families(bits)}
            at = rows[genes]
            arrays["contact"] = self.contact.values[at]
            arrays["contact_start"] = self.contact.start[at]
            begin = starts[genes]
            inside = np.stack([-begin, size - begin], axis=1)
            arrays["inside"] = np.clip(inside, 0, self.length)
            return arrays

        write_group(store, chrom, len(rows), self._specs(), block)

    def _specs(self) -> dict[str, Spec]:
        names = list(self.sources.signals)
        order = mask_names(names)
        specs = {}
        for prefix, length in family_lengths(self.length):
            specs[f"{prefix}signals"] = Spec(
                (len(names), length), "float16", "raw signal, 0 where valid:NAME is 0",
                {"axes": ["gene", "signal", "base"], "signals": names, "relative_error": 2.0**-11,
                 "absolute_error_below_6.1e-5": 3e-8},
            )  # fmt: skip
            specs[f"{prefix}masks"] = Spec(
                (len(order), length // 8), "uint8", "packed bits, 1 = inside", {"masks": order}
            )
        bins = self.contact.values.shape[1]
        binned = {"resolution": self.resolution}
        what = "log10(1 + contact of the bin with the TSS bin), 0 where missing"
        specs["contact"] = Spec((bins,), "float32", what, binned)
        what = "position of window base 0 inside the first bin, bp"
        specs["contact_start"] = Spec((), "int64", what, binned)
        what = "first and past-the-last base of the window that lies on the chromosome"
        specs["inside"] = Spec((2,), "int64", what)
        return specs


def mask_names(signals: list[str]) -> list[str]:
    """Order of the stored masks: `MASKS`, then where each signal has data."""
    return [*MASKS, *(f"valid:{name}" for name in signals)]


def _windows(tracks: list[np.ndarray], starts: np.ndarray, length: int) -> np.ndarray:
    """(genes, tracks, length) windows of several tracks, zero off the chromosome."""
    result = np.zeros((len(starts), len(tracks), length), tracks[0].dtype)
    for k, track in enumerate(tracks):
        for row, start in enumerate(starts):
            result[row, k] = window_of(track, int(start), length, 0)
    return result


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
        Window, bp, centred on the TSS.
    contact : WindowContact
        Contact of every window's bins (`gexpipe.contact.window.window_contact`).
    out : Path
        Store folder.
    resolution : int
        Width of a contact bin, bp.
    workers : int
        Processes, one chromosome each at a time.
    """
    check_length(length)
    files = [p for p in [*sources.signals.values(), *sources.masks().values()] if p is not None]
    manifest = {
        "kind": "signals",
        "length": length,
        "signals": list(sources.signals),
        "masks": mask_names(list(sources.signals)),
        "resolution": resolution,
        "sources": [source_record(path) for path in files],
    }
    writer = _CellWriter(sources, genes, sizes, length, contact, resolution)
    build_store(out, genes, writer, manifest, workers)
