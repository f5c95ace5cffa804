"""Build the store of EPInformer's elements: each distinct element's bases once, and the links."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from pyfaidx import Fasta
from zarr.codecs import ZstdCodec

from gexpipe import __version__
from gexpipe.errors import UserError
from gexpipe.files import aside, write_json
from gexpipe.windows.arrays import check_length, window_of
from gexpipe.windows.identity import identity
from gexpipe.windows.layout import LAYOUT, N_CODE, encode, pack_bases
from gexpipe.windows.store import MANIFEST, fingerprint, source_record, stored_files

__all__ = ["ELEMENT_ARRAYS", "ELEMENT_FEATURES", "build_elements"]

# Arrays of the store.
ELEMENT_ARRAYS = ("bases", "unknown", "offset", "element", "features")

# Columns of the element table that become features, in the order of the authors' model.
ELEMENT_FEATURES = ["distance_kb", "contact_log", "activity"]


def build_elements(
    table: pd.DataFrame, fasta: Path, genes: pd.DataFrame, slot: int, max_elements: int, out: Path
) -> None:
    """Write element bases and gene-element links of one cell type.

    Parameters
    ----------
    table : DataFrame
        One row per gene and element (`gexpipe abc elements`): gene_id, rank (nearest first), chrom,
        start, end (0-based half-open, at most ``slot`` bp), slot_start, `ELEMENT_FEATURES`.
    fasta : Path
        Genome.
    genes : DataFrame
        Gene table; links are stored in its order.
    slot : int
        Bases per element, bp, a multiple of 8; an element of n bp starts at ``slot_start``.
    max_elements : int
        Most elements a gene can have (recorded; the model's input has one slot more).
    out : Path
        Store folder. Arrays: bases (elements, slot / 4) and unknown (elements, slot / 8) as in the
        sequence store; offset (genes + 1,) into element (links,) and features (links, 3) float32.
    """
    check_length(slot)
    position = pd.Series(np.arange(len(genes)), index=genes["gene_id"])
    row = table["gene_id"].map(position)
    if row.isna().any():
        raise UserError(f"gene {table['gene_id'][row.isna()].iloc[0]} is not in the gene table")
    table = (
        table.drop(columns="element", errors="ignore")
        .assign(gene=row.astype(int))
        .sort_values(["gene", "rank"], kind="stable")
    )
    key = ["chrom", "start", "end", "slot_start"]
    distinct = table[key].drop_duplicates().sort_values(key).reset_index(drop=True)
    index = table.merge(distinct.reset_index(names="element"), on=key, how="left")["element"]
    counts = np.bincount(table["gene"], minlength=len(genes))
    bases, unknown = pack_bases(_element_codes(distinct, fasta, slot))
    arrays = {
        "bases": (bases, "2 bits a base of each distinct element in its slot"),
        "unknown": (unknown, "packed bits, 1 = N, flank of the slot, or off the chromosome"),
        "offset": (
            np.concatenate([[0], np.cumsum(counts)]),
            "first link of each gene",
        ),
        "element": (index.to_numpy(np.int64), "row of bases, nearest element first"),
        "features": (table[ELEMENT_FEATURES].to_numpy(np.float32), ", ".join(ELEMENT_FEATURES)),
    }
    with aside(out) as store:
        group = zarr.open_group(store, mode="w-", zarr_format=3)
        for name, (values, what) in arrays.items():
            array = group.create_array(
                name, shape=values.shape, dtype=values.dtype,
                chunks=(min(max(len(values), 1), 4096), *values.shape[1:]),
                compressors=ZstdCodec(level=1, checksum=True), attributes={"description": what},
                config={"write_empty_chunks": True},  # so that a lost chunk is not read as zeros
            )  # fmt: skip
            array[:] = values
        record = {
            "kind": "elements", "layout": LAYOUT, "gexpipe": __version__, "slot": slot,
            "max_elements": max_elements, **identity(genes, _lengths(fasta, genes)),
            "elements": len(distinct), "links": len(table), "nearest_kb": _nearest(table),
            "arrays": list(arrays),
            "sources": [source_record(fasta)], "fingerprint": fingerprint(store),
            "files": len(stored_files(store)),
        }  # fmt: skip
        write_json(store / MANIFEST, record)


def _nearest(table: pd.DataFrame) -> float | None:
    """Median distance of the genes' nearest element, kb: 0 where their promoters are among them."""
    first = table.loc[table["rank"] == 0, "distance_kb"]
    return round(float(first.median()), 3) if len(first) else None


def _lengths(fasta: Path, genes: pd.DataFrame) -> dict[str, int]:
    """Chromosome -> bp, of those that have genes."""
    with Fasta(str(fasta), as_raw=True) as genome:
        return {c: len(genome[c]) for c in genes["chrom"].astype(str).unique() if c in genome}


def _element_codes(elements: pd.DataFrame, fasta: Path, slot: int) -> np.ndarray:
    """(elements, slot) uint8 codes, N outside the element."""
    codes = np.full((len(elements), slot), N_CODE, np.uint8)
    with Fasta(str(fasta), as_raw=True) as genome:
        for chrom, rows in elements.groupby("chrom", sort=False):
            if chrom not in genome:
                raise UserError(f"no chromosome {chrom!r}, which the element table has", fasta)
            track = encode(genome[chrom][:])
            places = rows[["start", "end", "slot_start"]].to_numpy(np.int64)
            for row, (start, end, slot_start) in zip(rows.index, places, strict=True):
                piece = window_of(track, start, end - start, N_CODE)
                codes[row, slot_start : slot_start + len(piece)] = piece
    return codes
