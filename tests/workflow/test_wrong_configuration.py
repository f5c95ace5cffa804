"""What no training could use is refused by the dry run, before a day of preprocessing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.project import Project, simulate

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE = "results/tables/table1.tsv"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "option": (
        {"overrides": {"prism": {"model": {"n_contxt": 3}}}},
        "method prism: model: unknown key 'n_contxt'; did you mean 'n_context'?",
    ),
    "type": (
        {"overrides": {"prism": {"model": {"d_model": "wide"}}}},
        "method prism: model.d_model: found 'wide', expected int",
    ),
    "range": (
        {"overrides": {"prism": {"model": {"n_context": 0}}}},
        "method prism: model.n_context: 0, expected 1 or more",
    ),
    "method": (
        {"overrides": {"prysm": {"train": {"steps": 9}}}},
        "overrides: no method 'prysm'; did you mean 'prism'?",
    ),
    "fold": ({"splits": {"fold": 13}}, "splits.fold: 13 is greater than the maximum of 12"),
    "number": (
        {"train": {"learning_rate": "1e-3"}},
        "train.learning_rate: '1e-3' is not of type 'number': YAML reads it as text, write 1.0e-3",
    ),
    "assembly": (
        {"reference": {"assembly": "hg19"}},
        "samples.tsv: cell 'SIM1' is on sim38, reference.assembly is hg19",
    ),
    "part": (
        {"reference": {"chromosomes": ["chr1", "chr22", "chrX"]}},
        "fold 11 has no validation chromosome (chr21, chr3) among reference.chromosomes",
    ),
    "dropped": (
        {"overrides": {"prism": {"inputs": {"drop": ["CTCF"]}}}},
        "method prism: inputs.drop: no signal 'CTCF' is read",
    ),
}


METHOD = """
name: own
label: Own
architecture: {architecture}
inputs: {{length: 512, signals: [], elements: false}}
model: {{}}
train: {{}}
"""
TABLE_OF_ONE = """
title: Own
metrics: [mse]
rows: [{{method: prism, label: Prism, {more}}}]
"""
# Of files in the working directory: place, text, what is said.
FILES: dict[str, tuple[str, str, str]] = {
    "architecture": (
        "config/methods/own.yaml",
        METHOD.format(architecture="prizm"),
        "unknown architecture 'prizm'; did you mean 'prism'?",
    ),
    "module": (
        "config/methods/own.yaml",
        METHOD.format(architecture="nowhere:Model"),
        "nowhere:Model: cannot be imported",
    ),
    "start": (
        "config/methods/own.yaml",
        METHOD.format(architecture="macs3") + "start_from: prism",
        "method own: start_from: macs3 starts from fresh weights",
    ),
    "row": (
        "config/tables/own.yaml",
        TABLE_OF_ONE.format(more="overrides: {model: {layer: 2}}"),
        "table own, row 'Prism': method prism: model: unknown key 'layer'",
    ),
    "score": (
        "config/tables/own.yaml",
        TABLE_OF_ONE.format(more="score: mask"),
        "prism gives saliency, perturbation, not 'mask'",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("wrong")
    simulate(folder)
    return Project(folder)


@pytest.mark.parametrize("name", WRONG)
def test_the_dry_run_refuses_it(project: Project, name: str) -> None:
    change, message = WRONG[name]
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=change)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert message in said, said[-600:]
    assert "Traceback (most recent call" not in said


def test_controls_without_a_method_that_has_one(project: Project) -> None:
    """Asked for by name they are refused; what is made by default does without them."""
    change = {"methods": ["linear"]}
    target = "results/tables/controls.tsv"
    done = project.run("--dry-run", "--nolock", "--", target, change=change)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "config: methods: linear: none reads windows that a control could exchange" in said
    planned = project.planned("all", change)
    assert planned["front"] == 1 and "controls" not in planned


def test_more_gpus_than_there_are_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake alone would cut the number to what the machine has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    change = {"overrides": {"prism": {"train": {"devices": 2}}}}
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=change)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "method prism: train.devices: 2 GPUs asked for, 1 visible (7)" in said


@pytest.mark.parametrize("name", FILES)
def test_files_of_ones_own_are_checked_too(project: Project, name: str) -> None:
    place, text, message = FILES[name]
    path = project.folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    change = {"methods": ["linear", "own"]} if "methods" in place else None
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=change)
    path.unlink()
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert message in said, said[-600:]
    assert "Traceback" not in said
