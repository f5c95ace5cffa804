"""The gene table from one's own BED file of genes."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["genes_from_bed"]

FIELDS = ["chrom", "start", "end", "name", "score", "strand"]


def genes_from_bed(path: str | Path, chromosomes: list[str]) -> pd.DataFrame:
    """Genes of a BED file: one row a gene, its body 0-based half-open.

    The name is the gene id, or id and symbol as ``id|symbol``. The TSS is the body's first base on
    the gene's strand: ``start`` on +, ``end - 1`` on -.

    Parameters
    ----------
    path : str or Path
        BED of at least six columns (more are ignored), gzipped or not; ``#``, ``track`` and
        ``browser`` lines are skipped.
    chromosomes : list of str
        Chromosomes in use; genes elsewhere are left out.

    Returns
    -------
    DataFrame
        gene_id, symbol (empty without one), chrom, tss, strand, start, end, source (``bed``), in
        the file's order.

    Raises
    ------
    UserError
        At a row with fewer than six columns, without strand, without a body, or with an id that
        stood before; or when no gene lies on ``chromosomes``.
    """
    rows = _rows(path)
    bounds = rows[["start", "end"]].apply(pd.to_numeric, errors="coerce")
    span = bounds.to_numpy(np.float64)
    whole = (span[:, 0] >= 0) & (span[:, 1] > span[:, 0]) & (span % 1 == 0).all(axis=1)
    _refuse(path, rows, ~whole, "start and end", "0 <= start < end")
    stranded = rows["strand"].isin(["+", "-"]).to_numpy()
    _refuse(path, rows, ~stranded, "strand", "+ or -: the TSS depends on it")
    names = [name.partition("|") for name in rows["name"]]
    start, end = span.astype(np.int64).T
    genes = pd.DataFrame(
        {
            "gene_id": [name[0] for name in names],
            "symbol": [name[2] for name in names],
            "chrom": rows["chrom"],
            "tss": np.where(rows["strand"] == "+", start, end - 1),
            "strand": rows["strand"],
            "start": start,
            "end": end,
            "source": "bed",
        },
        index=rows.index,
    )
    _refuse(path, rows, genes["gene_id"].isin(["", "."]).to_numpy(), "name", "a gene id")
    _refuse(path, rows, genes["gene_id"].duplicated().to_numpy(), "name", "each gene id once")
    genes = genes[genes["chrom"].isin(chromosomes)].reset_index(drop=True)
    if genes.empty:
        found = ", ".join(map(str, rows["chrom"].unique()[:4]))
        raise UserError(f"no gene on {', '.join(chromosomes[:4])}; it has {found}", path)
    return genes


def _rows(path: str | Path) -> pd.DataFrame:
    """First six columns as text, indexed by line number from 1."""
    source = require(path, "BED file of genes")
    zipped = source.open("rb").read(2) == b"\x1f\x8b"
    try:
        lines = pd.read_csv(
            source,
            sep="\x01",
            header=None,
            names=["line"],
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            quoting=3,
            compression="gzip" if zipped else None,
        )["line"]
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"not a readable BED file ({error})", source) from error
    lines.index += 1
    skipped = lines.str.startswith(("#", "track", "browser")) | (lines.str.strip() == "")
    kept = lines[~skipped]
    values = [line.rstrip("\r").split("\t")[: len(FIELDS)] for line in kept]
    for row, fields in zip(kept.index, values, strict=True):
        if len(fields) < len(FIELDS):
            raise UserError(
                f"found {len(fields)} columns, expected at least {len(FIELDS)}: "
                + ", ".join(FIELDS),
                f"{path}, row {row}",
            )
    return pd.DataFrame(values, columns=FIELDS, index=kept.index, dtype=str)


def _refuse(
    path: str | Path, rows: pd.DataFrame, bad: np.ndarray, column: str, expected: str
) -> None:
    if bad.any():
        row = rows[bad].iloc[0]
        found = f"{row['start']}-{row['end']}" if column == "start and end" else row[column]
        raise UserError(
            f"{column} of {row['name']} is {found!r}, expected {expected}",
            f"{path}, row {row.name}",
        )
