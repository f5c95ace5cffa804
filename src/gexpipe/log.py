"""Log lines and progress bars that a person at a terminal or a log file can read."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

__all__ = ["get_logger", "only_warnings", "progress", "setup"]

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


def progress(
    items: Iterable[T], what: str, total: int | None = None, **options: Any
) -> Iterable[T]:
    """Iterate with a progress bar named ``what``; a log file gets one line every ten seconds."""
    quiet = not sys.stderr.isatty()
    options = {"mininterval": 10.0 if quiet else 0.2, **_bars, **options}
    return tqdm(items, desc=what, total=total, **options)
