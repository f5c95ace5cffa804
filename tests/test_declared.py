"""Declarations: of this package, and of modules beside the working directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gexpipe.errors import UserError
from gexpipe.methods.declared import DECLARED, Declaration, declaration, model_table

MODULE = """
from dataclasses import dataclass
from gexpipe.methods.declared import Declaration

@dataclass(frozen=True)
class Options:
    width: int = 3

class Model:
    Options = Options
    reads = "{reads}"
    scores = ("saliency",)

class Bare:
    pass

DECLARED = Declaration("mine", Options, "own_declared:Model", shows=("weights",))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE.format(reads="windows"))
    return name


def test_a_class_or_a_declaration_of_ones_own(module: str) -> None:
    found = declaration(f"{module}:Model")
    assert (found.reads, found.scores, found.trained) == ("windows", ("saliency",), True)
    assert found.parse({"width": 5}, "m").width == 5
    assert found.load().__name__ == "Model"
    assert declaration(f"{module}:DECLARED").shows == ("weights",)


def test_what_cannot_be_used_is_one_line(module: str) -> None:
    with pytest.raises(UserError, match="neither a Declaration nor a class with Options"):
        declaration(f"{module}:Bare")
    with pytest.raises(UserError, match=f"{module} has no 'Absent'"):
        declaration(f"{module}:Absent")
    with pytest.raises(UserError, match="cannot be imported"):
        declaration("nowhere_at_all:Model")
    with pytest.raises(UserError, match="unknown architecture 'prizm'; did you mean 'prism'"):
        declaration("prizm")
    with pytest.raises(UserError, match="x: reads 'window'; did you mean 'windows'"):
        Declaration("x", object, reads="window")
    with pytest.raises(UserError, match="x: scores 'masks'; did you mean 'mask'"):
        Declaration("x", object, scores=("masks",))


def test_every_default_is_legal_and_listed() -> None:
    table = model_table()
    assert list(table.index) == list(DECLARED)
    for name, found in DECLARED.items():
        if name == "external":  # which has nothing to run by default
            continue
        assert vars(found.parse(table.loc[name, "options"], name)) == vars(found.options())


ANNOUNCED = """
[gexpipe.methods]
their_model = their_package.model:Model
their_files = their_package
"""
CLASS = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    width: int = 4


class Model:
    Options = Options
    reads = "windows"
"""
ASK = """
from gexpipe.methods.declared import declaration
from gexpipe.methods.merged import read_named
from gexpipe.methods.outside import method_folders

found = declaration("their_model")
print(found.model, len(found.source), [f.name for f in method_folders()])
print(read_named("theirs", method_folders()).model)
declaration("their_modle")
"""


def test_an_installed_package_announces_a_class_and_method_files(tmp_path: Path) -> None:
    package, told = tmp_path / "their_package", tmp_path / "theirs-1.0.dist-info"
    for folder in (package, told):
        folder.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(ANNOUNCED)
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text(CLASS)
    (package / "theirs.yaml").write_text(
        "{name: theirs, label: T, architecture: their_model, model: {width: 8}, train: {},"
        " inputs: {length: 512, signals: [], elements: false}}"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines == ["their_package.model:Model 64 ['their_package']", "{'width': 8}"], done.stderr
    assert "did you mean 'their_model'?" in done.stderr


def test_a_command_takes_only_what_stands_for_something() -> None:
    for command, words in (
        ("x {exmples} {out}", "nothing stands for {exmples}; did you mean 'examples'?"),
        ("awk '{print}' {examples} > {out}", "braces that are meant are doubled"),
        ("x {examples} {out} {fold:02d}", "{fold} takes no format ('02d')"),
        ("x {out}", "a command names {examples} and {out}"),
        ("", "give either command or predictions"),
    ):
        with pytest.raises(UserError) as error:
            declaration("external").parse({"command": command}, "method x: model")
        assert words in str(error.value)
