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
from gexpipe.download.record import write_record
from gexpipe.download.resolve import resolve
from gexpipe.download.verify import Digests, check_digests, check_format, digests
from gexpipe.errors import UserError
from gexpipe.files import checksum
from gexpipe.log import get_logger
from gexpipe.records import content_key, read_record, stamp

__all__ = ["download"]

log = get_logger(__name__)

_TOLD = ("url", "assembly", "status", "warnings", "sha256", "stamp")  # what may change later


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
            _renew_record(out, request, kept, found, known, warnings)
            return known
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(out.name + (".zip.part" if member else ".part"))
        with alone(part) as waited:
            known = _already_there(out, request, kept, found) if waited else None
            if known is not None:
                return known
            result = _from_anywhere(client, asked, found, part, tries)
            content, sha256 = _content(found, out), result.sha256
            archive = None
            if member:
                archive = {"md5": result.md5, "size": result.size}
                part, result = _unpacked(part, out, request, kept)
            part.replace(out)
            forget(part)
            origin = _origin(found, content, sha256)
            write_record(out, request, kept, result, warnings, archive, origin)
    log.info("%s: %d bytes, md5 %s", out, result.size, result.md5)
    return result


def _from_anywhere(
    client: httpx.Client, asked: Request, found: Found, part: Path, tries: int
) -> Digests:
    expected = _expected_md5(asked, found)
    if is_web(found.place):
        return _from_web(client, asked, found, part, tries, expected)
    return _from_path(asked, found, part, expected)


def _content(found: Found, out: Path) -> str:
    return "" if is_web(found.place) else content_key(found.place, out)


def _origin(found: Found, content: str, sha256: str) -> dict[str, Any] | None:
    """What is noted of a local file, so that its next version is seen; None for the web."""
    if is_web(found.place):
        return None
    return {"content": content, "sha256": sha256, "stamp": stamp(found.place)}


def _noted_md5(note: dict[str, Any], found: Found) -> str:
    """The md5 where no portal gives one: as it was fetched; of a local file, as that is now."""
    noted = str(note.get("md5", ""))
    if is_web(found.place) or note.get("origin", {}).get("stamp") == stamp(found.place):
        return noted
    now = checksum(found.place, "md5")
    archive = note.get("archive")
    if archive:
        return noted if archive.get("md5") == now else ""
    return now


def _renew_record(
    out: Path, request: Request, kept: Found, found: Found, known: Digests, warnings: list[str]
) -> None:
    """Note a file that is there already again, where the portal or the bytes say something new."""
    note = read_record(out) or {}
    origin = note.get("origin")
    if not is_web(found.place) and (origin or {}).get("stamp") != stamp(found.place):
        origin = _origin(found, _content(found, out), checksum(found.place))
    told = [public(kept.place), kept.assembly, kept.status, warnings, known.sha256, stamp(out)]
    if [note.get(key) for key in _TOLD] != told or note.get("origin") != origin:
        write_record(out, request, kept, known, warnings, note.get("archive"), origin)


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
    """Verify first, then link: a local file is never altered or removed.

    A user's own file is pointed at, for Snakemake sets the time of what a rule wrote, and through
    a hard link that would be the user's; a mirror's file stays when the mirror goes.
    """
    source = Path(found.place)
    if not source.is_file():
        raise UserError(f"no such file (of {request.accession})", source)
    result = _verify(source, request, found, md5)
    part.unlink(missing_ok=True)
    try:
        if request.source == "path":
            part.symlink_to(source.resolve())
        else:
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
        md5 = _noted_md5(note, source)
    if not md5:
        return None
    try:
        return _verify(out, request, kept, md5)
    except UserError as error:
        log.warning("%s is fetched anew: %s", out, error)
        return None
