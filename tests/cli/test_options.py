"""One name for one thing on the command line, and one reader of NAME=VALUE."""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gexpipe.cli import options
from gexpipe.cli.main import MODULES, PEOPLE, STAGES, app
from gexpipe.errors import UserError
from gexpipe.named import by_name, files_by_name, named

# Options that are the same thing in every command; as an output, it is another.
SHARED = ("--chrom-sizes", "--chromosome", "--published", "--samples", "--threads")


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All commands below one, by their whole name."""
    below = getattr(command, "commands", {})
    if not below or command.invoke_without_command:
        yield name, command
    for key, each in below.items():
        yield from commands(each, f"{name} {key}")


ALL = dict(
    pair
    for stage in STAGES
    for module in [importlib.import_module(f"gexpipe.cli.{MODULES.get(stage, stage)}")]
    for pair in commands(get_command(module.app), stage)
)


def test_one_thing_has_one_name_and_one_help() -> None:
    helps: dict[str, set[str]] = defaultdict(set)
    for name, command in ALL.items():
        for parameter in command.params:
            first = parameter.opts[0]
            assert first not in ("--sizes", "--workers"), name
            if first in SHARED and "Output" not in (parameter.help or ""):
                helps[first].add(parameter.help)
    assert helps.keys() == set(SHARED)
    assert {option: found for option, found in helps.items() if len(found) > 1} == {}


def test_older_names_of_an_option_still_work() -> None:
    names = {option for command in ALL.values() for p in command.params for option in p.opts}
    assert {"--chrom-sizes", "--sizes", "--threads", "--workers"} <= names


def test_shared_options_are_declared_once() -> None:
    folder = Path(options.__file__).parent
    # The data sources of training and prediction are declared with their commands.
    texts = [p.read_text() for p in folder.glob("*.py") if p.stem not in ("train", "evaluate")]
    for help in (
        "Chromosome names and lengths.",
        "Heading of the Markdown form.",
        "CELL=CELL whose",
    ):
        assert sum(text.count(help) for text in texts) == 1, help


def test_what_people_call_exists_and_stands_first_in_the_help() -> None:
    assert PEOPLE.keys() <= ALL.keys()
    said = CliRunner().invoke(app, ["--help"]).output
    assert said.index("Commands for people") < said.index("Stages that the workflow calls")
    assert all(name in said for name in [*PEOPLE, *STAGES])


def test_a_value_is_named() -> None:
    assert named(["a=x=1", "a=y"], "--signal") == [("a", "x=1"), ("a", "y")]
    assert named(["mask, n=2=x.parquet"], "--link", "LABEL=FILE") == [("mask, n=2", "x.parquet")]
    assert by_name(["hg=38.fa=genome"], "--file", "PATH=USE") == {"hg=38.fa": "genome"}
    assert files_by_name(["K562=a.zarr"], "--store") == {"K562": Path("a.zarr")}


@pytest.mark.parametrize("item", ["x", "x=", "=x", ""])
def test_a_value_without_a_name_is_one_line(item: str) -> None:
    with pytest.raises(UserError, match=f"--cell: '{item}' is not CELL=FILE"):
        by_name([item], "--cell", "CELL=FILE")


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match="--signal: 'DNase' is given twice"):
        by_name(["DNase=a", "DNase=b"], "--signal")


@pytest.mark.parametrize(
    "line",
    [
        "abc quality-table --cell K562 --out x.tsv",
        "check --chrom-sizes x --chromosome chr1 --file bam --out x.json",
        "discover hub --track x --assembly hg38 --out hub.txt",
        "windows long-range --store K562 --published x --out x.tsv",
        "gta signals --signal DNase --genes x --chrom-sizes x --bins 3 --out x",
        "tables provenance --file x --config {} --out x.tsv",
    ],
)
def test_every_command_says_it_in_the_same_words(line: str) -> None:
    stage, *rest = line.split()
    stage_app = importlib.import_module(f"gexpipe.cli.{stage}").app
    with pytest.raises(UserError, match=r"^--\w+: '\w+' is not [A-Z]+=[A-Z]+$"):
        CliRunner().invoke(stage_app, rest, catch_exceptions=False)


def test_doctor_and_models_as_json(tmp_path: Path) -> None:
    doctor = importlib.import_module("gexpipe.cli.doctor").app
    found = json.loads(CliRunner().invoke(doctor, ["--json"]).stdout)
    assert ("zarr", "ok") in {(finding["what"], finding["state"]) for finding in found}
    root = Path(__file__).parents[2]
    for name in ("linear", "caduceus"):
        (tmp_path / f"{name}.yaml").write_text((root / f"config/methods/{name}.yaml").read_text())
    models = importlib.import_module("gexpipe.cli.models").app
    listed = json.loads(CliRunner().invoke(models, ["--folder", str(tmp_path), "--json"]).stdout)
    assert [row["method"] for row in listed] == ["caduceus", "linear"]
    assert not any(row["error"] for row in listed)
    assert listed[0]["parameters"] > 500_000 and listed[1]["parameters"] is None
