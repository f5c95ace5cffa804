"""The page that goes with an archive: what it is, where it came from, how to read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gexpipe import __version__
from gexpipe.download.public import is_web
from gexpipe.prepared import LATER, SUMS
from gexpipe.records import read_record
from gexpipe.reference.genes import read_genes
from gexpipe.reference.splits import read_splits
from gexpipe.sheets import Sheets
from gexpipe.source import commit

__all__ = ["data_card", "plain_card"]

_COORDINATES = (
    "0-based half-open on the forward strand, assembly {assembly}. A window of length L around a "
    "TSS is [tss - L // 2, tss + L // 2); index L // 2 is the TSS."
)


def _licence(words: Mapping[str, str], sources: Iterable[str]) -> str:
    """Whose terms hold: the exporter's words, and the portals that the data came from."""
    known = ", ".join(sorted({source for source in sources if source != "path"}))
    said = words.get("licence") or "not stated by who made this archive"
    return f"{said}. The terms of the sources ({known or 'own files'}) hold for what is theirs."


def _files_of(sheets: Sheets, cells: Iterable[str], folder: Path) -> pd.DataFrame:
    """Every file of the sheets: use, source, accession, address, md5 and sha256 where known."""
    uses, rows = sheets.used_as(), []
    for row in sheets.rows_of(cells):
        if row.role in LATER:
            continue
        note = read_record(folder / row.path) or {}
        address = note.get("url", "")
        rows.append({
            "used as": uses[row.path], "source": row.source, "accession": row.accession,
            "address": address if is_web(address) else row.url if row.source != "path" else "",
            "md5": note.get("md5", row.md5), "sha256": note.get("sha256", ""),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _genes_and_folds(folder: Path) -> str:
    """Numbers of genes, and of each part of every fold."""
    genes = read_genes(folder / "results/genes/genes.tsv")
    splits = read_splits(folder / "results/genes/splits.tsv")
    folds = [str(name) for name in splits if str(name).startswith("fold_")]
    parts = pd.DataFrame({name: splits[name].value_counts() for name in folds}).fillna(0).T
    parts = parts.astype(int).reset_index(names="fold")
    return (
        f"{len(genes)} genes on {genes['chrom'].nunique()} chromosomes; their order is that of "
        f"`results/genes/genes.tsv` in every table and store.\n\n{parts.to_markdown(index=False)}"
    )


def data_card(
    folder: Path,
    config: Mapping[str, Any],
    sheets: Sheets,
    offers: Iterable[str],
    words: Mapping[str, str],
) -> str:
    """The page of an archive of prepared data."""
    cells = list(config["cells"])
    files = _files_of(sheets, cells, folder)
    listed = "\n".join(f"- `{path}`" for path in offers)
    return f"""# {words.get("title") or "Prepared data for gene-expression models"}

Cell types: {", ".join(cells)}. Made by gexpipe {__version__} (commit {commit() or "unknown"}).

**Use it**: `gexpipe import ARCHIVE --folder PROJECT` compares every checksum ({SUMS}; also
`sha256sum --check {SUMS}`) and makes a project read these files instead of making them.

**Licence**: {_licence(words, files["source"])}

**Coordinates**: {_COORDINATES.format(assembly=config["reference"]["assembly"])}

**Windows**: {config["windows"]["length"]} bp; signals {", ".join(config["windows"]["signals"])};
contact at {config["contact"]["resolution"]} bp. Stores (`.zarr`) are zarr v3, their arrays are
described in gexpipe's docs/store.md, tables in docs/files.md; config/config.yaml has all settings.

## Genes and folds

{_genes_and_folds(folder)}

## Made from

{files.to_markdown(index=False)}

## Holds

{listed}
"""


def plain_card(
    folder: Path,
    config: Mapping[str, Any],
    sheets: Sheets,
    cell: str,
    words: Mapping[str, str],
) -> str:
    """The page of a cell type's windows as plain arrays, without the table of the arrays."""
    files = _files_of(sheets, [cell], folder)
    return f"""# {words.get("title") or f"Windows around the TSSs of {cell}"}

Made by gexpipe {__version__} (commit {commit() or "unknown"}). `sha256sum --check {SUMS}` compares
the files.

**Licence**: {_licence(words, files["source"])}

**Coordinates**: {_COORDINATES.format(assembly=config["reference"]["assembly"])}

**Genes**: `genes.tsv` (and `genes.parquet`, exact) has id, place, strand, gene features, target and
fold_1, fold_2, ... (train, valid, test) of every gene.

{_genes_and_folds(folder)}

## Made from

{files.to_markdown(index=False)}
"""
