"""Log lines and progress bars that a person at a terminal or a log file can read."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

__all__ = ["bar_options", "get_logger", "only_warnings", "progress", "setup"]

T = TypeVar("T")
_bars = {"disable": False}  # for every bar of this process


def setup(verbose: bool = False) -> None:
    """Send log lines to standard error: time, then what happens, in words."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger("gexpipe")
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False


def only_warnings() -> None:
    """No lines of what happens, and no bars: another process tells the same."""
    logging.getLogger("gexpipe").setLevel(logging.WARNING)
    _bars["disable"] = True


def get_logger(name: str) -> logging.Logger:
    """Logger below ``gexpipe``; pass ``__name__``."""
    return logging.getLogger(name)


class _Lines:
    """Standard error as a log file wants it: a state of a bar is a line, not written over."""

    def write(self, text: str) -> None:
        if text.strip():
            sys.stderr.write(text.strip() + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def bar_options() -> dict[str, Any]:
    """Options of `tqdm`: a bar on a terminal, a line now and then in a log file."""
    if sys.stderr.isatty():
        return {"mininterval": 0.2, **_bars}
    quiet = {"file": _Lines(), "mininterval": 30.0, "delay": 30.0, "ascii": True, "ncols": 0}
    return {**quiet, **_bars}


def progress(
    items: Iterable[T], what: str, total: int | None = None, **options: Any
) -> Iterable[T]:
    """Iterate with a progress bar named ``what``; a log file gets a line every half minute."""
    return tqdm(items, desc=what, total=total, **(bar_options() | options))
