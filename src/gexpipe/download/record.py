"""The note beside a downloaded file: where it came from and what it is."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from gexpipe.download.portals import Found, Request
from gexpipe.download.public import public
from gexpipe.download.verify import Digests
from gexpipe.files import write_json
from gexpipe.records import record_path, stamp

__all__ = ["write_record"]


def write_record(
    out: Path,
    request: Request,
    found: Found,
    digests: Digests,
    warnings: list[str],
    archive: dict[str, Any] | None = None,
    origin: dict[str, Any] | None = None,
) -> None:
    """Write source, accession, address, checksums, size, stamp, assembly, status, date, warnings.

    ``archive`` has the md5 and size of the zip archive that the file is a member of; ``origin``
    the stamp, sha256 and content key of the user's own file that it is a link or a copy of.
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
            "stamp": stamp(out),
            "assembly": found.assembly,
            "status": found.status,
            "warnings": warnings,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **({"archive": archive} if archive else {}),
            **({"origin": origin} if origin else {}),
        },
    )
