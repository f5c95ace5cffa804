"""What a store says it is of: its genes, where they lie, and the genome they lie on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.windows.remote import Place

__all__ = ["check_genes", "check_genomes", "identity"]

# Key of a manifest -> column of the example table that must be equal, what it is.
_COLUMNS = {"gene_chromosomes": "chrom", "tss": "tss", "strand": "strand"}


def identity(genes: pd.DataFrame, lengths: Mapping[str, int]) -> dict[str, Any]:
    """What a manifest records of a gene table, and of the chromosomes its genes are on.

    Parameters
    ----------
    genes : DataFrame
        gene_id, chrom, tss (0-based), strand, in the order of the store.
    lengths : mapping
        Chromosome -> bp, of the genome that the store was made from.
    """
    chroms = [str(chrom) for chrom in genes["chrom"].unique()]
    return {
        "genes": genes["gene_id"].tolist(),
        "symbols": genes["symbol"].tolist() if "symbol" in genes else [],
        "tss": genes["tss"].tolist(),
        "strand": genes["strand"].tolist(),
        "chromosomes": genes["chrom"].value_counts(sort=False).to_dict(),
        "gene_chromosomes": genes["chrom"].tolist(),
        "genome": {chrom: int(lengths[chrom]) for chrom in chroms if chrom in lengths},
    }


def check_genes(manifest: Mapping[str, Any], store: Place, table: pd.DataFrame, of: Path) -> None:
    """Raise a `UserError` unless a store's genes, their places and strands are those of a table.

    Parameters
    ----------
    manifest, store : mapping, Path
        The store's manifest, and its folder for the message.
    table, of : DataFrame, Path
        Example table, and its file for the message. Columns that it has not are not compared;
        neither is what a store of an earlier version did not record.
    """
    if manifest["genes"] != table["gene_id"].tolist():
        raise UserError(f"its genes are not those of {of}, in the same order", store)
    for key, column in _COLUMNS.items():
        if key not in manifest or column not in table:
            continue
        stored, given = np.asarray(manifest[key]), table[column].to_numpy()
        other = np.flatnonzero(stored != given)
        if len(other):
            gene, row = table["gene_id"].iloc[other[0]], other[0]
            raise UserError(
                f"{len(other)} of {len(table)} genes have another {column} than in {of}: the first "
                f"is {gene}, {stored[row]} here and {given[row]} there",
                store,
            )


def check_genomes(stores: Mapping[Place, Mapping[str, Any]]) -> None:
    """Raise a `UserError` when stores (folder -> manifest) were made from different genomes."""
    known: dict[str, tuple[int, Place]] = {}
    for folder, manifest in stores.items():
        for chrom, length in manifest.get("genome", {}).items():
            first, other = known.setdefault(chrom, (length, folder))
            if first != length:
                raise UserError(
                    f"another genome: {chrom} has {length:,} bp, in {other} {first:,}", folder
                )
