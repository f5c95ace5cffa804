"""Code outside this package: methods beside the working directory or of installed packages."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError

__all__ = ["GROUP", "announced", "load", "method_folders", "source_digest"]

# A package announces what it has under this group: an architecture as ``NAME = "module:Class"``, a
# folder of method files (NAME.yaml in the package) as ``NAME = "package"``.
GROUP = "gexpipe.methods"


@cache
def _entries() -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def announced() -> dict[str, str]:
    """Architecture -> ``module:NAME``, of all installed packages that announce one."""
    return {entry.name: entry.value for entry in _entries() if entry.attr}


def method_folders() -> list[Path]:
    """Folders of method files of all installed packages that announce one.

    A `UserError` names a package that cannot be found.
    """
    folders = []
    for entry in _entries():
        if not entry.attr:
            where = _found(entry.module)
            if where is None:
                raise UserError(f"announces {entry.value!r}, which is no package", entry.name)
            folders.append(where.parent)
    return folders


def load(place: str) -> Any:
    """What ``module:NAME`` is; a module may lie in the working directory.

    A `UserError` where it cannot be imported, or has no such name.
    """
    module, _, name = place.partition(":")
    with _Here():
        try:
            return getattr(import_module(module), name)
        except ImportError as error:
            raise UserError(f"cannot be imported ({error})", place) from error
        except AttributeError as error:
            raise UserError(f"{module} has no {name!r}", place) from error


def source_digest(place: str) -> str:
    """sha256 of the Python source behind ``module:NAME``; empty for this package's own.

    Of a module of a package, all files of the package count: an edited one is another model.
    """
    module = place.partition(":")[0]
    if not module or module.partition(".")[0] == "gexpipe":
        return ""
    with _Here():
        where = _found(module.partition(".")[0])
    if where is None:
        return ""
    package = where.name == "__init__.py"
    files = sorted(where.parent.rglob("*.py")) if package else [where]
    found = hashlib.sha256()
    for path in files:
        found.update(path.relative_to(where.parent).as_posix().encode() + b"\0")
        found.update(path.read_bytes())
    return found.hexdigest()


def _found(module: str) -> Path | None:
    """The file of a module or of a package's ``__init__``, without importing it."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


class _Here:
    """The working directory is looked in, after everything else."""

    def __enter__(self) -> None:
        here = os.getcwd()  # noqa: PTH109  # as sys.path holds it
        self._added = here if here not in sys.path else ""
        if self._added:
            sys.path.append(here)

    def __exit__(self, *error: object) -> None:
        if self._added:
            sys.path.remove(self._added)
