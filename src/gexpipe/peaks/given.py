"""Peaks that were called before, as a narrowPeak file in the place of MACS3's."""

from __future__ import annotations

from pathlib import Path

from gexpipe.abc.candidates import read_peaks
from gexpipe.files import aside, write_json
from gexpipe.intervals import data_lines
from gexpipe.log import get_logger
from gexpipe.reference.genome import read_sizes

__all__ = ["take_peaks"]

logger = get_logger(__name__)


def take_peaks(peaks: Path, chrom_sizes: Path, expected: tuple[int, int], out: Path) -> int:
    """Check a narrowPeak file and write it unpacked, with a record beside it; returns its peaks.

    Parameters
    ----------
    peaks, chrom_sizes : Path
        narrowPeak with summits (gzipped or not), chromosome lengths.
    expected : (int, int)
        Range of peak numbers outside which a warning is logged and recorded.
    """
    number = len(read_peaks(peaks, read_sizes(chrom_sizes)))
    with aside(out) as temporary, temporary.open("w", encoding="utf-8") as handle:
        handle.writelines(f"{line}\n" for _, line in data_lines(peaks))
    low, high = expected
    if not low <= number <= high:
        logger.warning("%d peaks; between %d and %d were expected", number, low, high)
    record = {"peaks": number, "expected": [low, high], "source": "the sheet's peaks row"}
    write_json(out.with_suffix(".json"), {**record, "in_expected_range": low <= number <= high})
    logger.info("%s: %d peaks", peaks, number)
    return number
