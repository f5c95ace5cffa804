"""Which portals answer now, and what they tell of a file's size; never waits for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from gexpipe.download.archive import archive_of
from gexpipe.download.places import is_web
from gexpipe.download.portals import ENCODE, FANTOM5_FOLDERS, FOURDN, ZENODO, Request
from gexpipe.download.resolve import resolve
from gexpipe.errors import UserError
from gexpipe.sheets import FileRow

__all__ = ["Answer", "ask", "host_of", "told_size"]

PORTALS = {"encode": ENCODE, "4dn": FOURDN, "fantom5": FANTOM5_FOLDERS[0], "zenodo": ZENODO}
LIMIT = 5.0  # seconds for all portals together


@dataclass(frozen=True)
class Answer:
    """Whether a host answers, and what was seen."""

    host: str
    reached: bool
    detail: str


def host_of(row: FileRow) -> str | None:
    """``scheme://host`` that serves a row; None for a local path."""
    place = row.url if row.source == "url" else PORTALS.get(row.source)
    if not place or not is_web(place):
        return None
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}"


def ask(hosts: Iterable[str], limit: float = LIMIT) -> list[Answer]:
    """Send one HEAD request to every host at the same time; wait ``limit`` seconds at most.

    Any answer below status 500 counts: a host that refuses HEAD is there.
    """
    answers: dict[str, Answer] = {}
    threads = []
    for host in dict.fromkeys(hosts):
        answers[host] = Answer(host, False, f"not reachable (no answer in {limit:g} s)")
        # Daemons: a name server that hangs must not hold the process at its end.
        thread = threading.Thread(target=_ask, args=(host, limit, answers), daemon=True)
        thread.start()
        threads.append(thread)
    end = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(answers.values())


def _ask(host: str, limit: float, answers: dict[str, Answer]) -> None:
    started = time.monotonic()
    try:
        status = httpx.head(host, timeout=limit, follow_redirects=False).status_code
    except (httpx.HTTPError, OSError) as error:
        answers[host] = Answer(host, False, f"not reachable ({error or type(error).__name__})")
        return
    seconds = time.monotonic() - started
    answers[host] = Answer(host, status < 500, f"HTTP {status} in {seconds:.1f} s")


def told_size(row: FileRow, mirror: str | None, client: httpx.Client) -> int | None:
    """Bytes of a row's file by the metadata of its portal or mirror, or its own on disk."""
    request = archive_of(Request(row.source, row.accession, row.format, row.url))
    try:
        found = resolve(request, mirror, client, 1)
    except (UserError, httpx.HTTPError, OSError):
        return None
    if found.size is None and not is_web(found.place) and Path(found.place).is_file():
        return Path(found.place).stat().st_size
    return found.size
