"""``NAME=VALUE`` of a command line, read in one place with one error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gexpipe.errors import UserError

__all__ = ["by_name", "files_by_name", "named"]


def named(items: Sequence[str], flag: str, form: str = "NAME=FILE") -> list[tuple[str, str]]:
    """Name and value of every item, in order.

    Parameters
    ----------
    items : sequence of str
        As they were given.
    flag, form : str
        The option, and what it expects, as ``CELL=FILE``. A LABEL and a PATH in front may hold
        ``=``, so the last one separates; otherwise the first does.

    Raises
    ------
    UserError
        An item without a name or a value.
    """
    last = form.startswith(("LABEL=", "PATH="))
    pairs = []
    for item in items:
        name, _, value = item.rpartition("=") if last else item.partition("=")
        if not name or not value:
            raise UserError(f"{item!r} is not {form}", flag)
        pairs.append((name, value))
    return pairs


def by_name(items: Sequence[str], flag: str, form: str = "NAME=FILE") -> dict[str, str]:
    """As `named`, by name; a `UserError` for a name that is given twice."""
    found: dict[str, str] = {}
    for name, value in named(items, flag, form):
        if name in found:
            raise UserError(f"{name!r} is given twice", flag)
        found[name] = value
    return found


def files_by_name(items: Sequence[str], flag: str, form: str = "NAME=FILE") -> dict[str, Path]:
    """As `by_name`, of paths."""
    return {name: Path(value) for name, value in by_name(items, flag, form).items()}
