"""Stores in a bucket are read as stores in a folder are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import Project
from tests.storage.conftest import run

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

EQUAL = """
import multiprocessing, pickle, sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from gexpipe.bins.store import BinStore
from gexpipe.data.windows import CONTACT, WindowData


def opened(root):
    return WindowData(
        f"{root}/windows/sequence.zarr", f"{root}/windows/SIM1.zarr/manifest.json",
        Path("results/examples/SIM1.parquet"), f"{root}/elements/SIM1.zarr",
        length=512, signal_names=["H3K27ac", "DNase", CONTACT],
    )


def numbers(batch):
    found = vars(batch) | (vars(batch.elements) if batch.elements else {})
    return {k: v.numpy() for k, v in found.items() if isinstance(v, torch.Tensor)}


def read(root):
    return numbers(opened(root).batch(np.arange(12)))


def same(a, b):
    assert a.keys() == b.keys() and len(a) > 8
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


if __name__ == "__main__":
    here, there = "results", Path("s3://bucket/results")  # as the command line hands it on
    data = opened(there)
    assert data.fingerprint == opened(here).fingerprint
    same(read(here), numbers(pickle.loads(pickle.dumps(data)).batch(np.arange(12))))
    for start in sys.argv[1:]:
        with multiprocessing.get_context(start).Pool(1) as pool:
            same(read(here), pool.apply(read, (there,)))
    bins = [BinStore(f"{root}/gta/bins.zarr").read(range(5), 5) for root in (here, there)]
    np.testing.assert_array_equal(*bins)
"""


@pytest.fixture(scope="module")
def bucket(
    python: Path, s3: dict[str, str], finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A bucket with the stores of the finished run, and how it is found."""
    (finished.folder / "equal.py").write_text(EQUAL)
    names = ["windows", "elements", "gta"]
    code = "import s3fs; s = s3fs.S3FileSystem(); s.mkdir('bucket');" + ";".join(
        f"s.put('results/{name}/', 'bucket/results/{name}/', recursive=True)" for name in names
    )
    (finished.folder / "put.py").write_text(code)
    run(python, "put", folder=finished.folder, **s3)
    return s3


def test_batches_are_equal_in_every_process_with_and_without_a_cache(
    python: Path, bucket: dict[str, str], finished: Project, tmp_path: Path
) -> None:
    run(python, "equal", "fork", "spawn", folder=finished.folder, **bucket)
    for start in ("fork", "spawn"):  # the second time from the cache
        run(python, "equal", start, folder=finished.folder, GEXPIPE_CACHE=str(tmp_path), **bucket)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 20 and not [path for path in kept if path.name.startswith(".")]


def test_predictions_from_a_bucket_and_a_store_that_lost_a_file(
    python: Path, bucket: dict[str, str], finished: Project, tmp_path: Path
) -> None:
    folder = finished.folder
    command = [
        "gexpipe", "evaluate", "predict", "--examples", "results/examples/SIM1.parquet",
        "--checkpoint", "results/runs/SIM1/macs3/fold11/seed2/best.ckpt", "--sequence",
    ]  # fmt: skip
    for name, root in (("here", "results"), ("there", "s3://bucket/results")):
        stores = [f"{root}/windows/sequence.zarr", "--signals", f"{root}/windows/SIM1.zarr"]
        run(
            python,
            *command,
            *stores,
            "--out",
            f"{tmp_path}/{name}.parquet",
            folder=folder,
            **bucket,
        )
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()
    code = "import s3fs; s3fs.S3FileSystem().rm('bucket/results/windows/SIM1.zarr/chr1/zarr.json')"
    (folder / "lose.py").write_text(code)
    run(python, "lose", folder=folder, **bucket)
    with pytest.raises(AssertionError, match=r"s3://bucket/results/windows/SIM1\.zarr: 1 of its"):
        run(python, *command, *stores, "--out", f"{tmp_path}/lost.parquet", folder=folder, **bucket)
