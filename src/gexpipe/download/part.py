"""The unfinished file of a download: who writes it, and which version of the file it is of."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gexpipe.errors import UserError
from gexpipe.files import read_json, write_json
from gexpipe.log import get_logger

__all__ = ["alone", "forget", "remember", "validator"]

log = get_logger(__name__)


@contextmanager
def alone(part: Path) -> Iterator[bool]:
    """Hold the lock of an unfinished file; wait while another process holds it.

    Gives whether it had to wait: then the file may be finished.
    """
    lock = part.with_name(f".{part.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle, waited = _locked(lock)
    try:
        yield waited
    finally:
        lock.unlink(missing_ok=True)  # while it is held: whoever waits makes a new one
        os.close(handle)


def _locked(lock: Path) -> tuple[int, bool]:
    waited = False
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info(
                "another process downloads %s: waiting for it",
                lock.name[1:].removesuffix(".part.lock"),
            )
            fcntl.flock(handle, fcntl.LOCK_EX)
            waited = True
        except OSError:  # a file system without locks
            return handle, waited
        if lock.exists() and os.fstat(handle).st_ino == lock.stat().st_ino:
            return handle, waited
        os.close(handle)


def _note(part: Path) -> Path:
    return part.with_name(f".{part.name}.version")


def remember(part: Path, headers: Mapping[str, str]) -> None:
    """Note which version of a file an unfinished one is of, from the answer that began it."""
    found = {name: headers[name] for name in ("ETag", "Last-Modified") if name in headers}
    if found:
        write_json(_note(part), found)
    else:
        _note(part).unlink(missing_ok=True)


def validator(part: Path) -> dict[str, str]:
    """ETag and Last-Modified of the version that an unfinished file is of; empty where unknown."""
    try:
        noted = read_json(_note(part))
    except UserError:
        return {}
    return {str(key): str(value) for key, value in noted.items()}


def forget(part: Path) -> None:
    """Remove an unfinished file and what is noted of it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)
