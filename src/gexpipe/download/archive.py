"""A member of a zip archive as a sheet's file: ``ARCHIVE.zip!MEMBER`` in the column url."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from gexpipe.download.portals import Request
from gexpipe.errors import UserError

__all__ = ["archive_of", "extract", "find_member", "member_of", "split_member"]

_MEMBER = re.compile(r"(?P<archive>.+\.zip)!(?P<member>[^!]+)", re.IGNORECASE)


def split_member(url: str) -> tuple[str, str]:
    """The archive and its member that a url asks for; of a whole file the url and nothing."""
    found = _MEMBER.fullmatch(url)
    return (found["archive"], found["member"]) if found else (url, "")


def member_of(request: Request) -> str:
    """The member that a request asks for; empty where it asks for a whole file."""
    return split_member(request.url)[1]


def archive_of(request: Request) -> Request:
    """The request for the archive itself, without the sheet's md5, which is the member's."""
    archive, member = split_member(request.url)
    return replace(request, url=archive, format="zip", md5="") if member else request


def find_member(names: list[str], member: str, where: str) -> str:
    """Full name of a member: as given, or the only one that is so called in any folder.

    Raises
    ------
    UserError
        None or several; the message lists what the archive has.
    """
    files = [name for name in names if not name.endswith("/")]
    if member in files:
        return member
    fitting = [name for name in files if name.endswith(f"/{member}")]
    if len(fitting) == 1:
        return fitting[0]
    words = f"{len(fitting)} members are" if fitting else "no member is"
    listed = ", ".join(sorted(fitting or files)[:8])
    raise UserError(f"{words} called {member!r}; the archive has {listed or 'none'}", where)


def extract(archive: Path, member: str, out: Path, where: str) -> None:
    """Write one member of a zip archive to ``out``, its CRC checked.

    Parameters
    ----------
    archive : Path
        The archive.
    member : str
        As `find_member` takes it.
    out : Path
        File to write; nothing is left there when it fails.
    where : str
        Names the archive in messages: its address.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            name = find_member(opened.namelist(), member, where)
            with opened.open(name) as source, out.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 22)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        out.unlink(missing_ok=True)
        raise UserError(f"member {member!r} cannot be read ({error})", where) from error
