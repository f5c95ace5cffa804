"""What stands in sheets and configuration is text: it is refused, or reaches a command whole."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, simulate

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

EVIL = "it's $(touch HACKED); `touch HACKED` > HACKED #"
CONFIGURED: dict[str, dict[str, Any]] = {
    "mirror": {"download": {"mirror": EVIL}},
    "assembly": {"reference": {"assembly": EVIL}},
    "label": {"overrides": {"prism": {"label": EVIL}}},
    "backbone": {"overrides": {"gta": {"model": {"backbone": EVIL}}}},
    "title": {"tables": {"overrides": {"prism_table2": {"title": EVIL}}}},
    "signal": {"windows": {"signals": {EVIL: "dnase_bigwig"}}},
    "chromosome": {"reference": {"chromosomes": ["chr1", EVIL]}},
    "normalization": {"contact": {"normalization": [EVIL]}},
    "newline in a cell": {"cells": ["SIM1\n"]},
    "newline in a column": {"genes": {"tss_column": "TSS\n"}},
}
SHEETS = ("cell", "role", "accession", "format", "url", "md5", "assembly", "published_as")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    simulate(folder)
    return folder


@pytest.fixture
def project(simulated: Path, tmp_path: Path) -> Project:
    """The simulated mirror, with sheets of the test's own."""
    (tmp_path / "simulated").mkdir()
    (tmp_path / "simulated/mirror").symlink_to(simulated / "simulated/mirror")
    shutil.copytree(simulated / "simulated/config", tmp_path / "simulated/config")
    return Project(tmp_path)


def harmless(project: Project, change: dict[str, Any] | None) -> None:
    """A dry run refuses the text, or every command that it prints has it in one word."""
    done = project.run(
        "--dry-run", "--nolock", "--printshellcmds", "--",
        "results/tables/prism_table2.tsv", "results/provenance.tsv",
        change=change,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said[-2000:]
    if done.returncode != 0:
        return
    for line in said.splitlines():
        if "gexpipe " in line and "HACKED" in line and "set -euo" not in line:
            words = shlex.split(line)
            assert not [word for word in words if word in ("$(touch", "`touch", "HACKED);")], line


@pytest.mark.parametrize("name", CONFIGURED)
def test_configuration(project: Project, name: str) -> None:
    harmless(project, CONFIGURED[name])


@pytest.mark.parametrize("column", SHEETS)
def test_sheets(project: Project, column: str) -> None:
    name = "samples" if column == "published_as" else "files"
    sheet = project.folder / f"simulated/config/{name}.tsv"
    lines = sheet.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    names, values = lines[at].split("\t"), lines[at + 1].split("\t")
    if column not in names:
        lines[at:] = [f"{line}\t" for line in lines[at:]]
        names, values = [*names, column], [*values, ""]
        lines[at] = "\t".join(names)
    values[names.index(column)] = EVIL
    lines[at + 1] = "\t".join(values)
    sheet.write_text("\n".join(lines) + "\n")
    harmless(project, None)
