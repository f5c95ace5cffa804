"""What stands in sheets and configuration is text: it is refused, or reaches a command whole."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project import Project, simulate

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

EVIL = "it's $(touch HACKED); `touch HACKED` > HACKED #"
TARGETS = ("results/tables/table1.tsv", "results/tables/prism_table2.tsv", "results/provenance.tsv")
# Change of the configuration -> what its refusal says.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "assembly": ({"reference": {"assembly": EVIL}}, "'SIM1' is on sim38, reference.assembly is"),
    "signal": ({"windows": {"signals": {EVIL: "dnase_bigwig"}}}, "windows.signals"),
    "chromosome": ({"reference": {"chromosomes": ["chr1", EVIL]}}, "reference.chromosomes.1"),
    "normalization": ({"contact": {"normalization": [EVIL]}}, "contact.normalization.0"),
    "cell with a newline": ({"cells": ["SIM1\n"]}, "cells.0"),
    "column with a newline": ({"genes": {"tss_column": "TSS\n"}}, "genes.tss_column"),
    "backbone": ({"overrides": {"gta": {"model": {"backbone": EVIL}}}}, f"{EVIL}/config.json"),
}
# Change of the configuration whose text commands are given.
GIVEN: dict[str, dict[str, Any]] = {
    "mirror": {"download": {"mirror": EVIL}},
}
# Column of the file sheet -> whether commands are given it; if not, the refusal names it.
COLUMNS = {
    "cell": False,
    "role": False,
    "accession": False,
    "format": False,
    "md5": False,
    "assembly": False,
    "url": True,
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    simulate(folder)
    return folder


@pytest.fixture
def project(simulated: Path, tmp_path: Path) -> Project:
    """The simulated mirror, with sheets of the test's own."""
    (tmp_path / "simulated").mkdir()
    for name in ("mirror", "truth"):
        (tmp_path / "simulated" / name).symlink_to(simulated / "simulated" / name)
    shutil.copytree(simulated / "simulated/config", tmp_path / "simulated/config")
    return Project(tmp_path)


def dry_run(project: Project, change: dict[str, Any] | None = None) -> tuple[int, str]:
    done = project.run("--dry-run", "--nolock", "--printshellcmds", "--", *TARGETS, change=change)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def assert_refused(result: tuple[int, str], words: str) -> None:
    assert result[0] != 0
    assert words in result[1], result[1][-1500:]


def assert_whole(result: tuple[int, str]) -> None:
    """The text is in some commands, and in each of them inside one word of the shell's."""
    status, said = result
    assert status == 0, said[-1500:]
    commands = [line for line in said.splitlines() if "gexpipe " in line and "HACKED" in line]
    assert commands, "no command is given it"
    for command in commands:
        words = [word for word in shlex.split(command) if "HACKED" in word]
        # One line of YAML has its quotes twice (gexpipe.config.one_line).
        assert words and all(EVIL in word.replace("''", "'") for word in words), command


@pytest.mark.parametrize("name", REFUSED)
def test_configuration_is_refused_by_its_key(project: Project, name: str) -> None:
    change, words = REFUSED[name]
    assert_refused(dry_run(project, change), words)


@pytest.mark.parametrize("name", GIVEN)
def test_configuration_reaches_commands_whole(project: Project, name: str) -> None:
    assert_whole(dry_run(project, GIVEN[name]))


def write_cell(project: Project, sheet: str, row: dict[str, str], column: str) -> None:
    """Put the text into a column of the first row that has some values, or of all rows' first."""
    path = project.folder / f"simulated/config/{sheet}.tsv"
    lines = path.read_text().splitlines()
    top = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    names = lines[top].split("\t")
    if column not in names:
        names.append(column)
        lines[top:] = ["\t".join(names), *(f"{line}\t" for line in lines[top + 1 :])]
    for i in range(top + 1, len(lines)):
        values = dict(zip(names, lines[i].split("\t"), strict=True))
        if row.items() <= values.items():
            lines[i] = "\t".join({**values, column: EVIL}.values())
            break
    else:
        raise AssertionError(f"no row with {row}")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_the_file_sheet(project: Project, column: str) -> None:
    write_cell(project, "files", {"accession": "SIM2.cage"}, column)
    if COLUMNS[column]:
        assert_whole(dry_run(project))
    else:
        assert_refused(dry_run(project), f": {column}: ")


def test_the_cell_type_whose_rows_are_computed(project: Project) -> None:
    write_cell(project, "samples", {"cell": "SIM1"}, "stands_for")
    assert_whole(dry_run(project))


def test_a_label_and_a_title_of_ones_own(project: Project) -> None:
    for folder in ("methods", "tables"):
        (project.folder / "config" / folder).mkdir(parents=True, exist_ok=True)
    method = {"name": "own", "base": "prism", "label": EVIL}
    (project.folder / "config/methods/own.yaml").write_text(yaml.safe_dump(method))
    rows = [{"method": "prism", "label": EVIL}]
    table = {"title": EVIL, "metrics": ["mse"], "rows": rows}
    (project.folder / "config/tables/prism_table2.yaml").write_text(yaml.safe_dump(table))
    small = {"inputs": {"length": 512}, "model": {"d_model": 8, "layers": 1, "center": 256}}
    change = {"methods": ["linear", "own"], "overrides": {"own": small}}
    change["tables"] = {"overrides": {"prism_table2": {"only": [""]}}}
    assert_whole(dry_run(project, change))
