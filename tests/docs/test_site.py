"""The site of docs/ builds strictly, and its reference pages hold what is declared."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.project import ROOT


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MkDocs in a folder of its own, not in the environment of the other tests."""
    folder = tmp_path_factory.mktemp("mkdocs")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder),
            "--requirement", str(ROOT / "locks/docs.txt"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"no MkDocs: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture(scope="session")
def site(builder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    before = os.environ.get("PYTHONPATH", "")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{builder}:{before}", "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder


def text(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def schema(name: str) -> dict:
    return yaml.safe_load((ROOT / "workflow/schemas" / name).read_text())


def test_every_key_of_the_configuration_stands_on_its_page(site: Path) -> None:
    shown = text(site / "reference/configuration/index.html")
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for name, value in config.items():
        assert name in shown
        for key in value if isinstance(value, dict) else {}:
            assert f"{name}.{key}" in shown or not value, f"{name}.{key}"
    assert "AdamW" in shown and "at least 1" in shown


def roles() -> dict[str, str]:
    """Role -> what the schema says of it."""
    role = schema("files.schema.yaml")["properties"]["role"]
    return {**role["x-cell-roles"], **role["x-reference-roles"]}


def test_every_role_says_what_it_is() -> None:
    """A role that is added to the schema is explained there."""
    declared = schema("files.schema.yaml")["properties"]["role"]["anyOf"][0]["enum"]
    named = {f"{role}:NAME" for role in ("signal", "genes", "crispr", "seen", "predictor")}
    assert set(roles()) == {*declared, *named}


def test_every_role_stands_on_the_page_of_the_sheets(site: Path) -> None:
    shown = text(site / "reference/sheets/index.html")
    assert all(name in shown for name in roles())


def test_pages_lead_to_the_reference_and_to_files_of_the_repository(site: Path) -> None:
    start = (site / "index.html").read_text()
    assert 'href="reference/configuration/"' in start and 'href="repository/"' in start
    assert (site / "repository/CITATION.cff").read_bytes() == (ROOT / "CITATION.cff").read_bytes()
    python = text(site / "python/index.html")
    assert "open_data" in python and "Parameters" in python


def test_links_of_pages_work_in_the_repository_too() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
