"""A method of one's own: one file of Python and one of settings, in the working directory."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from tests.project import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

MODEL = '''
from dataclasses import dataclass

import torch

from gexpipe.models import ExpressionModel, Output


@dataclass(frozen=True)
class Options:
    width: int = 4


class Average(ExpressionModel):
    """The mean signal of the window and the gene features, through one hidden layer."""

    Options = Options

    def __init__(self, options, inputs):
        super().__init__()
        channels = len(inputs.signals) + inputs.features
        wide, out = torch.nn.Linear(channels, options.width), torch.nn.Linear(options.width, 1)
        self.layers = torch.nn.Sequential(wide, torch.nn.ReLU(), out)

    def forward(self, batch):
        x = torch.cat([batch.signals.mean(dim=2), batch.features], dim=1)
        return Output(self.layers(x).squeeze(1))
'''
SETTINGS = """
name: average
label: Average signal
architecture: average_signal:Average
inputs: {length: 512, signals: [H3K27ac, DNase], elements: false}
model: {width: 6}
train: {batch_size: 4}
"""
TABLE = "results/tables/table1.tsv"
CHANGE = {"methods": ["linear", "average"]}


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("own") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    (folder / "average_signal.py").write_text(MODEL)
    methods = folder / "config/methods"
    methods.mkdir(parents=True)
    (methods / "average.yaml").write_text(SETTINGS)
    return Project(folder)


def test_its_options_are_checked_by_the_dry_run(project: Project) -> None:
    wrong = {**CHANGE, "overrides": {"average": {"model": {"widht": 3}}}}
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=wrong)
    said = " ".join((done.stdout + done.stderr).split())
    assert "method average: model: unknown key 'widht'; did you mean 'width'?" in said


def test_it_is_trained_and_stands_in_table_1(project: Project) -> None:
    done = project.run("--", TABLE, "results/tables/controls.tsv", change=CHANGE)
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(project.folder / TABLE, sep="\t")
    rows = table[table["method"] == "average"]
    assert rows["label"].tolist() == ["Average signal"] * 2
    assert (rows["runs"] == 1).all()
    assert rows["mse"].notna().all()
