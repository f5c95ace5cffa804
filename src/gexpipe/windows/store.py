"""A window store on disk: a zarr v3 group per chromosome, and a manifest written last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import ZstdCodec

from gexpipe import __version__
from gexpipe.errors import UserError
from gexpipe.files import aside, checksum, read_json, write_json
from gexpipe.log import progress
from gexpipe.windows.layout import GENES_PER_SHARD

__all__ = [
    "MANIFEST",
    "Spec",
    "build_store",
    "chromosome_rows",
    "fingerprint",
    "read_manifest",
    "source_record",
    "write_group",
]

MANIFEST = "manifest.json"


def chromosome_rows(genes: pd.DataFrame) -> dict[str, np.ndarray]:
    """Chromosome -> rows of the gene table, both in order of appearance."""
    return {str(chrom): rows.index.to_numpy() for chrom, rows in genes.groupby("chrom", sort=False)}


@dataclass(frozen=True)
class Spec:
    """One array of a chromosome's group.

    Attributes
    ----------
    shape : tuple of int
        Shape of one gene's entry.
    dtype : str
        NumPy dtype name.
    what : str
        Meaning, unit and fill; stored as the attribute ``description``.
    attributes : dict
        Further attributes (axis names, order of signals).
    """

    shape: tuple[int, ...]
    dtype: str
    what: str
    attributes: dict[str, Any] = field(default_factory=dict)


def write_group(
    store: Path,
    chrom: str,
    n_genes: int,
    specs: dict[str, Spec],
    block: Callable[[slice], dict[str, np.ndarray]],
) -> None:
    """Write the arrays of one chromosome, shard by shard, so that memory stays bounded.

    One gene per chunk, `GENES_PER_SHARD` genes per file, zstd level 1 (plain zstd beats shuffling
    codecs on run-length signals, in size and speed).

    Parameters
    ----------
    store : Path
        Store folder (an open build).
    chrom : str
        Group name.
    n_genes : int
        Genes on the chromosome.
    specs : dict
        Array name -> `Spec`.
    block : callable
        ``block(genes)`` gives array name -> (genes, *shape) for a slice of the chromosome's genes.
    """
    group = zarr.open_group(store, mode="a").create_group(chrom)
    arrays = {
        name: group.create_array(
            name,
            shape=(n_genes, *spec.shape),
            dtype=spec.dtype,
            chunks=(1, *spec.shape),
            shards=(GENES_PER_SHARD, *spec.shape),
            compressors=ZstdCodec(level=1),
            attributes={
                "description": spec.what,
                "coordinates": "0-based half-open, forward strand",
                **spec.attributes,
            },
        )
        for name, spec in specs.items()
    }
    for start in range(0, n_genes, GENES_PER_SHARD):
        genes = slice(start, min(start + GENES_PER_SHARD, n_genes))
        for name, values in block(genes).items():
            arrays[name][genes] = values


def source_record(path: str | Path) -> dict[str, str]:
    """Name and sha256 of an input file, from the record beside it where the download left one."""
    record = Path(f"{path}.json")
    known = read_json(record) if record.exists() else {}
    return {"file": Path(path).name, "sha256": known.get("sha256") or checksum(path)}


def build_store(
    out: Path,
    genes: pd.DataFrame,
    write_chromosome: Callable[[Path, str], None],
    manifest: dict[str, Any],
    workers: int = 1,
) -> None:
    """Build a store aside, chromosome by chromosome, and rename it when it is complete.

    Parameters
    ----------
    out : Path
        Store folder.
    genes : DataFrame
        Gene table; its order and TSSs are recorded.
    write_chromosome : callable
        ``write_chromosome(store, chrom)`` writes the group of one chromosome; picklable when
        ``workers`` > 1. No two calls touch one shard.
    manifest : dict
        What to record besides genes, versions and the content fingerprint.
    workers : int
        Processes.
    """
    chromosomes = list(chromosome_rows(genes))
    with aside(out) as store:
        zarr.open_group(store, mode="w-", zarr_format=3)
        if workers > 1:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                jobs = [pool.submit(write_chromosome, store, chrom) for chrom in chromosomes]
                for job in progress(jobs, "chromosomes"):
                    job.result()
        else:
            for chrom in progress(chromosomes, "chromosomes"):
                write_chromosome(store, chrom)
        record = {
            **manifest,
            "gexpipe": __version__,
            "zarr": zarr.__version__,
            "genes": genes["gene_id"].tolist(),
            "chromosomes": {c: len(rows) for c, rows in chromosome_rows(genes).items()},
            "gene_chromosomes": genes["chrom"].tolist(),
            "fingerprint": fingerprint(store),
        }
        write_json(store / MANIFEST, record)


def fingerprint(store: Path) -> str:
    """sha256 over the names and bytes of every file of the store."""
    digest = hashlib.sha256()
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        digest.update(path.relative_to(store).as_posix().encode())
        digest.update(bytes.fromhex(checksum(path)))
    return digest.hexdigest()


def read_manifest(store: str | Path) -> tuple[Path, dict[str, Any]]:
    """Folder and manifest of a finished store; ``store`` may be the folder or its manifest."""
    path = Path(store)
    folder = path.parent if path.name == MANIFEST else path
    if not (folder / MANIFEST).exists():
        raise UserError(
            f"not a finished window store: no {MANIFEST} (was its build cut off?)", folder
        )
    return folder, read_json(folder / MANIFEST)
