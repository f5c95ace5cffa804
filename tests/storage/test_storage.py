"""The tiny workflow in a default storage: the same stores and tables as in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from gexpipe.windows.store import read_manifest, verify
from tests.project import ROOT, Project
from tests.storage.conftest import run

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE = "results/tables/table1.tsv"
# What reads each kind of store, on one cell type.
FEW = {"cells": ["SIM1"], "methods": ["macs3", "epinformer", "linear"]}


def snakemake(
    python: Path, finished: Project, folder: Path, storage: list[str], *arguments: str,
    **environment: str,
) -> str:  # fmt: skip
    """Run Snakemake in a folder that holds the simulated files alone."""
    if not (folder / "simulated").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "simulated").symlink_to(finished.folder / "simulated")
        (folder / "few.yaml").write_text(yaml.safe_dump(FEW))
    return run(
        python, "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2",
        "--configfile", str(ROOT / "config/tiny.yaml"), "few.yaml",
        "--default-storage-provider", *storage, *arguments,
        folder=folder, NUMBA_CACHE_DIR=str(finished.folder / "numba"), **environment,
    )  # fmt: skip


def stored(python: Path, s3: dict[str, str], folder: Path) -> Path:
    """Everything in the bucket, as a folder."""
    code = "import s3fs; s3fs.S3FileSystem().get('bucket/tiny/', 'bucket/', recursive=True)"
    (folder / "fetch.py").write_text(code)
    run(python, "fetch", folder=folder, **{**s3, "PYTHONPATH": str(folder)})
    return folder / "bucket"


def rows(table: Path, **wanted: str) -> list[str]:
    """Lines of a table as they stand there: the header, and those of some methods and cells."""
    header, *lines = table.read_text().splitlines()
    names = header.split("\t")
    chosen = [dict(zip(names, line.split("\t"), strict=True)) for line in lines]
    return [
        line
        for line, row in zip(lines, chosen, strict=True)
        if row["method"] in FEW["methods"] and row["cell"] in FEW["cells"]
    ]


def test_table_1_by_way_of_a_bucket(
    python: Path, s3: dict[str, str], finished: Project, tmp_path: Path
) -> None:
    storage = ["s3", "--default-storage-prefix", "s3://bucket/tiny"]
    keys = {
        "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": s3["AWS_ENDPOINT_URL"],
        "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "key", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "secret",
    }  # fmt: skip
    snakemake(python, finished, tmp_path / "run", storage, "--", TABLE, **s3, **keys)
    found = stored(python, s3, tmp_path)
    assert rows(found / TABLE) == rows(finished.folder / TABLE) != []
    for name in ("windows/sequence", "windows/SIM1", "elements/SIM1"):
        verify(found / f"results/{name}.zarr")
        for key in ("fingerprint", "sources"):
            here = read_manifest(found / f"results/{name}.zarr")[1][key]
            assert here == read_manifest(finished.folder / f"results/{name}.zarr")[1][key]
    # Another machine, which knows nothing of the first run.
    text = snakemake(
        python, finished, tmp_path / "other", storage, "--dry-run", "--", TABLE, **s3, **keys
    )
    assert "Nothing to be done" in text


def test_stores_by_way_of_another_folder(python: Path, finished: Project, tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("Snakemake's plugin for file systems needs rsync")
    storage = ["fs", "--default-storage-prefix", str(tmp_path / "kept")]
    snakemake(python, finished, tmp_path / "run", storage, "--", "stores")
    for name in ("sequence", "SIM1"):
        verify(tmp_path / f"kept/results/windows/{name}.zarr")
    text = snakemake(python, finished, tmp_path / "run", storage, "--dry-run", "--", "stores")
    assert "Nothing to be done" in text
    assert not list((tmp_path / "run/results").rglob("*.zarr")), "no copy is left"
    with pytest.raises(AssertionError, match="this table is made of what lies in folders"):
        snakemake(python, finished, tmp_path / "run", storage, "-n", "--", "results/provenance.tsv")
