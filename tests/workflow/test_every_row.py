"""Every row of every table can be run, and every figure of the papers is part of all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gexpipe.config import load_yaml, merge
from gexpipe.study import Study, read_study
from tests.project import ROOT, Project
from tests.workflow.every_row import configuration, make

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make(tmp_path_factory.mktemp("every_row"))


def study_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(folder)
    shipped, tiny = (load_yaml(ROOT / f"config/{name}.yaml") for name in ("config", "tiny"))
    return read_study(merge(shipped, tiny, configuration()), ROOT)


def test_no_row_lacks_anything(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(project.folder, monkeypatch)
    assert set(study.tables) - set(study.built) == {"k562_counts"}, "no cell type has counts"
    lines = [(name, line) for name, plan in study.plans.items() for line in plan.lines]
    assert [(name, line.label, line.reason) for name, line in lines if line.reason] == []
    # Two of them are methods of this configuration that table 1 does not declare.
    assert len(lines) == 250
    known = study.plans["gta_table1"].lines[0]
    assert (known.method, known.known_as) == ("released_xpresso", "xpresso")


def test_all_makes_every_table_and_figure(project: Project) -> None:
    change = merge(configuration(), {"discovery": {"loci": {"SIMG1": "chr22"}}})
    text = project.plan("results/tables/all", change=change)
    made = set(re.findall(r"results/\S+?\.(?:tsv|png)", text))
    motifs = "results/motifs/SIM1/enhancer_encoder"
    assert {f"{motifs}.tsv", f"{motifs}.deeplift.tsv"} <= made
    tables = {path.stem for path in (ROOT / "config/tables").glob("*.yaml")} - {"k562_counts"}
    assert {f"results/tables/{name}.tsv" for name in [*tables, "prism_table8"]} <= made
    for kind in (
        "gta/SIM2/gta-", "gta/SIM1/gta.fold11.seed2.attention", "weights/SIM1.prism",
        "scatter/gta_table1/SIM2.gta-", "scatter/epinformer_folds/SIM1.epinformer_hic",
        "locus/SIM1/fold11/SIMG1", "mutagenesis/SIM1/enhancer_encoder/fold11/SIMG1",
        "screened/SIM1.epinformer_fulco/SIMG1",
        "tables/table1",
    ):  # fmt: skip
        assert any(path.startswith(f"results/figures/{kind}") for path in made), kind
    assert "results/predicted/SIM2/from_SIM1/prism-" in text, "the mixed model is trained once"


def test_weights_that_are_not_there_are_refused(project: Project) -> None:
    change = {"pretrained": {"caduceus": {"start_from": "weights/caduceus"}}}
    (project.folder / "change.yaml").write_text(yaml.safe_dump(change))
    done = project.run("--dry-run", "--nolock", "--", "all", change=change)
    assert done.returncode != 0
    said = "weights/caduceus: no such file or folder (start_from of"
    assert said in done.stdout + done.stderr
