"""The note beside a file, and whether the file still has the bytes that it speaks of.

Size and time do not tell: a file can be exchanged for another of the same size with its time kept.
The stamp of a file also holds its inode and the time of its last change of any kind, which no
program can set. Where the stamp is another one, the bytes themselves are asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.files import checksum, read_json

__all__ = ["content_key", "of_these_bytes", "read_record", "record_path", "stamp"]


def record_path(path: Path) -> Path:
    """Path of the note: the file's name with ``.json`` added."""
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> dict[str, Any] | None:
    """The note of a file; None when there is none, or when it is damaged."""
    try:
        note = read_json(record_path(path))
    except UserError:
        return None
    return note if isinstance(note, dict) else None


def stamp(path: str | Path) -> list[int]:
    """Size, time of the last writing and of the last change (ns) and inode of a file."""
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def of_these_bytes(path: str | Path) -> tuple[dict[str, Any], str]:
    """The note of a file if it is of its bytes, else an empty one; and the file's sha256.

    Only a file whose stamp is not the noted one is read.
    """
    note = read_record(Path(path)) or {}
    if note.get("stamp") == stamp(path) and note.get("sha256"):
        return note, str(note["sha256"])
    sha256 = checksum(path)
    return (note if note.get("sha256") == sha256 else {}), sha256


def content_key(origin: str | Path, kept: Path) -> str:
    """A text that changes when the bytes of a user's own file do, and only then.

    Parameters
    ----------
    origin : path
        The user's file.
    kept : Path
        The workflow's copy or link of it, with its note, once there is one.

    Returns
    -------
    str
        Until the file was taken, its size and time; then what was noted, as long as the bytes are
        those; their sha256 when they are not. Empty where there is no such file.
    """
    source = Path(origin).expanduser()
    if not source.is_file():
        return ""
    note = read_record(kept) or {}
    known = note.get("origin", {})
    size, written, *_ = now = stamp(source)
    if not known:
        return f"{size}:{written}"
    if known["stamp"] == now:
        return str(known["content"])
    sha256 = checksum(source)
    return str(known["content"]) if known["sha256"] == sha256 else sha256
