"""One file of the sheet: resolve, fetch, verify, rename, record."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import httpx

from gexpipe.download.fetch import fetch, open_client
from gexpipe.download.places import is_web
from gexpipe.download.portals import Found, Request, same_assembly
from gexpipe.download.record import read_record, write_record
from gexpipe.download.resolve import resolve
from gexpipe.download.verify import Digests, check_digests, check_format, digests
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["download"]

log = get_logger(__name__)


def download(request: Request, out: Path, mirror: str | None = None, tries: int = 6) -> Digests:
    """Put the requested file at ``out``, verified, with a note beside it.

    An interrupted download leaves ``out.part`` and is resumed; a file that fails verification is
    removed; ``out`` is only ever a verified file.

    Parameters
    ----------
    mirror : str, optional
        Folder or web address that answers for all portals.
    tries : int
        Attempts per request.

    Raises
    ------
    UserError
        One line naming the file, what was found and what was expected.
    """
    with open_client() as client:
        found = resolve(request, mirror, client, tries)
        _check_assembly(request, found)
        expected = _expected_md5(request, found)
        known = _already_there(out, found, expected)
        if known is not None:
            log.info("%s is there already", out)
            return known
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(out.name + ".part")
        if is_web(found.place):
            result = _from_web(client, request, found, part, tries, expected)
        else:
            result = _from_path(request, found, part, expected)
    part.replace(out)
    write_record(out, request, found, result)
    log.info("%s: %d bytes, md5 %s", out, result.size, result.md5)
    return result


def _from_web(
    client: httpx.Client, request: Request, found: Found, part: Path, tries: int, md5: str
) -> Digests:
    resumed = part.exists()
    fetch(client, found.place, part, tries, found.size, found.auth)
    try:
        return _verify(part, request, found, md5)
    except UserError:
        part.unlink()
        if not resumed:
            raise
    # The remains of an earlier run may be of another version of the file: once more, from zero.
    log.warning("%s: the resumed file does not match; fetching it anew", found.place)
    fetch(client, found.place, part, tries, found.size, found.auth)
    try:
        return _verify(part, request, found, md5)
    except UserError:
        part.unlink()
        raise


def _from_path(request: Request, found: Found, part: Path, md5: str) -> Digests:
    """Verify first, then link: a local file is never altered or removed."""
    source = Path(found.place)
    if not source.is_file():
        raise UserError(f"no such file (of {request.accession})", source)
    result = _verify(source, request, found, md5)
    part.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), part)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, part)
    return result


def _verify(path: Path, request: Request, found: Found, md5: str) -> Digests:
    check_format(path, request.format, found.place)
    result = digests(path)
    check_digests(result, found.size, md5, found.place)
    return result


def _check_assembly(request: Request, found: Found) -> None:
    if request.assembly and found.assembly and not same_assembly(request.assembly, found.assembly):
        raise UserError(
            f"the file is on {found.assembly}, the sheet says {request.assembly}", request.accession
        )


def _expected_md5(request: Request, found: Found) -> str:
    listed, wanted = found.md5.lower(), request.md5.lower()
    if listed and wanted and listed != wanted:
        raise UserError(f"the portal lists md5 {listed}, the sheet {wanted}", request.accession)
    return wanted or listed


def _already_there(out: Path, found: Found, md5: str) -> Digests | None:
    """Digests of ``out`` when its note, its bytes and the expected checksum all agree."""
    note = read_record(out) if out.is_file() and md5 else None
    if note is None or note.get("md5") != md5 or note.get("url") != found.place:
        return None
    result = digests(out)
    return result if result.md5 == md5 else None
