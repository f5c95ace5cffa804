"""Configuration mappings to typed, frozen dataclasses; anything unknown is refused."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from gexpipe.errors import UserError

__all__ = ["as_mapping", "parse"]

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
        For an unknown key or a value of another type, naming the key.
    """
    kinds = typing.get_type_hints(cls)
    for key in values:
        if key not in kinds:
            near = difflib.get_close_matches(key, kinds, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(kinds)}"
            raise UserError(f"unknown key {key!r}{hint}", where)
    return cls(**{k: _value(kinds[k], v, f"{where}.{k}") for k, v in values.items()})


def as_mapping(options: Any) -> dict[str, Any]:
    """Options back to plain values, tuples as lists: what `parse` reads and JSON can hold."""
    plain = dataclasses.asdict(options)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


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
        raise UserError(f"found {value!r}, expected {kind.__name__}", where)
    return value
