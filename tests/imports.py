"""What a command of gexpipe imports, found in the source without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

from gexpipe.cli.main import MODULES

SOURCE = Path(__file__).resolve().parents[1] / "src"


def _file(module: str) -> Path | None:
    base = SOURCE / module.replace(".", "/")
    found = [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()]
    return found[0] if found else None


def _imported(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom) and each.module:
            for alias in each.names:
                inner = f"{each.module}.{alias.name}"
                yield inner if _file(inner) else each.module


def _at_once(tree: ast.Module) -> Iterator[str]:
    """What is imported when the module is: neither in functions nor for type checking."""
    for statement in tree.body:
        typing = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test)
        if not typing and not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield from _imported(statement)


def packages_of_command(stage: str, command: str) -> set[str]:
    """Top-level names of the packages that ``gexpipe STAGE COMMAND`` imports.

    Those of all modules that are loaded at once, and, of the modules that the command itself names,
    those of their functions too.
    """
    stage = MODULES.get(stage, stage)
    file = _file(f"gexpipe.cli.{stage}")
    assert file is not None, stage
    tree = ast.parse(file.read_text())
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    name = command.replace("-", "_")
    body = functions.get(name) or functions.get("main") or functions.get(stage)
    waiting = ["gexpipe.cli.main", *_at_once(tree), *(_imported(body) if body else [])]
    for module in {m for m in waiting if m.startswith(f"gexpipe.cli.{stage}_")}:
        shared = ast.parse((_file(module) or file).read_text())
        inner = [n for n in shared.body if isinstance(n, ast.FunctionDef) and n.name == name]
        waiting += [m for function in inner for m in _imported(function)]
    # Of the modules beside it that hold other commands, this one's functions stand above.
    outside = [m for m in waiting if not m.startswith(f"gexpipe.cli.{stage}_")]
    named = [path for path in map(_file, outside) if path is not None]
    inside = [m for path in named for m in _imported(ast.parse(path.read_text()))]
    waiting += [m for m in inside if not m.startswith("gexpipe")]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        found = _file(module) if module.startswith("gexpipe") else None
        if found is not None:
            waiting += [*_at_once(ast.parse(found.read_text())), module.rpartition(".")[0]]
    return {module.partition(".")[0] for module in seen} - {"gexpipe", ""}


def required(distributions: set[str]) -> set[str]:
    """The distributions themselves and whatever they require, from what is installed here."""
    seen: set[str] = set()
    waiting = list(distributions)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue
        waiting += [n.name for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})]
    return seen
