"""The note beside a downloaded file: where it came from and what it is."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from gexpipe.download.portals import Found, Request
from gexpipe.download.public import public
from gexpipe.download.verify import Digests
from gexpipe.errors import UserError
from gexpipe.files import read_json, write_json

__all__ = ["read_record", "record_path", "write_record"]


def record_path(out: Path) -> Path:
    """Path of the note: the file's name with ``.json`` added."""
    return out.with_name(out.name + ".json")


def write_record(
    out: Path,
    request: Request,
    found: Found,
    digests: Digests,
    warnings: list[str],
    archive: dict[str, Any] | None = None,
) -> None:
    """Write source, accession, address, checksums, size, assembly, status, date, warnings.

    ``archive`` has the md5 and size of the zip archive that the file is a member of.
    """
    write_json(
        record_path(out),
        {
            "source": request.source,
            "accession": request.accession,
            "format": request.format,
            "url": public(found.place),
            "md5": digests.md5,
            "sha256": digests.sha256,
            "size": digests.size,
            "assembly": found.assembly,
            "status": found.status,
            "warnings": warnings,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **({"archive": archive} if archive else {}),
        },
    )


def read_record(out: Path) -> dict[str, Any] | None:
    """The note of a file; None when there is none."""
    path = record_path(out)
    if not path.is_file():
        return None
    try:
        note = read_json(path)
    except UserError:  # damaged: the file is checked and noted again
        return None
    return note if isinstance(note, dict) else None
