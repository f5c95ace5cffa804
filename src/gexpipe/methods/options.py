"""Configuration mappings to typed, frozen dataclasses; anything unknown is refused."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from gexpipe.config import number_hint
from gexpipe.errors import UserError

__all__ = ["as_mapping", "fraction", "least", "one_of", "parse", "suggestion"]

T = TypeVar("T")


def parse(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build the dataclass ``cls`` from a mapping.

    Parameters
    ----------
    cls : type
        A dataclass whose fields are int, float, bool, str, or tuples of one of them.
    values : mapping
        Keys among the fields; lists become tuples, integers are accepted for floats.
    where : str
        Printed in front of an error, for instance ``method prism: model``.

    Raises
    ------
    UserError
        For an unknown key, a value of another type or outside its legal ones, naming the key; and
        for what the class's own ``check(where)`` refuses.
    """
    kinds = _kinds(cls)  # type: ignore[arg-type]  # classes are hashable
    for key in values:
        if key not in kinds:
            raise UserError(f"unknown key {key!r}; {suggestion(key, kinds)}", where)
    made = cls(**{k: _value(kinds[k], v, f"{where}.{k}") for k, v in values.items()})
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        _legal(getattr(made, field.name), field.metadata, f"{where}.{field.name}")
    check = getattr(made, "check", None)
    if check is not None:
        check(where)
    return made


@cache
def _kinds(cls: type) -> dict[str, Any]:
    """Types of a class's fields; the same classes are asked for by every row of every table."""
    return typing.get_type_hints(cls)


def least(default: Any, minimum: float) -> Any:
    """A field that is ``minimum`` or more."""
    return dataclasses.field(default=default, metadata={"least": minimum})


def fraction(default: float) -> Any:
    """A field from 0 to 1."""
    return dataclasses.field(default=default, metadata={"least": 0, "most": 1})


def one_of(default: Any, *choices: Any) -> Any:
    """A field that is one of some values."""
    return dataclasses.field(default=default, metadata={"choices": choices})


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean ...`` for a name that is close to a known one, otherwise all known ones."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def as_mapping(options: Any) -> dict[str, Any]:
    """Options back to plain values, tuples as lists: what `parse` reads and JSON can hold."""
    plain = dataclasses.asdict(options)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def _legal(value: Any, legal: Mapping[str, Any], where: str) -> None:
    choices, low, high = legal.get("choices"), legal.get("least"), legal.get("most")
    if choices is not None and value not in choices:
        raise UserError(f"{value!r}, expected {' or '.join(map(str, choices))}", where)
    if value is None or (low is None and high is None):
        return
    if not math.isfinite(value) or value < low or (high is not None and value > high):
        expected = f"{low} or more" if high is None else f"{low} to {high}"
        raise UserError(f"{value}, expected {expected}", where)


def _value(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise UserError(f"found {value!r}, expected a list", where)
        return tuple(_value(get_args(kind)[0], v, where) for v in value)
    if get_origin(kind) in (types.UnionType, typing.Union):
        if value is None:
            return None
        kind = next(k for k in get_args(kind) if k is not types.NoneType)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        hint = number_hint(value) if kind in (int, float) else ""
        raise UserError(f"found {value!r}, expected {kind.__name__}{hint}", where)
    return value
