"""A finished store in a bucket (``s3://BUCKET/PATH``), read as a folder is, part by part.

Any file system that fsspec knows will do; keys and endpoint are those of its own settings (for S3
the usual ``AWS_*`` variables). ``GEXPIPE_CACHE`` names a folder that keeps what was read once.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.files import aside

__all__ = ["CACHE", "Place", "Ranges", "Remote", "checksum_of", "local_copy", "place"]

CACHE = "GEXPIPE_CACHE"
# Two letters at least: one is a drive. A `Path` of an address has lost a slash.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}([^/].*?)/*")


@dataclass(frozen=True)
class Remote:
    """A file or folder of a bucket; what readers ask of a `Path`.

    Attributes
    ----------
    protocol, path : str
        ``s3`` and ``BUCKET/PATH``.
    version : str
        Fingerprint of its store, under which a cache keeps it.
    """

    protocol: str
    path: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.protocol}://{self.path}"

    def __truediv__(self, name: str) -> Remote:
        return replace(self, path=f"{self.path}/{name}")

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> Remote:
        """The folder it lies in."""
        return replace(self, path=self.path.rpartition("/")[0])

    def size(self) -> int | None:
        """Bytes of a file; None where there is none."""

        def ask() -> int | None:
            try:
                return int(self._system().info(self.path)["size"])
            except FileNotFoundError:
                return None

        return self._asked(ask)

    def read(self, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes of a file, all or from ``start`` to ``end``."""
        return self._asked(lambda: self._system().cat_file(self.path, start=start, end=end))

    def files(self) -> list[Remote]:
        """Every file below a folder, in the order of their paths' parts."""
        found = self._asked(lambda: self._system().find(self.path))
        return [replace(self, path=p) for p in sorted(found, key=lambda p: p.split("/"))]

    def _system(self) -> Any:
        """The file system; fsspec keeps one a process, so that a fork opens its own."""
        try:
            import fsspec

            return fsspec.filesystem(self.protocol)
        except (ImportError, ValueError) as error:
            raise UserError(f"{error}: pip install 'gexpipe[storage]'", self) from error

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except UserError:
            raise
        except Exception as error:  # every storage has its own
            raise UserError(f"cannot be read ({type(error).__name__}: {error})", self) from error


# Where a store lies.
Place = Path | Remote


def place(path: str | Place) -> Place:
    """What an argument names: an address (``s3://...``), or a path of this machine."""
    if isinstance(path, Remote):
        return path
    found = _ADDRESS.fullmatch(str(path))
    return Remote(*found.groups()) if found and not Path(path).exists() else Path(path)


def local_copy(file: Remote) -> Path | None:
    """The copy of a file that the cache keeps, fetched at first; None without a cache."""
    folder = os.environ.get(CACHE)
    if not folder:
        return None
    kept = Path(folder).expanduser() / (file.version or "unknown") / file.path
    if not kept.exists():
        content = file.read()
        with aside(kept) as temporary:
            temporary.write_bytes(content)
    return kept


class Ranges:
    """Bytes of a remote file, read where they are asked for."""

    def __init__(self, file: Remote, size: int) -> None:
        self._file, self._size = file, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> memoryview:
        start, end, _ = part.indices(self._size)
        return memoryview(self._file.read(start, end))


def checksum_of(file: Remote) -> str:
    """sha256 of a remote file, hex."""
    return hashlib.sha256(file.read()).hexdigest()
