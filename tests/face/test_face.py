"""What people import, and the page that shows it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

import gexpipe as gx
from gexpipe.errors import UserError
from tests.project import ROOT, Project

PAGE = (ROOT / "docs/notebook.md").read_text(encoding="utf-8")


def code() -> str:
    return re.findall(r"```python\n(.*?)```", PAGE, re.S)[0]


def test_the_page_needs_at_most_twelve_lines() -> None:
    assert len([line for line in code().splitlines() if line.strip()]) <= 12


def test_importing_and_listing_loads_no_torch() -> None:
    lines = "import sys, gexpipe as gx; gx.models(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", lines], check=True)


def test_every_public_name_says_what_it_is() -> None:
    for name in set(gx.__all__) - {"__version__"}:
        assert len(inspect.getdoc(getattr(gx, name)) or "") > 60, name


def test_models_can_be_called_before_and_after_the_package_is_loaded() -> None:
    from gexpipe import models

    assert gx.models is models
    table = gx.models()
    assert table.loc["prism", "options"]["n_context"] == 2
    assert table.loc["gta", "reads"] == "bins"


@pytest.mark.workflow
@pytest.mark.slow
def test_the_page_runs_as_it_stands(finished: Project, tmp_path: Path) -> None:
    (tmp_path / "demo").symlink_to(finished.folder)
    done = subprocess.run(
        [sys.executable, "-c", code()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "locus.png").stat().st_size > 10_000


@pytest.mark.workflow
@pytest.mark.slow
def test_data_are_what_a_model_reads(finished: Project) -> None:
    data = gx.open_data(finished.folder, "SIM1", length=2000, signal_names=["DNase", "contact"])
    assert data.channels == ["A", "C", "G", "T", "DNase", "contact"]
    batch = next(iter(DataLoader(data, batch_size=3, num_workers=1)))  # type: ignore[arg-type]
    assert batch["x"].shape == (3, 6, 2000)
    assert batch["features"].shape == (3, 9)
    assert batch["x"].dtype == torch.float32
    assert batch["gene_id"] == data.table["gene_id"].tolist()[:3]
    assert torch.equal(data[-1]["x"], data[len(data) - 1]["x"])
    with pytest.raises(IndexError):
        data[len(data)]


@pytest.mark.workflow
@pytest.mark.slow
def test_predictions_are_those_of_the_run(finished: Project) -> None:
    import pandas as pd

    run = finished.folder / "results/runs/SIM1/seq2exp_soft/fold11/seed2"
    data, model = gx.open_data(finished.folder, "SIM1"), gx.open_model(run / "best.ckpt")
    found = gx.predict(model, data)
    known = pd.read_parquet(run / "predictions.parquet").query("split == 'test'")
    assert found["predicted"].to_numpy() == pytest.approx(known["predicted"].to_numpy(), rel=1e-4)
    gene = found["gene_id"].iloc[0]
    assert gx.scores(model, data, gene, "mask").shape == (model.config.inputs.length,)
    lost = gx.scores(model, data, gene, "perturbation")
    assert {"start", "end", "score"} <= set(lost.columns)
    figure = gx.draw(data, gene, {"mask": gx.scores(model, data, gene, "mask"), "lost": lost})
    assert len(figure.axes) >= 5


@pytest.mark.workflow
@pytest.mark.slow
def test_what_is_not_there_is_named(finished: Project) -> None:
    with pytest.raises(UserError, match=r"no example table of 'K562'; there are SIM1, SIM2"):
        gx.open_data(finished.folder, "K562")
    with pytest.raises(UserError, match="give a folder and a cell type"):
        gx.open_data()
    with pytest.raises(UserError, match="no file 'sequenze'; known: activity"):
        gx.open_data(finished.folder, "SIM1", sequenze="x.zarr")
    data = gx.open_data(finished.folder, "SIM1")
    model = gx.open_model(finished.folder / "results/runs/SIM1/prism/fold11/seed2/best.ckpt")
    with pytest.raises(UserError, match="'mask'; prism gives saliency, perturbation"):
        gx.scores(model, data, data.table["gene_id"].iloc[0], "mask")
    with pytest.raises(UserError, match="no gene 'NANOG'"):
        gx.scores(model, data, "NANOG")
