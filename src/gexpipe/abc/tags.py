"""tagAlign files (BED with one line per aligned read), read as the same arrays as BAM files."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.abc.bam import ReadSpans
from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["is_tag_file", "read_tags", "tag_extent"]

LINES = 1 << 20  # read at once


def is_tag_file(path: str | Path) -> bool:
    """Whether the name says tagAlign or BED: ``.tagAlign``, ``.bed``, each perhaps with ``.gz``."""
    return Path(path).name.lower().removesuffix(".gz").endswith((".tagalign", ".bed"))


def _chunks(path: str | Path) -> Iterator[pd.DataFrame]:
    source = require(path, "tagAlign file")
    zipped = source.open("rb").read(2) == b"\x1f\x8b"
    try:
        yield from pd.read_csv(
            source,
            sep="\t",
            header=None,
            comment="#",
            usecols=[0, 1, 2],
            names=["chrom", "start", "end"],
            dtype={"chrom": "category", "start": "int64", "end": "int64"},
            chunksize=LINES,
            compression="gzip" if zipped else None,
        )
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"not a tagAlign file: chrom, start, end, ... ({error})", source) from error


def read_tags(path: str | Path, names: list[str]) -> Iterator[ReadSpans]:
    """Reads of a tagAlign file, chunk by chunk; every line is one mapped read.

    Parameters
    ----------
    path : str or Path
        BED of at least three columns, 0-based half-open, gzipped or not, in any order.
    names : list of str
        Chromosomes that are numbered; reads elsewhere get the number ``len(names)``.

    Raises
    ------
    UserError
        When a line cannot be read, or no read lies on any of ``names``.
    """
    number = {name: index for index, name in enumerate(names)}
    seen: set[str] = set()
    for chunk in _chunks(path):
        chromosomes = [str(name) for name in chunk["chrom"].cat.categories]
        seen.update(chromosomes)
        lookup = np.array([number.get(name, len(names)) for name in chromosomes], dtype=np.int32)
        reference = lookup[chunk["chrom"].cat.codes.to_numpy()]
        start, end = chunk["start"].to_numpy(), chunk["end"].to_numpy()
        yield ReadSpans(reference, start, end, np.ones(len(chunk), dtype=np.bool_))
    if seen and not seen & set(names):
        raise UserError(
            f"chromosome names do not match: the reads lie on {', '.join(sorted(seen)[:4])}; "
            f"the regions on {', '.join(names[:4])}",
            path,
        )


def tag_extent(path: str | Path) -> dict[str, int]:
    """Largest end of a read on every chromosome, bp: the format carries no chromosome lengths."""
    extent: dict[str, int] = {}
    for chunk in _chunks(path):
        for name, end in chunk.groupby("chrom", observed=True)["end"].max().items():
            extent[str(name)] = max(extent.get(str(name), 0), int(end))
    return extent
