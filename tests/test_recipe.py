"""The conda recipe says what pyproject.toml says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import jinja2
import yaml

ROOT = Path(__file__).resolve().parents[1]
# Packages that conda calls otherwise.
NAMES = {"snakemake": "snakemake-minimal"}


def recipe() -> dict[str, Any]:
    """The recipe as conda-build renders it."""
    text = (ROOT / "recipe/meta.yaml").read_text()
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text)
    pin = lambda name, max_pin: name  # noqa: E731
    return yaml.safe_load(template.render(PYTHON="python", pin_subpackage=pin))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_name_version_and_command_agree() -> None:
    said, declared = recipe(), project()
    assert said["package"] == {"name": declared["name"], "version": declared["version"]}
    (command,) = said["build"]["entry_points"]
    assert command == f"gexpipe = {declared['scripts']['gexpipe']}"
    assert said["about"]["license"] == declared["license"]


def test_dependencies_agree() -> None:
    """The same packages within the same limits, and no more."""
    wanted = {f"python {project()['requires-python']}"}
    for dependency in project()["dependencies"]:
        name, limits = re.fullmatch(r"([\w.-]+)(?:\[.*\])?(.*)", dependency).groups()  # type: ignore[union-attr]
        wanted.add(f"{NAMES.get(name.lower(), name.lower())} {limits}")
    assert set(recipe()["requirements"]["run"]) == wanted
