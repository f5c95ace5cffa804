"""Named targets, and a line about every rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project import ROOT, Project, simulate

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("targets")
    simulate(folder)
    return Project(folder)


def rules() -> list[str]:
    files = [ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
    found = [re.findall(r"^(?:use )?rule (?:\w+ as )?(\w+)\b", p.read_text(), re.M) for p in files]
    return [name for names in found for name in names]


def test_every_rule_says_what_it_makes(project: Project) -> None:
    done = project.run("--list", "--nolock")
    assert done.returncode == 0, done.stderr
    said = dict(re.findall(r"^(\w+)(?: \((.+)\))?$", done.stdout, re.M))
    assert set(rules()) <= set(said)
    assert [name for name in rules() if not said[name]] == []


def test_prepare_makes_everything_before_training(project: Project) -> None:
    jobs = project.planned("prepare")
    assert not {"train", "baseline", "shuffled", "table"} & set(jobs)
    whole = project.planned("results/tables/table1.tsv")
    made = {
        "sequence_store",
        "signal_store",
        "element_store",
        "examples",
        "bin_features",
        "prompts",
    }
    assert {rule: whole[rule] for rule in made} == {rule: jobs[rule] for rule in made}
    assert jobs["quality_table"] == 1
    later = {"train", "baseline", "metrics", "table", "table_metrics", "all"}
    assert set(whole) - later <= set(jobs), "what training needs is prepared"


def test_stores_makes_the_window_stores_alone(project: Project) -> None:
    jobs = project.planned("stores")
    assert jobs["sequence_store"] == 1 and jobs["signal_store"] == 2
    assert not {"train", "baseline", "examples", "element_store", "scores"} & set(jobs)


def test_the_targets_stand_in_the_first_lines_of_the_readme() -> None:
    first = (Path(ROOT) / "README.md").read_text().split("## ")[0]
    assert "`snakemake prepare`" in " ".join(first.split())
    assert "`snakemake stores`" in " ".join(first.split())
