"""The note beside a file, and whether the file still has the bytes that it speaks of.

Size and time do not tell: a file can be exchanged for another of the same size with its time kept.
The stamp of a file also holds its inode and the time of its last change of any kind, which no
program can set. Where the stamp is another one, the bytes themselves are asked.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.files import checksum, read_json, write_json

__all__ = ["content_key", "of_these_bytes", "read_record", "record_path", "stamp"]


def record_path(path: Path) -> Path:
    """Path of the note: the file's name with ``.json`` added."""
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> dict[str, Any] | None:
    """The note of a file; None when there is none, or when it is damaged."""
    return next(iter(_read(record_path(path))), None)


def stamp(path: str | Path) -> list[int]:
    """Size, time of the last writing and of the last change (ns) and inode of a file."""
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def of_these_bytes(path: str | Path) -> tuple[dict[str, Any], str]:
    """The note of a file if it is of its bytes, else an empty one; and the file's sha256.

    Only a file whose stamp is not the noted one is read, and once: Snakemake sets the time of what
    a rule wrote when the rule has ended, so that the stamp of the download is an older one.
    """
    source = Path(path)
    note, now = read_record(source) or {}, stamp(source)
    seen = source.with_name(f".{source.name}.seen")
    known = [note, *_read(seen)] if note else []
    sha256 = next((k["sha256"] for k in known if k.get("stamp") == now and k.get("sha256")), None)
    if sha256 is None:
        sha256 = checksum(source)
        if note:
            with suppress(OSError):  # a folder that may only be read: it is read again
                write_json(seen, {"stamp": now, "sha256": sha256})
    return (note if note.get("sha256") == sha256 else {}), str(sha256)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        found = read_json(path)
    except UserError:
        return []
    return [found] if isinstance(found, dict) else []


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
