"""Stores say what they are; what does not belong together is refused when it is opened."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.windows.identity import check_genes, check_genomes, identity

GENES = pd.DataFrame(
    {
        "gene_id": ["ENSG1", "ENSG2"],
        "chrom": ["chr1", "chr2"],
        "tss": [30_000, 70_000],
        "strand": ["+", "-"],
    }
)
STORE, EXAMPLES = Path("a.zarr"), Path("examples.parquet")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("tss", 35_000, "1 of 2 genes have another tss .* ENSG1, 30000 here and 35000 there"),
        ("chrom", "chr7", "another chrom .* ENSG1, chr1 here and chr7 there"),
        ("strand", "-", "another strand .* ENSG1, \\+ here and - there"),
        ("gene_id", "ENSG9", "its genes are not those of examples.parquet"),
    ],
)
def test_a_gene_elsewhere_is_named(column: str, value: object, message: str) -> None:
    table = GENES.copy()
    table.loc[0, column] = value
    manifest = identity(GENES, {"chr1": 100_000, "chr2": 90_000})
    check_genes(manifest, STORE, GENES, EXAMPLES)
    with pytest.raises(UserError, match=f"^a.zarr: .*{message}"):
        check_genes(manifest, STORE, table, EXAMPLES)


def test_stores_of_two_genomes_are_refused() -> None:
    one = identity(GENES, {"chr1": 100_000, "chr2": 90_000})
    other = identity(GENES, {"chr1": 100_000, "chr2": 90_001})
    check_genomes({STORE: one, Path("b.zarr"): dict(one)})
    with pytest.raises(UserError, match=r"^b.zarr: another genome: chr2 has 90,001 bp, in a.zarr"):
        check_genomes({STORE: one, Path("b.zarr"): other})


def predict(folder: Path, **stores: Path) -> subprocess.CompletedProcess[str]:
    """``gexpipe predict`` on the stores of a finished run, some of them exchanged."""
    files = {
        "checkpoint": folder / "results/runs/SIM1/caduceus_signals/fold11/seed2/best.ckpt",
        "sequence": folder / "results/windows/sequence.zarr",
        "signals": folder / "results/windows/SIM1.zarr",
        "examples": folder / "results/examples/SIM1.parquet",
        "out": folder / "predicted.parquet",
        **stores,
    }
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    return subprocess.run(
        [sys.executable, "-m", "gexpipe", "predict", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.workflow
@pytest.mark.slow
def test_swapped_and_misaligned_stores_are_refused_by_hand(finished, tmp_path: Path) -> None:
    folder = finished.folder
    windows = folder / "results/windows"
    swapped = predict(folder, sequence=windows / "SIM1.zarr", signals=windows / "sequence.zarr")
    assert swapped.returncode == 1
    assert "a store of signals, expected one of sequence" in swapped.stderr
    moved = tmp_path / "moved.zarr"
    shutil.copytree(windows / "sequence.zarr", moved)
    manifest = json.loads((moved / "manifest.json").read_text())
    manifest["tss"] = [tss + 5_000 for tss in manifest["tss"]]
    (moved / "manifest.json").write_text(json.dumps(manifest))
    shifted = predict(folder, sequence=moved)
    assert shifted.returncode == 1
    assert "genes have another tss" in shifted.stderr
    assert len(shifted.stderr.strip().splitlines()) == 1
