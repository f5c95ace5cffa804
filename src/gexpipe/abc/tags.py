"""tagAlign files (BED with one line per aligned read), read as the same arrays as BAM files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.abc.bam import ReadSpans
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.intervals import BED3, Overhang, interval_blocks
from gexpipe.log import get_logger

__all__ = ["is_tag_file", "read_tags", "tag_extent"]

logger = get_logger(__name__)

# Reads of these chromosomes are ABC's total of a tagAlign file: chrM, chrUn and chrEBV are not, the
# unplaced parts of numbered chromosomes are. (Of a BAM file all mapped reads are.)
_IN_TOTAL = re.compile(r"chr[1-9XY]")


def is_tag_file(path: str | Path) -> bool:
    """Whether the name says tagAlign or BED: ``.tagAlign``, ``.bed``, each perhaps with ``.gz``."""
    return Path(path).name.lower().removesuffix(".gz").endswith((".tagalign", ".bed"))


def read_tags(
    path: str | Path, names: list[str], sizes: dict[str, int] | None = None
) -> Iterator[ReadSpans]:
    """Reads of a tagAlign file, block by block; every line is one placed read.

    As mapped, and so in the total, count those of numbered chromosomes, X and Y, as ABC counts
    them; where ``names`` has none of these, all.

    Parameters
    ----------
    path : str or Path
        BED of at least three columns, 0-based half-open, gzipped or not, in any order.
    names : list of str
        Chromosomes that are numbered; reads elsewhere get the number ``len(names)``.
    sizes : dict, optional
        Chromosome lengths, bp: reads that cross an end are cut there and counted (tools shift
        reads), reads beyond it are refused.

    Raises
    ------
    UserError
        When a line cannot be read, or no read lies on any of ``names``.
    """
    number = {name: index for index, name in enumerate(names)}
    everything = not any(map(_IN_TOTAL.match, names))
    seen: set[str] = set()
    cut, aside = Overhang(), 0
    for block in interval_blocks(require(path, "tagAlign file"), BED3, sizes, cut):
        codes, chromosomes = pd.factorize(block["chrom"])
        seen.update(chromosomes)
        lookup = np.array([number.get(name, len(names)) for name in chromosomes], dtype=np.int32)
        start, end = block["start"].to_numpy(), block["end"].to_numpy()
        total = np.array([everything or bool(_IN_TOTAL.match(name)) for name in chromosomes])[codes]
        aside += int(np.count_nonzero(~total))
        yield ReadSpans(lookup[codes], start, end, total)
    cut.say(path, "reads")
    if aside:
        logger.info("%s: %d reads are not in the total, as in ABC's (chrM, chrUn)", path, aside)
    if seen and not seen & set(names):
        raise UserError(
            f"chromosome names do not match: the reads lie on {', '.join(sorted(seen)[:4])}; "
            f"the regions on {', '.join(names[:4])}",
            path,
        )


def tag_extent(path: str | Path) -> dict[str, int]:
    """Largest end of a read on every chromosome, bp: the format carries no chromosome lengths."""
    extent: dict[str, int] = {}
    for block in interval_blocks(require(path, "tagAlign file"), overhang=Overhang()):
        for name, end in block.groupby("chrom")["end"].max().items():
            extent[str(name)] = max(extent.get(str(name), 0), int(end))
    return extent
