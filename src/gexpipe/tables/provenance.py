"""Where everything came from: the records of all downloaded files, the configuration, versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from gexpipe import __version__
from gexpipe.errors import UserError
from gexpipe.files import aside, checksum, write_json
from gexpipe.prepared import SUMS, open_prepared
from gexpipe.records import of_these_bytes
from gexpipe.source import commit, versions
from gexpipe.tables.page import write_page

__all__ = ["provenance_table", "write_provenance"]

COLUMNS = (
    "file", "used_as", "source", "accession", "format", "url", "md5", "sha256", "size", "assembly",
    "status", "warnings", "date",
)  # fmt: skip
PACKAGES = (
    "numpy", "pandas", "scipy", "scikit-learn", "pyarrow", "zarr", "numcodecs", "pysam",
    "pybigtools", "pyBigWig", "hictkpy", "cooler", "macs3", "snakemake", "torch",
    "lightning-fabric",
)  # fmt: skip


def provenance_table(used_as: dict[Path, str]) -> pd.DataFrame:
    """One row per file of the sheets that is there, from the record beside it.

    Parameters
    ----------
    used_as : dict
        File -> what it is used as. Files that were not needed, and are not there, are left out.

    Returns
    -------
    DataFrame
        `COLUMNS`: address, checksums, size in bytes, assembly, status and warnings as its portal
        told, date (UTC) when it was fetched.

    Raises
    ------
    UserError
        A file without record, or whose bytes are no longer the recorded ones.
    """
    rows = []
    for path, use in used_as.items():
        if not path.exists():
            continue
        note, _ = of_these_bytes(path)
        if not note:
            raise UserError(
                "no record of these bytes beside it (changed since it was fetched?): "
                "remove the file and run again",
                path,
            )
        told = {**note, "warnings": "; ".join(note.get("warnings", []))}
        rows.append({**told, "file": str(path), "used_as": use})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_provenance(used_as: dict[Path, str], config: dict[str, Any], out: Path) -> pd.DataFrame:
    """Write the table of files (TSV) and, beside it, a .json with configuration and versions too.

    A page (.html) shows what a reader asks of a file first, and the versions.

    The files' digests, the configuration and the versions together say what was computed from what.
    """
    table = provenance_table(used_as)
    packages = versions(PACKAGES)
    record = {
        "gexpipe": __version__,
        "commit": commit(),
        "versions": packages,
        "config": config,
        "files": table.to_dict("records"),
        "prepared": imported_from(config),
    }
    write_json(out.with_suffix(".json"), record)
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
    write_page(_readable(table, packages, imported_from(config)), out.with_suffix(".html"))
    return table


def imported_from(config: dict[str, Any]) -> dict[str, Any]:
    """Imported data that stood in the place of downloads: its files have records of their own."""
    found = open_prepared(config.get("prepared"))
    if found is None:
        return {}
    told = {key: found.record.get(key, "") for key in ("title", "licence", "gexpipe", "commit")}
    return {**told, "cells": found.cells, "sha256sums": checksum(found.folder / SUMS)}


def _readable(
    table: pd.DataFrame, packages: dict[str, str], prepared: dict[str, Any] | None = None
) -> str:
    shown = table[["used_as", "accession", "assembly", "status", "date", "md5", "url", "warnings"]]
    shown = shown.fillna("").rename(columns={"used_as": "used as"})
    text = "\n".join(f"- {name} {version}" for name, version in packages.items())
    told = "\n".join(f"- {key}: {value}" for key, value in (prepared or {}).items() if value)
    part = f"## Imported data\n\n{told}\n\n" if told else ""
    return f"# Provenance\n\n{shown.to_markdown(index=False)}\n\n{part}## Versions\n\n{text}\n"
