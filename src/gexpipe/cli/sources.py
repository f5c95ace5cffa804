"""The files of a cell type as options: declared once, taken by every command that reads them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from gexpipe.data.sources import Sources

__all__ = ["takes_sources"]


def takes_sources(*names: str, required: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """Give a command an option for each of some fields of `Sources`, and hand it ``sources``.

    Parameters
    ----------
    *names : str
        Fields, in the order of the help; ``examples`` is always taken, and required.
    required : tuple of str
        Those that must be given.
    """
    known = {f.name: f for f in fields(Sources)}

    def option(name: str) -> inspect.Parameter:
        must = name in required or known[name].default is MISSING
        kind = Path if must else Path | None
        annotation: Any = Annotated[kind, typer.Option(help=known[name].metadata["help"])]  # type: ignore[valid-type]
        default = inspect.Parameter.empty if must else None
        keyword = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(name, keyword, default=default, annotation=annotation)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(command, include_extras=True)
        own = [
            p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for p in inspect.signature(command).parameters.values()
            if p.name != "sources"
        ]
        options = [option(name) for name in ("examples", *names)]

        @wraps(command)
        def called(**given: Any) -> Any:
            files = {p.name: given.pop(p.name) for p in options}
            return command(sources=Sources(**files), **given)

        parameters = [*options, *own]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        return called

    return decorate
