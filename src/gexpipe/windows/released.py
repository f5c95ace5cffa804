"""A window store from the folder that Seq2Exp (and Prism) read: its tracks, peaks and contact.

The release (``GeneExp``) is no zarr: ``promo_enhan_inter`` holds bigWigs of the signals and of the
MACS3 peaks and HDF5 files of contact. Its blacklists are pickles, which are not opened: a BED file
is given instead.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pyBigWig

from gexpipe.contact.released import read_released_contact
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.log import get_logger
from gexpipe.windows.signals import SignalSources, build_signals

__all__ = ["build_released", "released_tracks"]

logger = get_logger(__name__)

# Signal -> its folder, in the order of the authors' loader.
FOLDERS = {"H3K27ac": "H3K27ac", "DNase": "DNase-seq"}
PEAKS = "DNase-seq/{cell}/peaks/peaks_bigWig/macs3.bigWig"
RESOLUTION = 5000


def released_tracks(folder: Path, cell: str) -> dict[str, Path]:
    """Signal -> bigWig of a cell type; a `UserError` unless there is one of each."""
    data = _data(folder)
    found = {}
    for name, place in FOLDERS.items():
        here = sorted(p for p in (data / place / cell).glob("*") if p.suffix.lower() == ".bigwig")
        if len(here) != 1:
            names = ", ".join(path.name for path in here) or "none"
            cells = ", ".join(sorted(p.name for p in (data / place).glob("*") if p.is_dir()))
            raise UserError(
                f"{len(here)} bigWigs of {cell} ({names}), one is expected; cell types there: "
                f"{cells or 'none'}",
                data / place,
            )
        found[name] = here[0]
    return found


def _data(folder: Path) -> Path:
    """The folder ``promo_enhan_inter``, also when it is named itself."""
    inner = folder / "promo_enhan_inter"
    return require(inner if inner.is_dir() else folder, "folder of the release")


def build_released(
    folder: Path,
    cell: str,
    genes: pd.DataFrame,
    sizes: dict[str, int],
    length: int,
    out: Path,
    *,
    blacklist: Path | None = None,
    elements: Path | None = None,
    workers: int = 1,
) -> None:
    """Build the window store of a cell type from the release.

    Parameters
    ----------
    folder, cell : Path, str
        Root of the release (or its ``promo_enhan_inter``), and K562, GM12878 or H1.
    genes, sizes, length : DataFrame, dict, int
        Gene table with the release's TSSs, chromosome lengths, bases around the TSS.
    out : Path
        Store folder.
    blacklist, elements : Path, optional
        BED files of the masks; a mask without a file is empty.
    """
    tracks = released_tracks(folder, cell)
    contact = read_released_contact(_data(folder) / "HiC" / cell, genes, sizes, length, RESOLUTION)
    logger.info("%d of %d genes have contact", int(contact.covered.sum()), len(genes))
    peaks = _data(folder) / PEAKS.format(cell=cell)
    with tempfile.TemporaryDirectory(prefix="gexpipe_peaks.") as place:
        bed = _as_bed(peaks, Path(place) / f"{cell}.macs3.bed") if peaks.is_file() else None
        if bed is None:
            logger.warning("no %s: the mask of peaks is empty, as in the authors' loader", peaks)
        build_signals(
            SignalSources(tracks, bed, blacklist, elements), genes, sizes, length, contact, out,
            resolution=RESOLUTION, workers=workers, settings={"contact": "released by Seq2Exp"},
        )  # fmt: skip


def _as_bed(peaks: Path, out: Path) -> Path:
    """Intervals where a bigWig is above 0."""
    try:
        with pyBigWig.open(str(peaks)) as track, out.open("w", encoding="utf-8") as handle:
            for chrom in track.chroms():
                for start, end, value in track.intervals(chrom) or ():
                    if value > 0:
                        handle.write(f"{chrom}\t{start}\t{end}\n")
    except RuntimeError as error:
        raise UserError(f"not a readable bigWig ({error})", peaks) from error
    return out
