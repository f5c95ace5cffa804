"""Writing aside and renaming, checksums, and small text files, gzipped or not."""

from __future__ import annotations

import errno
import fcntl
import glob
import gzip
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from isal import igzip
from isal.igzip_lib import IsalError

from gexpipe.errors import UserError

_ASIDE = ".aside"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOTHING_FREE = 1 << 16  # bytes
_JUST_MADE = 5.0  # seconds
_WRITERS = 100  # times that others may come in between
_OTHER_WRITER = {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST}

# How a text file begins that is not plain UTF-8: byte order marks, the longest first.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

__all__ = [
    "aside",
    "checksum",
    "disk_is_full",
    "is_gzipped",
    "open_binary",
    "open_text",
    "read_json",
    "require",
    "write_json",
]


def flush(path: Path, below: bool = True) -> None:
    """Have the system write a file, or all that is below a folder, to the disk now.

    Without this a rename can outlive what it names: after a power cut the file is there, and empty.
    """
    inner = sorted(path.rglob("*")) if below and path.is_dir() else []
    for item in [*inner, path]:
        handle = os.open(item, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Give a temporary neighbour of ``path``; rename it onto ``path`` when the block succeeds.

    Works for files and for directories (a zarr store). When the block raises, the temporary is
    removed and whatever stood at ``path`` before stays untouched, so nothing half-written is ever
    seen under the final name. The temporary keeps the suffix, because writers look at it. What
    earlier, killed processes left beside ``path`` is removed.

    Raises
    ------
    UserError
        The disk is full.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    _sweep(final)
    folder, lock = _own_folder(final)
    temporary = folder / final.name
    try:
        yield temporary
        if not temporary.exists():
            raise RuntimeError(f"nothing was written for {final}")
        flush(temporary)
        _exchange(temporary, final)
        flush(final.parent, below=False)
    except Exception as error:
        if disk_is_full(error, folder):
            raise UserError("no space left on the disk", final) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _own_folder(final: Path) -> tuple[Path, int | None]:
    """A locked folder beside ``final``: one that no sweep removed before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=_ASIDE, dir=final.parent))
        lock = _locked(folder, wait=True)
        if folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _exchange(temporary: Path, final: Path) -> None:
    """Rename onto ``final``; of several writers the last one counts.

    A directory cannot be renamed onto a full one: the old one is moved away first, and another
    writer may put his there, or move it away, in between.
    """
    for number in range(_WRITERS):
        try:
            if temporary.is_dir() and final.exists():
                final.replace(temporary.parent / f"old{number}")
            temporary.replace(final)
            return
        except OSError as error:
            if not temporary.is_dir() or error.errno not in _OTHER_WRITER:
                raise
    raise UserError("other processes keep writing this folder", final)


def _locked(folder: Path, wait: bool = False) -> int | None:
    """Handle whose lock says that a folder is in use; None when it is, or locks are not known."""
    handle = -1
    try:
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if handle >= 0:
            os.close(handle)
        return None
    return handle


def _sweep(final: Path) -> None:
    """Remove temporaries of a path that no living process holds."""
    for folder in final.parent.glob(f".{glob.escape(final.name)}.*{_ASIDE}"):
        lock = _locked(folder)
        # A folder that another process made this very moment may not be locked yet; one that is
        # gone was swept by another.
        with suppress(FileNotFoundError):
            if lock is not None and time.time() - folder.stat().st_mtime > _JUST_MADE:
                old = next(folder.glob("old*"), None)
                if old is not None and not final.exists():
                    old.replace(final)  # killed between moving the old away and renaming the new
                shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def disk_is_full(error: BaseException | None, folder: str | Path | None = None) -> bool:
    """Whether an error, or what caused it, is a lack of disk space (or of quota, or a size limit).

    Libraries hide the reason; then a folder without space gives it.
    """
    if folder is not None and shutil.disk_usage(folder).free < _NOTHING_FREE:
        return True
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def checksum(path: str | Path, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()


def is_gzipped(path: str | Path) -> bool:
    """Whether a file's first two bytes are those of gzip (names are not to be trusted)."""
    with Path(path).open("rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


class _Unpacked(io.RawIOBase):
    """Bytes of a file, through gzip where it is gzipped; damage is a `UserError` with its name."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._stream = igzip.open(source, "rb") if is_gzipped(source) else source.open("rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._stream.readinto(buffer))  # type: ignore[union-attr]
        except (EOFError, zlib.error, gzip.BadGzipFile, IsalError) as error:  # type: ignore[misc]
            raise UserError(
                f"its gzip compression is cut off or damaged ({error})", self._source
            ) from error

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Text(io.TextIOWrapper):
    """Text of a file; what is no text of its encoding is a `UserError` with file and row."""

    def __init__(self, binary: io.BufferedReader, encoding: str, source: Path) -> None:
        super().__init__(binary, encoding=encoding)
        self._source = source

    def read(self, size: int | None = -1, /) -> str:
        try:
            return super().read(size)
        except UnicodeError as error:
            raise self._complaint(error) from error

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        try:
            return super().readline(size)
        except UnicodeError as error:
            raise self._complaint(error) from error

    def _complaint(self, error: UnicodeError) -> UserError:
        if self.encoding != "utf-8":
            return UserError(
                f"not {self.encoding.upper()} text as its first bytes say", self._source
            )
        return UserError(
            f"not UTF-8 text ({getattr(error, 'reason', error)}): a binary file, or saved in "
            "another encoding such as Latin-1?",
            f"{self._source}, row {_undecodable(self._source)}",
        )


def _undecodable(source: Path) -> int:
    """Number of the first line that is not UTF-8, from 1."""
    with open_binary(source) as handle:
        for number, line in enumerate(handle, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def open_binary(path: str | Path) -> io.BufferedReader:
    """Open a file for reading, through gzip when its first two bytes say so.

    Raises
    ------
    UserError
        No such file, or an empty one; and, while it is read, when the compression is cut off or
        damaged.
    """
    return io.BufferedReader(_Unpacked(require(path)), 1 << 18)


def open_text(path: str | Path) -> IO[str]:
    """Open a text file for reading: UTF-8, or what a byte order mark says; gzipped or not.

    Lines end with a line feed however the file ends them.

    Raises
    ------
    UserError
        As `open_binary`; and for what is no text, while it is read: then with the row.
    """
    source = require(path)
    binary = open_binary(source)
    start = binary.peek(4)[:4]
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
    return _Text(binary, encoding, source)


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
