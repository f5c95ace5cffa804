"""The stress test through the workflow, on the smallest genome that it can be asked of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE = "results/tables/stress.tsv"
OWN = """
from dataclasses import dataclass

import torch

from gexpipe.models import ExpressionModel, Output


@dataclass(frozen=True)
class Options:
    pass


class Deaf(ExpressionModel):
    Options = Options

    def __init__(self, options, inputs):
        super().__init__()
        self.layer = torch.nn.Linear(inputs.features, 1)

    def forward(self, batch):
        return Output(self.layer(batch.features).squeeze(1))
"""
SMALL = {"d_model": 8, "layers": 1, "d_state": 4, "center": 4000}
STEPS = {"steps": 3, "warmup_steps": 1, "batch_size": 4}


def settings() -> dict:
    """`config/stress.yaml` with next to no training, one seed and an own method."""
    found = yaml.safe_load((ROOT / "config/stress.yaml").read_text())
    chromosomes = list(simulation()["chromosomes"])
    methods = ["caduceus_tracks", "epinformer", "epinformer_features", "deaf", "linear"]
    overrides = {name: {"train": STEPS} for name in methods[:-1]}
    overrides["caduceus_tracks"] |= {"inputs": {"length": 4000}, "model": SMALL}
    overrides["epinformer"]["model"] = {
        "slot": 512, "encoder_widths": [8] * 5, "summary_widths": [8, 8, 8, 4], "d_model": 8,
        "layers": 1, "heads": 2,
    }  # fmt: skip
    overrides["epinformer"]["train"] = {**STEPS, "precision": "32-true"}
    return found | {
        "reference": found["reference"] | {"chromosomes": chromosomes},
        "methods": methods,
        "overrides": overrides,
        "seeds": [2],
    }


def simulation() -> dict:
    """`config/simulator/stress.yaml` on short chromosomes."""
    found = yaml.safe_load((ROOT / "config/simulator/stress.yaml").read_text())
    lengths = {
        "chr1": 260_000,
        "chr3": 120_000,
        "chr21": 120_000,
        "chr22": 200_000,
        "chrX": 160_000,
    }
    found |= {"chromosomes": lengths, "genes": found["genes"] | {"count": 80}}
    found["reads"] = {"dnase": 40_000, "h3k27ac": 40_000}
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("stress")
    (folder / "simulation.yaml").write_text(yaml.safe_dump(simulation()))
    subprocess.run(
        [sys.executable, "-m", "gexpipe", "simulate", "--config", "simulation.yaml",
         "--out", "simulated"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    (folder / "deaf_model.py").write_text(OWN)
    (folder / "config/methods").mkdir(parents=True)
    method = {
        "name": "deaf", "label": "Deaf", "architecture": "deaf_model:Deaf",
        "inputs": {"length": 4000, "signals": ["H3K27ac"], "elements": False},
        "model": {}, "train": {},
    }  # fmt: skip
    (folder / "config/methods/deaf.yaml").write_text(yaml.safe_dump(method))
    return Project(folder)


def test_the_table_has_a_number_or_a_reason_for_every_method(project: Project) -> None:
    done = project.run("--quiet", "rules", "--", TABLE, change=settings())
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    results = project.folder / "results"
    table = pd.read_csv(results / "tables/stress.tsv", sep="\t", keep_default_na=False)
    assert (table["value"].ne("") | table["note"].ne("")).all()
    by = table.set_index(["method", "test"])
    assert float(by.loc[("caduceus_tracks", "decoys"), "answers"]) > 0
    assert float(by.loc[("caduceus_tracks", "effect of expression"), "answers"]) > 0
    assert float(by.loc[("epinformer", "decoys"), "answers"]) > 0
    assert float(by.loc[("epinformer_features", "cell-specific"), "answers"]) > 0
    assert "no window" in by.loc[("epinformer", "distance"), "note"]
    assert by.loc[("deaf", "decoys"), "note"] == "its prediction never changes"
    assert "fitted" in by.loc[("linear", "all"), "note"]
    page = (results / "tables/stress.html").read_text()
    assert "figures/stress/decoys.png" in page
    assert (results / "figures/stress/decoys.png").stat().st_size > 1000
    gaps = pd.read_csv(results / "tables/stress.differences.tsv", sep="\t")
    assert (gaps["low"] <= gaps["high"]).all()


def test_real_data_are_refused_by_the_dry_run(project: Project) -> None:
    change = settings() | {"discovery": {"truth": None}}
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=change)
    assert done.returncode != 0
    assert "discovery.truth" in done.stdout + done.stderr


def test_an_order_needs_methods_that_both_tables_have(project: Project, tmp_path: Path) -> None:
    rows = [
        (f"m{i}", test, i / 10, i / 10 - 0.02, i / 10 + 0.02, 1.0)
        for i in range(1, 7)
        for test in ("enhancers", "perturbation")
    ]
    columns = ["method", "test", "value", "low", "high", "ideal"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "stress.tsv", sep="\t", index=False)
    screen = pd.DataFrame(
        {
            "predictor": [f"p{i}" for i in range(1, 7)],
            "distance": "all",
            "average_precision": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "low": [0.09, 0.19, 0.29, 0.39, 0.49, 0.59],
            "high": [0.11, 0.21, 0.31, 0.41, 0.51, 0.61],
        }
    )
    screen.to_csv(tmp_path / "screen.tsv", sep="\t", index=False)

    def ask(*methods: int) -> subprocess.CompletedProcess[str]:
        match = [part for i in methods for part in ("--match", f"m{i}=p{i}")]
        return subprocess.run(
            [sys.executable, "-m", "gexpipe", "stress", "order", "--stress", "stress.tsv",
             "--screen", "K562=screen.tsv", *match, "--out", "order.tsv"],
            capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip

    assert ask(1, 2, 3, 4, 5, 6).returncode == 0
    found = pd.read_csv(tmp_path / "order.tsv", sep="\t").set_index("test")
    assert found.loc["enhancers", "spearman"] == pytest.approx(1)
    assert found.loc["enhancers", "low"] > 0.7
    assert ask(1, 2).returncode == 0
    few = pd.read_csv(tmp_path / "order.tsv", sep="\t").set_index("test")
    assert few["spearman"].isna().all() and few["note"].str.contains("an order needs 4").all()
    refused = ask(1, 7)
    assert refused.returncode == 1
    assert "no method 'm7'" in refused.stderr
