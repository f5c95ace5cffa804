"""What the machine did, in words: errors that no input and no line of this program made."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

from gexpipe.files import disk_is_full

__all__ = ["of_the_machine"]

# What PyTorch and the libraries below it say in a plain RuntimeError.
_MEMORY = re.compile(
    r"MemoryError|out of memory|can't allocate memory|ALLOC_FAILED|bad_alloc", re.I
)
_READER = re.compile(r"DataLoader (worker|timed out)|unable to (allocate|open) shared memory", re.I)
_TOO_LITTLE = "not enough memory"
_KILLED = "a process that reads batches was killed or hangs"


def of_the_machine(error: BaseException) -> str | None:
    """One line for what memory, a disk, a permission or a signal did.

    None for what is a fault of the program.
    """
    if disk_is_full(error):
        return "no space left on the disk"
    for found in _chain(error):
        text = _first_line(found)
        if isinstance(found, MemoryError) or _is_runtime(found, _MEMORY):
            return (
                f"{_TOO_LITTLE} ({text or 'MemoryError'}): a smaller train.batch_size, larger "
                "train.accumulate, fewer workers or threads need less"
            )
        if _is_runtime(found, _READER):
            return (
                f"{_KILLED} ({text}): lack of memory, or of room in /dev/shm; with "
                "train.workers: 0 there is none"
            )
        if isinstance(found, BrokenProcessPool):
            return (
                "a process was killed that built a part, for lack of memory perhaps: run it again"
            )
        if isinstance(found, OSError) and found.errno == errno.ENOMEM:
            return f"{_TOO_LITTLE} ({found.strerror})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    """The first sentence: an error of another process brings its whole traceback."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("Caught ")]
    return lines[0][:160] if lines and "Traceback" not in lines[0] else ""


def _is_runtime(error: BaseException, pattern: re.Pattern[str]) -> bool:
    return isinstance(error, RuntimeError) and bool(pattern.search(str(error)))
