"""Bins around the summits of H3K27ac peaks: what EPInformer's sequence encoder is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.abc.candidates import read_peaks
from gexpipe.abc.counts import count_reads, reads_per_million
from gexpipe.abc.elements import write_elements
from gexpipe.abc.intervals import around, overlaps_any
from gexpipe.errors import UserError
from gexpipe.intervals import read_intervals
from gexpipe.log import get_logger
from gexpipe.reference.genome import read_sizes

__all__ = ["BinOptions", "measure_bins", "summit_bins"]

logger = get_logger(__name__)

FLANK = 1000  # bp around a peak in which no background bin lies
ROUNDS = 30  # draws of background places, before a genome has no more room for them


@dataclass(frozen=True)
class BinOptions:
    """Where bins lie, and how many.

    Attributes
    ----------
    offsets : tuple of int
        A bin is centred on summit + offset x stride, for every offset.
    stride, width : int
        Distance of neighbouring bins, and their width, bp.
    peaks : int
        Peaks that are kept, by their signal (column 7 of narrowPeak); 0: all.
    negatives : float
        Places away from peaks, as a share of the peaks; each has all bins.
    seed : int
        Of their draw.
    """

    offsets: tuple[int, ...]
    stride: int
    width: int = 256
    peaks: int = 0
    negatives: float = 0.0
    seed: int = 42

    @property
    def reach(self) -> int:
        """Bases on either side of a summit that any of its bins covers."""
        return max(abs(offset) for offset in self.offsets) * self.stride + self.width // 2


def summit_bins(
    peaks: pd.DataFrame, sizes: dict[str, int], options: BinOptions, avoid: pd.DataFrame
) -> pd.DataFrame:
    """Bins around the summits of peaks, and of places away from them.

    Peaks whose own summit has no whole bin on its chromosome are left out, and bins of others that
    leave it; of equal bins (summits one stride apart) one stays. All of it is logged.

    Parameters
    ----------
    peaks : DataFrame
        chrom, start, end, summit (offset from start), signal.
    sizes : dict
        Chromosome lengths, bp; peaks elsewhere are left out.
    options : BinOptions
        Which bins.
    avoid : DataFrame
        chrom, start, end of regions that background bins must not touch, beside peaks.

    Returns
    -------
    DataFrame
        chrom, start, end (0-based half-open), name; strongest peak first, negatives last.
    """
    known = peaks[peaks["chrom"].isin(sizes)]
    if known.empty:
        raise UserError("no peak is left: all lie on other chromosomes", "summits")
    if options.peaks and known["signal"].isna().any():
        raise UserError("peaks without a signal (column 7) cannot be ranked", "summits: peaks")
    strong = known.sort_values("signal", ascending=False, kind="stable")
    chosen = strong.head(options.peaks) if options.peaks else strong
    place = pd.DataFrame({"chrom": chosen["chrom"], "at": chosen["start"] + chosen["summit"]})
    length = place["chrom"].map(sizes)
    half = options.width // 2
    whole = (place["at"] >= half) & (place["at"] + half <= length)
    logger.info(
        "%d peaks: %d on other chromosomes, %d beyond the strongest and %d at the end of a "
        "chromosome are left out",
        len(peaks), len(peaks) - len(known), len(known) - len(chosen), int((~whole).sum()),
    )  # fmt: skip
    place = place[whole]
    if place.empty:
        raise UserError("no peak is left: all lie at the end of a chromosome", "summits")
    count = max(1, int(len(place) * options.negatives)) if options.negatives else 0
    away = _background(known, sizes, options, avoid, count)
    bins = pd.concat([_bins(place, "", options), _bins(away, "background|", options)])
    inside = (bins["start"] >= 0) & (bins["end"] <= bins["chrom"].map(sizes))
    kept = bins[inside].drop_duplicates(["chrom", "start", "end"]).reset_index(drop=True)
    logger.info(
        "%d bins of %d summits and %d background places; %d leave their chromosome, %d are equal",
        len(kept), len(place), len(away), int((~inside).sum()), int(inside.sum()) - len(kept),
    )  # fmt: skip
    return kept


def _bins(places: pd.DataFrame, prefix: str, options: BinOptions) -> pd.DataFrame:
    """All bins of some places (chrom, at), place by place."""
    offsets = np.asarray(options.offsets, np.int64)
    at = np.repeat(places["at"].to_numpy(np.int64), len(offsets))
    chrom = np.repeat(places["chrom"].to_numpy(dtype=object), len(offsets))
    shift = np.tile(offsets, len(places))
    start = at + shift * options.stride - options.width // 2
    names = [f"{prefix}{c}:{a}{s:+d}" for c, a, s in zip(chrom, at, shift, strict=True)]
    return pd.DataFrame(
        {"chrom": chrom, "start": start, "end": start + options.width, "name": names}
    )


def _background(
    peaks: pd.DataFrame,
    sizes: dict[str, int],
    options: BinOptions,
    avoid: pd.DataFrame,
    count: int,
) -> pd.DataFrame:
    """Up to ``count`` places (chrom, at) all of whose bins are 1 kb from peaks and off ``avoid``.

    On the chromosomes of the peaks, by their length.
    """
    reach = options.reach
    found = pd.DataFrame({"chrom": pd.Series(dtype=object), "at": pd.Series(dtype=np.int64)})
    room = {c: sizes[c] for c in sorted(peaks["chrom"].unique()) if sizes[c] > 2 * reach}
    if not count or not room:
        return found
    near = peaks[["chrom", "start", "end"]].assign(
        start=peaks["start"] - FLANK, end=peaks["end"] + FLANK
    )
    closed = pd.concat([near, avoid[["chrom", "start", "end"]]], ignore_index=True)
    draw = np.random.default_rng(options.seed)
    names, lengths = np.array(list(room), dtype=object), np.array(list(room.values()))
    for _ in range(ROUNDS):
        which = draw.choice(len(names), 3 * count, p=lengths / lengths.sum())
        at = draw.integers(reach, lengths[which] - reach)
        drawn = pd.DataFrame({"chrom": names[which], "at": at})
        free = ~overlaps_any(around(drawn["chrom"], drawn["at"], reach, sizes), closed)
        found = pd.concat([found, drawn[free]], ignore_index=True).drop_duplicates()
        if len(found) >= count:
            return found.head(count)
    logger.warning("%d background places of %d: no more room away from peaks", len(found), count)
    return found


def measure_bins(
    peaks: Path,
    dnase: list[Path],
    h3k27ac: list[Path],
    chrom_sizes: Path,
    blacklist: Path | None,
    options: BinOptions,
    out: Path,
) -> int:
    """Write bins with their activity; returns their number.

    Activity is sqrt(DNase x H3K27ac) in reads per million of the bin itself, replicates averaged
    and nothing normalised; without H3K27ac alignments, of DNase alone.

    Parameters
    ----------
    peaks : Path
        narrowPeak of H3K27ac, with summits and signals.
    dnase, h3k27ac : list of Path
        Alignments.
    chrom_sizes, blacklist : Path
        Chromosome lengths; regions without background bins.
    options : BinOptions
        Which bins.
    out : Path
        Element table (.parquet): chrom, start, end, name, dnase_rpm, h3k27ac_rpm, activity_base.
    """
    sizes = read_sizes(chrom_sizes)
    empty = pd.DataFrame({"chrom": [], "start": [], "end": []})
    avoid = read_intervals(blacklist, sizes=sizes) if blacklist else empty
    table = summit_bins(read_peaks(peaks, sizes), sizes, options, avoid)
    for assay, files in (("dnase", dnase), ("h3k27ac", h3k27ac)):
        if files:
            counted = [count_reads(path, [table], sizes) for path in files]
            table[f"{assay}_rpm"] = reads_per_million(counted, 0)[1]
    if h3k27ac:
        table["activity_base"] = np.sqrt(table["dnase_rpm"] * table["h3k27ac_rpm"])
    else:
        logger.info("no H3K27ac alignments: activity is accessibility alone")
        table["activity_base"] = table["dnase_rpm"]
    silent = float((table["activity_base"] == 0).mean())
    logger.info("%d bins, %.2f %% of them without activity", len(table), 100 * silent)
    write_elements(table, out)
    return len(table)
