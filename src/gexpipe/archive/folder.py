"""A folder with a checksum of every file: sealed, packed as one file, unpacked, verified."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from gexpipe import __version__
from gexpipe.errors import UserError
from gexpipe.files import aside, checksum, read_json, require, write_json
from gexpipe.log import progress
from gexpipe.prepared import RECORD, SUMS, read_sums
from gexpipe.source import commit

__all__ = ["FORMS", "describe", "pack", "read_record", "seal", "unpacked", "verify"]

FORMS = ("folder", "zip", "tar")
FORMAT = 1


def describe(folder: Path, kind: str, **values: Any) -> None:
    """Write what an archive says of itself: its kind (prepared, plain, model), and by what."""
    record = {"format": FORMAT, "kind": kind, "gexpipe": __version__, "commit": commit(), **values}
    write_json(folder / RECORD, record)


def read_record(folder: Path) -> dict[str, Any]:
    """What an archive says of itself; a `UserError` for one of a later gexpipe."""
    record = read_json(require(folder / RECORD, "record of an archive"))
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else "none"
        raise UserError(f"format {found}, this gexpipe reads {FORMAT}", folder / RECORD)
    return record


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def seal(folder: Path) -> int:
    """Write the checksum of every file; returns their number."""
    names = [name for name in _files(folder) if name != SUMS]
    lines = [f"{checksum(folder / name)}  {name}\n" for name in progress(names, "checksums")]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    return len(names)


def verify(folder: Path, where: Path) -> int:
    """Compare every file with its checksum; returns their number. Errors name ``where``.

    Raises
    ------
    UserError
        The first file that is missing, changed or too many, and how many more there are.
    """
    sums, there = read_sums(folder), set(_files(folder)) - {SUMS}
    wrong = [f"{name} is missing" for name in sums if name not in there]
    wrong += [f"{name} is not in {SUMS}" for name in sorted(there - sums.keys())]
    for name in progress(sorted(there & sums.keys()), "verify"):
        if (folder / name).is_symlink() or checksum(folder / name) != sums[name]:
            wrong.append(f"{name} is damaged or changed: its sha256 is not {sums[name][:12]}...")
    if wrong:
        more = f" (and {len(wrong) - 1} more files)" if len(wrong) > 1 else ""
        raise UserError(f"{wrong[0]}{more}; get the archive again", where)
    return len(sums)


def pack(folder: Path, form: str) -> Path:
    """The folder, or one file of it beside it, not compressed: what is inside is."""
    if form == "folder":
        return folder
    out = folder.with_name(f"{folder.name}.{form}")
    names = _files(folder)
    with aside(out) as temporary:
        if form == "zip":
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
                for name in names:
                    archive.write(folder / name, f"{folder.name}/{name}")
        else:
            with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as packed:
                for name in names:
                    packed.add(folder / name, f"{folder.name}/{name}", recursive=False)
    return out


@contextmanager
def unpacked(source: Path, out: Path) -> Iterator[Path]:
    """Give the archive as a folder that becomes ``out`` when the block succeeds.

    Parameters
    ----------
    source : Path
        Folder, .zip or .tar (compressed or not), with or without a folder around the files.
    out : Path
        A folder that is not there yet.
    """
    require(source, "archive")
    with aside(out) as temporary:
        temporary.mkdir()
        if source.is_dir():
            _copy(source, temporary)
        elif source.open("rb").read(2) == b"PK":
            _unzip(source, temporary)
        else:
            _untar(source, temporary)
        top = _top(temporary, source)
        yield top
        if top != temporary:
            top.rename(temporary.with_name("inner"))
            _empty(temporary, source)
            temporary.rmdir()
            temporary.with_name("inner").rename(temporary)


def _top(folder: Path, source: Path) -> Path:
    """The folder that holds the checksums: this one, or the only one in it."""
    inside = list(folder.iterdir())
    for place in [folder, *(path for path in inside if len(inside) == 1 and path.is_dir())]:
        if (place / SUMS).is_file():
            return place
    raise UserError(f"no {SUMS}: not an archive of `gexpipe export`, or a part of one", source)


def _empty(folder: Path, source: Path) -> None:
    if any(folder.iterdir()):
        raise UserError("files beside its folder", source)


def _copy(source: Path, out: Path) -> None:
    # No second names: who edits a folder of his own in place would change what was verified.
    for name in _files(source):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, out / name)


def link_or_copy(source: Path, out: Path) -> None:
    """A second name of a file; a copy where the file system has none."""
    try:
        out.hardlink_to(source.resolve())
    except OSError:
        shutil.copy2(source, out)


def _unzip(source: Path, out: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                _refuse_outside(name, source)
            archive.extractall(out)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"damaged or cut off ({error}); get the archive again", source) from error


def _untar(source: Path, out: Path) -> None:
    # Files alone, one by one: Python 3.11.2, which Debian 12 has, knows no filter for all.
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                _refuse_outside(member.name, source)
                if member.isdir():
                    continue
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    raise UserError(f"it holds {member.name!r}, which is no file", source)
                (out / member.name).parent.mkdir(parents=True, exist_ok=True)
                if (out / member.name).exists():
                    raise UserError(f"it holds {member.name!r} twice", source)
                with content, (out / member.name).open("wb") as target:
                    shutil.copyfileobj(content, target)
    except (tarfile.TarError, EOFError) as error:
        raise UserError("neither a folder nor a readable .zip or .tar: cut off?", source) from error


def _refuse_outside(name: str, source: Path) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"it holds {name!r}, which would lie outside its folder", source)
