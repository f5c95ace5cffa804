"""tagAlign files (BED with one line per aligned read), read as the same arrays as BAM files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.abc.bam import ReadSpans
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.intervals import BED3, Overhang, interval_blocks

__all__ = ["is_tag_file", "read_tags", "tag_extent"]


def is_tag_file(path: str | Path) -> bool:
    """Whether the name says tagAlign or BED: ``.tagAlign``, ``.bed``, each perhaps with ``.gz``."""
    return Path(path).name.lower().removesuffix(".gz").endswith((".tagalign", ".bed"))


def read_tags(
    path: str | Path, names: list[str], sizes: dict[str, int] | None = None
) -> Iterator[ReadSpans]:
    """Reads of a tagAlign file, block by block; every line is one mapped read.

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
    seen: set[str] = set()
    cut = Overhang()
    for block in interval_blocks(require(path, "tagAlign file"), BED3, sizes, cut):
        codes, chromosomes = pd.factorize(block["chrom"])
        seen.update(chromosomes)
        lookup = np.array([number.get(name, len(names)) for name in chromosomes], dtype=np.int32)
        start, end = block["start"].to_numpy(), block["end"].to_numpy()
        yield ReadSpans(lookup[codes], start, end, np.ones(len(block), dtype=np.bool_))
    cut.say(path, "reads")
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
