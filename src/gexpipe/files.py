"""Writing aside and renaming, checksums, and small text files, gzipped or not."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from gexpipe.errors import UserError

__all__ = ["aside", "checksum", "open_text", "read_json", "require", "write_json"]


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Give a temporary neighbour of ``path``; rename it onto ``path`` when the block succeeds.

    Works for files and for directories (a zarr store). When the block raises, the temporary is
    removed and whatever stood at ``path`` before stays untouched, so nothing half-written is ever
    seen under the final name. The temporary keeps the suffix, because writers look at it.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    temporary = folder / final.name
    try:
        yield temporary
        if not temporary.exists():
            raise RuntimeError(f"nothing was written for {final}")
        if temporary.is_dir() and final.exists():
            # A directory cannot be renamed onto a full one: move the old one away first.
            old = folder / "old"
            final.replace(old)
        temporary.replace(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def checksum(path: str | Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()


def open_text(path: str | Path) -> IO[str]:
    """Open a text file for reading, through gzip when its first two bytes say so."""
    source = require(path)
    with source.open("rb") as handle:
        zipped = handle.read(2) == b"\x1f\x8b"
    if zipped:
        return gzip.open(source, "rt", encoding="utf-8")
    return source.open(encoding="utf-8")


def require(path: str | Path, what: str = "file") -> Path:
    """Return ``path`` if it exists and is not empty; a `UserError` names it otherwise."""
    source = Path(path)
    if not source.exists():
        raise UserError(f"no such {what}", source)
    if source.is_file() and source.stat().st_size == 0:
        raise UserError(f"this {what} is empty", source)
    return source


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented, key-sorted JSON, aside and renamed."""
    with aside(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a `UserError` names the file and the line when it is not JSON."""
    source = require(path)
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not valid JSON ({error})", source) from error
