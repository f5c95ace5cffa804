"""Plain arrays hold what training is given, in every form."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import zarr

from gexpipe.archive.folder import verify
from gexpipe.archive.plain import Windows, export_plain
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from tests.windows.conftest import world

__all__ = ["world"]

LENGTH = 4000


def windows(world: Path, length: int = LENGTH) -> Windows:
    stores = world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet"
    return Windows("C1", *stores, length)


def read(folder: Path, form: str) -> dict[str, np.ndarray]:
    names = ["sequence", "signals/H3K27ac", "signals/DNase", "masks/peaks", "contact"]
    if form == "zarr":
        group = zarr.open_group(folder / "windows.zarr", mode="r")
        return {name: np.asarray(group[name]) for name in names}
    if form == "hdf5":
        with h5py.File(folder / "windows.h5") as file:
            return {name: file[name][:] for name in names}
    parts = [torch.load(path) for path in sorted(folder.glob("genes_*.pt"))]
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in names}


@pytest.mark.parametrize("form", ["zarr", "hdf5", "torch"])
def test_arrays_are_those_of_training(world: Path, tmp_path: Path, form: str) -> None:
    files = export_plain(windows(world), form, tmp_path / "out", "# Card\n", {})
    assert verify(tmp_path / "out", tmp_path / "out") == files
    found = read(tmp_path / "out", form)
    data = WindowData(
        world / "sequence.zarr", world / "cell.zarr", world / "examples.parquet",
        length=LENGTH, signal_names=["H3K27ac", "DNase", "contact"],
    )  # fmt: skip
    batch = data.batch(np.arange(len(data))).dense()
    assert np.array_equal(found["sequence"], batch.codes.numpy())
    for k, name in enumerate(["signals/H3K27ac", "signals/DNase", "contact"]):
        assert np.array_equal(found[name].astype(np.float32), batch.signals[:, k].numpy()), name
    assert np.array_equal(found["masks/peaks"].astype(bool), batch.peaks.numpy())
    table = pd.read_parquet(tmp_path / "out/genes.parquet")
    assert table["gene_id"].tolist() == data.gene_ids
    assert "`masks/NAME`" in (tmp_path / "out/DATA_CARD.md").read_text()


def test_a_length_that_is_not_stored_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="20000, expected an even number to 16000"):
        export_plain(windows(world, 20_000), "hdf5", tmp_path / "out", "", {})
    with pytest.raises(UserError, match="'csv' is not one of zarr, hdf5, torch"):
        export_plain(windows(world), "csv", tmp_path / "out", "", {})
