"""One file of the sheet: resolve, fetch, verify, rename, record."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from gexpipe.download.archive import archive_of, extract, member_of
from gexpipe.download.complete import check_complete
from gexpipe.download.fetch import fetch, open_client
from gexpipe.download.part import alone, forget
from gexpipe.download.policy import Policy
from gexpipe.download.portals import Found, Request
from gexpipe.download.public import is_web, public
from gexpipe.download.record import read_record, write_record
from gexpipe.download.resolve import resolve
from gexpipe.download.verify import Digests, check_digests, check_format, digests
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["download"]

log = get_logger(__name__)

_TOLD = ("url", "assembly", "status", "warnings")  # what a portal may say differently later


def download(
    request: Request,
    out: Path,
    mirror: str | None = None,
    tries: int = 6,
    policy: Policy | None = None,
    addresses: Mapping[str, str] | None = None,
) -> Digests:
    """Put the requested file at ``out``, verified, with a note beside it.

    An interrupted download leaves ``out.part`` and is resumed; a file that fails verification is
    removed; ``out`` is only ever a verified file. Of ``ARCHIVE.zip!MEMBER`` the archive is fetched
    and verified, the member kept, the archive removed.

    Parameters
    ----------
    mirror : str, optional
        Folder or web address that answers for all portals.
    tries : int
        Attempts per request.
    policy : Policy, optional
        Whether archived, revoked and wrongly assembled files are refused or taken with a warning.
    addresses : mapping, optional
        Beginnings of addresses -> what is asked instead.

    Raises
    ------
    UserError
        One line naming the file, what was found and what was expected.
    """
    asked, member = archive_of(request), member_of(request)
    with open_client(addresses) as client:
        found = resolve(asked, mirror, client, tries)
        warnings = (policy or Policy()).check(request, found)
        for warning in warnings:
            log.warning("%s: %s", request.accession, warning)
        kept = _member(found, member) if member else found
        known = _already_there(out, request, kept, found)
        if known is not None:
            log.info("%s is there already", out)
            note = read_record(out)
            if _stale(note, kept, warnings):
                archive = (note or {}).get("archive")
                write_record(out, request, kept, known, warnings, archive)
            return known
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(out.name + (".zip.part" if member else ".part"))
        with alone(part) as waited:
            known = _already_there(out, request, kept, found) if waited else None
            if known is not None:
                return known
            result = _from_anywhere(client, asked, found, part, tries)
            archive = None
            if member:
                archive = {"md5": result.md5, "size": result.size}
                part, result = _unpacked(part, out, request, kept)
            part.replace(out)
            forget(part)
            write_record(out, request, kept, result, warnings, archive)
    log.info("%s: %d bytes, md5 %s", out, result.size, result.md5)
    return result


def _from_anywhere(
    client: httpx.Client, asked: Request, found: Found, part: Path, tries: int
) -> Digests:
    expected = _expected_md5(asked, found)
    if is_web(found.place):
        return _from_web(client, asked, found, part, tries, expected)
    return _from_path(asked, found, part, expected)


def _member(archive: Found, member: str) -> Found:
    """What is known of a member: its place; size and md5 are the archive's."""
    return replace(archive, place=f"{archive.place}!{member}", size=None, md5="")


def _unpacked(archive: Path, out: Path, request: Request, kept: Found) -> tuple[Path, Digests]:
    """The verified member beside ``out``; the archive is removed."""
    part = out.with_name(out.name + ".part")
    try:
        extract(archive, member_of(request), part, public(kept.place))
        return part, _verify(part, request, kept, request.md5)
    except UserError:
        part.unlink(missing_ok=True)
        raise
    finally:
        forget(archive)


def _from_web(
    client: httpx.Client, request: Request, found: Found, part: Path, tries: int, md5: str
) -> Digests:
    resumed = part.exists()
    fetch(client, found.place, part, tries, found.size, found.auth)
    try:
        return _verify(part, request, found, md5)
    except UserError:
        forget(part)
        if not resumed:
            raise
    # The remains of an earlier run may be of another version of the file: once more, from zero.
    log.warning("%s: the resumed file does not match; fetching it anew", public(found.place))
    fetch(client, found.place, part, tries, found.size, found.auth)
    try:
        return _verify(part, request, found, md5)
    except UserError:
        forget(part)
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
    where = public(found.place)
    check_format(path, request.format, where)
    if not md5:
        check_complete(path, request.format, where)
    result = digests(path)
    check_digests(result, found.size, md5, where)
    return result


def _expected_md5(request: Request, found: Found) -> str:
    listed, wanted = found.md5.lower(), request.md5.lower()
    if listed and wanted and listed != wanted:
        raise UserError(f"the portal lists md5 {listed}, the sheet {wanted}", request.accession)
    return wanted or listed


def _already_there(out: Path, request: Request, kept: Found, source: Found) -> Digests | None:
    """Digests of ``out`` when it passes the checks of a fetched file.

    A file without a note may have been put there by hand: it is taken when the portal or the sheet
    gives a checksum that it has. Of an archive's member (``kept``) the portal knows the archive
    (``source``), whose md5 stands in the note.
    """
    md5 = _expected_md5(request, kept)
    if not out.is_file() or not out.stat().st_size:
        return None
    note = read_record(out) or {}
    unpacked_from = (note.get("archive") or {}).get("md5")
    if kept is not source and source.md5 and unpacked_from and unpacked_from != source.md5.lower():
        return None
    if not md5 and note.get("url") == public(kept.place):
        md5 = str(note.get("md5", ""))  # the portal gives none: as it was when it was fetched
    if not md5:
        return None
    try:
        return _verify(out, request, kept, md5)
    except UserError as error:
        log.warning("%s is fetched anew: %s", out, error)
        return None


def _stale(note: dict[str, Any] | None, found: Found, warnings: list[str]) -> bool:
    told = (public(found.place), found.assembly, found.status, warnings)
    return note is None or tuple(note.get(k) for k in _TOLD) != told
