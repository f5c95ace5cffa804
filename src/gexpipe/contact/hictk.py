"""hictkpy, loaded only by what reads or writes a .hic: its logger then keeps a core busy.

Measured of hictkpy 1.4.0: once it is imported, a thread of its own polls for log lines until the
process ends, and its lock stops a fork now and then, the more often the lower the thread's
priority is. (1.3.0 does not, but cannot write pixels of pandas 3.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["hictk", "is_hic"]


def hictk() -> Any:
    """The module."""
    import hictkpy

    return hictkpy


def is_hic(path: str | Path) -> bool:
    """Whether a file begins as a .hic does."""
    with Path(path).open("rb") as handle:
        return handle.read(4) == b"HIC\0"
