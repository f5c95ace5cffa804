"""Sizes of the test simulation, and where its files are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

CELLS = {
    "SIM1": {
        "cage": "ctss",
        "contacts": "hic",
        "activators": {"gata": 1.2, "ap1": 0.7, "ets": 0.0},
    },
    "SIM2": {
        "cage": "bigWig",
        "contacts": "mcool",
        "activators": {"gata": 0.0, "ap1": 0.7, "ets": 1.2},
    },
}
MAPPING = {
    "seed": 3,
    "chromosomes": {"chr1": 900_000, "chr3": 400_000, "chr22": 700_000},
    "cells": CELLS,
    "genes": {"count": 36, "signal_free": 40_000, "noncoding": 3},
    "reads": {"dnase": 20_000, "h3k27ac": 20_000},
}


def path_of(sheet: pd.DataFrame, role: str, cell: str = "", row: int = 0) -> Path:
    chosen = sheet[(sheet["role"] == role) & (sheet["cell"] == cell)]
    return Path(chosen["path"].iloc[row])


def locate(mirror: Path, row: dict[str, str]) -> Path:
    if row["source"] == "url":
        return mirror / "url" / row["url"].removeprefix("https://")
    folder = {"encode": "encode/files", "4dn": "4dn/files-processed", "fantom5": "fantom5"}
    home = mirror / folder[row["source"]] / row["accession"]
    [path] = [p for p in home.rglob("*") if p.is_file() and p.name != "metadata.json"]
    return path


def digest_tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
