"""hictkpy, loaded only by what reads or writes a .hic, and its logger kept from taking a core.

Measured of hictkpy 1.4.0: once it is imported, a thread of its own polls for log lines until the
process ends. (1.3.0 does not, but cannot write pixels of pandas 3.)
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["hictk", "is_hic"]

_THREADS = Path("/proc/self/task")  # of Linux; elsewhere nothing is changed


def hictk() -> Any:
    """The module; the thread that its import starts gets only time that nothing else wants."""
    before = _threads()
    import hictkpy

    for thread in _threads() - before:
        with suppress(OSError):
            os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))
    return hictkpy


def _threads() -> set[str]:
    return {path.name for path in _THREADS.iterdir()} if _THREADS.exists() else set()


def is_hic(path: str | Path) -> bool:
    """Whether a file begins as a .hic does."""
    with Path(path).open("rb") as handle:
        return handle.read(4) == b"HIC\0"
