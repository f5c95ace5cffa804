"""What a power cut leaves under the names of outputs: refused by the next run, then removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from gexpipe.cli.doctor import app
from gexpipe.errors import UserError
from gexpipe.whole import broken_outputs, refuse_broken
from tests.project import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an output of every kind, all whole."""
    out = tmp_path / "results"
    for name in ("abc/K", "figures", "windows/K.zarr/chr1", "tables", ".hidden"):
        (out / name).mkdir(parents=True)
    table = pd.DataFrame({"gene_id": [f"G{i}" for i in range(2000)]})
    table.to_parquet(out / "abc/K/genes.parquet")
    table.to_csv(out / "tables/table1.tsv", sep="\t")
    np.savez_compressed(out / "rows.npz", a=np.arange(5000))
    (out / "abc/K/quality.json").write_text(json.dumps({"a": list(range(2000))}))
    Figure().savefig(out / "figures/a.png")
    (out / "windows/K.zarr/manifest.json").write_text("{}")
    (out / "windows/K.zarr/chr1/c0").touch()  # a store knows its own chunks
    (out / ".hidden/x.json").touch()
    unmapped = tmp_path / "resources/lifted/unmapped"
    unmapped.mkdir(parents=True)
    (unmapped / "a.tsv").touch()  # nothing had to be left out
    (tmp_path / "resources/utf16.tsv").write_text("a\tb\n1\t2\n", encoding="utf-16-le")
    return tmp_path


KINDS = [
    "results/abc/K/genes.parquet", "results/tables/table1.tsv", "results/rows.npz",
    "results/abc/K/quality.json", "results/figures/a.png", "results/windows/K.zarr/manifest.json",
]  # fmt: skip


def test_whole_outputs_are_let_be(project: Path) -> None:
    assert broken_outputs(project) == {}
    refuse_broken(project)


@pytest.mark.parametrize("name", KINDS)
def test_an_empty_output_is_named(project: Path, name: str) -> None:
    os.truncate(project / name, 0)
    assert broken_outputs(project) == {project / name: "empty"}


@pytest.mark.parametrize("name", [name for name in KINDS if "manifest" not in name])
def test_an_output_whose_end_is_lost_is_named(project: Path, name: str) -> None:
    """The size is right, and the blocks that were not written read as zeros."""
    size = (project / name).stat().st_size
    os.truncate(project / name, size // 2)
    os.truncate(project / name, size)
    assert list(broken_outputs(project)) == [project / name]


def test_a_run_is_refused_in_one_line_and_healing_removes(project: Path) -> None:
    broken = [project / name for name in KINDS[:2]]
    for path in broken:
        os.truncate(path, 0)
    with pytest.raises(UserError, match=r"genes\.parquet: this output is empty \(and 1 more"):
        refuse_broken(project)
    done = CliRunner().invoke(app, ["--heal", "--folder", str(project)])
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == "2 broken outputs"
    assert not any(path.exists() for path in broken)
    assert (project / KINDS[2]).exists()
    refuse_broken(project)


@pytest.mark.workflow
def test_snakemake_stops_before_anything_is_made_from_it(project: Path) -> None:
    os.truncate(project / KINDS[0], 0)
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(project), "--dry-run", "--cores", "1", "results/genes/genes.tsv",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "results/abc/K/genes.parquet: this output is empty, as" in done.stdout + done.stderr
    assert f"gexpipe doctor --heal --folder {project}" in done.stdout + done.stderr
