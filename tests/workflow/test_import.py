"""Prepared data go out of one project and into another, which downloads and prepares nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT, Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE = "results/tables/table1.tsv"
# The truth lies in the simulated folder; of the methods one of each kind of input.
FEW = ["epinformer", "prism", "gta", "linear"]
TRUTH = {"discovery": {"truth": None, "motifs": None}, "methods": FEW}


def gexpipe(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gexpipe", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def archive(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the tiny run prepared, as one file."""
    made = finished.run("--quiet", "all", "--", "prepare")
    assert made.returncode == 0, made.stderr
    out = tmp_path_factory.mktemp("archive") / "tiny"
    options = ["--configfile", ROOT / "config/tiny.yaml", "--licence", "CC0", "--pack", "zip"]
    done = gexpipe("export", "prepared", "--folder", finished.folder, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return out.with_suffix(".zip")


@pytest.fixture
def imported(finished: Project, archive: Path, tmp_path: Path) -> Project:
    """A project that has sheets, the archive, and neither mirror nor network."""
    shutil.copytree(finished.folder / "simulated/config", tmp_path / "simulated/config")
    done = gexpipe("import", archive, "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "checksums agree" in done.stderr
    return Project(tmp_path)


def rows(project: Project) -> list[str]:
    """Lines of table 1: its header, and the few methods."""
    header, *lines = (project.folder / TABLE).read_text().splitlines()
    return [header, *(line for line in lines if line.split("\t")[0] in FEW)]


def test_the_table_is_the_same_byte_for_byte(finished: Project, imported: Project) -> None:
    planned = imported.planned(TABLE, TRUTH)
    # The stand-in for a language model is no prepared data, and made without any.
    assert set(planned) == {"imported", "stand_ins", "baseline", "train", "table_metrics", "table"}
    done = imported.run("--quiet", "all", "--", TABLE, change=TRUTH)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(rows(imported)) == 9 and rows(imported) == rows(finished)
    assert not list(imported.folder.glob("resources/files/*"))
    assert imported.planned(TABLE, TRUTH) == {}


def test_a_changed_setting_or_row_is_refused(imported: Project) -> None:
    for change, words in (
        (
            {"windows": {"length": 100_000}},
            "windows.length is 100000; the prepared data in prepared",
        ),
        ({"peaks": {"pvalue": 0.2}}, "peaks.pvalue is 0.2"),
        ({"target": {"strand": "same"}}, "target.strand is 'same'"),
    ):
        done = imported.run("--dry-run", "--", TABLE, change={**TRUTH, **change})
        assert done.returncode != 0 and words in done.stdout + done.stderr
    free = {**TRUTH, "seeds": [3], "abc": {"threshold": 0.1}, "peaks": {"expected": [1, 2]}}
    assert "download" not in imported.planned(TABLE, free)
    assert imported.planned(TABLE, {**TRUTH, "prepared": None})["download"] > 0
    sheet = imported.folder / "simulated/config/files.tsv"
    sheet.write_text(sheet.read_text().replace("ENCFF902SIM", "ENCFF999SIM"))
    done = imported.run("--dry-run", "--", TABLE, change=TRUTH)
    assert "were made from it, and it does not stand here" in done.stdout + done.stderr


def test_a_file_that_changed_since_is_not_taken(imported: Project) -> None:
    genes = imported.folder / "prepared/results/genes/genes.tsv"
    genes.write_text(genes.read_text().replace("\t+\t", "\t-\t", 1))
    place = ["--only", "results/genes/genes.tsv", "--folder", imported.folder]
    done = gexpipe("import", imported.folder / "prepared", *place)
    assert done.returncode == 1
    assert "its bytes are not those that were archived" in done.stderr


def test_an_empty_folder_becomes_a_project(archive: Path, tmp_path: Path) -> None:
    done = gexpipe("import", archive, "--folder", tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    plan = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--", TABLE],
        cwd=tmp_path / "mine", capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = plan.stdout + plan.stderr
    assert plan.returncode == 0, text
    assert "imported" in text and "download" not in text


def test_what_is_not_prepared_is_not_exported(imported: Project, tmp_path: Path) -> None:
    options = ["--configfile", ROOT / "config/tiny.yaml", "--out", tmp_path / "out"]
    (imported.folder / "simulated/config/files.tsv").touch()
    done = gexpipe("export", "prepared", "--folder", imported.folder, *options)
    assert done.returncode == 1
    assert "not everything is prepared with this configuration (jobs left: " in done.stderr
