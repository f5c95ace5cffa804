"""Declarations: of this package, and of modules beside the working directory."""

from __future__ import annotations

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
