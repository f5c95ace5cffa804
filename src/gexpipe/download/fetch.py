"""Bytes over http(s), resumed and retried; the only file that talks to the network."""

from __future__ import annotations

import email.utils
import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
import tenacity
from tqdm import tqdm

from gexpipe.download.part import forget, remember, validator
from gexpipe.download.patience import Patience
from gexpipe.download.public import public
from gexpipe.download.verify import looks_like_html
from gexpipe.errors import UserError
from gexpipe.log import bar_options, get_logger

__all__ = ["TRANSIENT", "NoAnswer", "Transient", "exists", "fetch", "get", "open_client"]

log = get_logger(__name__)

T = TypeVar("T")

TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_ABSENT = {404, 410}
_STALLED = 60.0  # seconds without a byte after which a connection counts as dead
_SHOW_AFTER = 2.0  # seconds before a progress bar appears
# Variables of the environment that decide how a connection is made.
_CONNECTION = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
# What portals answer with instead of a file: pages, forms, messages.
_NO_DATA = ("text/html", "application/xhtml+xml", "application/json")


class NoAnswer(UserError):
    """A server that gave no answer, or one that may pass: nothing is known of the file."""


class Transient(Exception):
    """A failure that may pass; ``pause`` is what the server asked to wait, in seconds."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def open_client(
    addresses: Mapping[str, str] | None = None, stalled: float | None = None
) -> httpx.Client:
    """Client that follows redirects (a portal hands over to its storage) and honours proxies.

    Parameters
    ----------
    addresses : mapping, optional
        Beginnings of addresses -> what is asked instead, also after a redirect; the longest counts.
    stalled : float, optional
        Seconds without an answer after which a connection counts as dead.
    """
    limit = stalled or _STALLED

    def elsewhere(request: httpx.Request) -> None:
        asked = str(request.url)
        for begin in sorted(addresses or {}, key=len, reverse=True):
            if asked.startswith(begin):
                request.url = httpx.URL((addresses or {})[begin] + asked.removeprefix(begin))
                request.headers["Host"] = request.url.netloc.decode("ascii")
                return

    try:
        return httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(limit, connect=min(limit, 30.0)),
            headers={"User-Agent": "gexpipe"},
            event_hooks={"request": [elsewhere]},
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise UserError(
            f"no connection can be set up: {error}{_environment()}", "network"
        ) from error


def _environment() -> str:
    """Which variables say how to connect; their values may hold passwords."""
    found = [name for name in os.environ if name.upper() in _CONNECTION]
    return f" (set in the environment: {', '.join(sorted(found))})" if found else ""


def get(
    client: httpx.Client, url: str, tries: int, headers: Mapping[str, str] | None = None
) -> httpx.Response | None:
    """Answer to a small request; None when the address does not exist (404, 410)."""

    def once() -> httpx.Response | None:
        answer = client.get(url, headers=headers)
        if answer.status_code in _ABSENT:
            return None
        _raise_for_status(answer, url)
        return answer

    return _retrying(once, url, tries)


def exists(client: httpx.Client, url: str, tries: int) -> bool:
    """Whether an address can be read by anyone: asked for, not fetched."""

    def once() -> bool:
        answer = client.head(url)
        if answer.status_code in TRANSIENT:
            raise Transient(f"the server answered {answer.status_code}", _retry_after(answer))
        return answer.status_code < 400

    return _retrying(once, url, tries)


def fetch(
    client: httpx.Client,
    url: str,
    part: Path,
    tries: int,
    size: int | None = None,
    auth: tuple[str, str] | None = None,
) -> None:
    """Download ``url`` into ``part``, going on where an earlier attempt stopped.

    An attempt goes on only with the same version of the file, as ETag or Last-Modified tell; tries
    are counted anew with every byte that is gained.

    Parameters
    ----------
    size : int, optional
        Bytes the whole file must have, where the portal tells.
    auth : (user, password), optional
        Sent to the first host only, not to where it redirects.

    Raises
    ------
    UserError
        The server refuses, answers with a web page, sends more than ``size``, or fails ``tries``
        times in a row.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    _retrying(
        lambda: _fetch_once(client, url, part, size, auth), url, tries, lambda: _bytes_of(part)
    )


def _bytes_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _fetch_once(
    client: httpx.Client, url: str, part: Path, size: int | None, auth: tuple[str, str] | None
) -> None:
    have = _bytes_of(part)
    if size is not None and have > size:
        forget(part)
        have = 0
    if size is not None and have == size:
        return
    # Without identity, a proxy may compress and the byte count would mean nothing.
    headers = {"Accept-Encoding": "identity", **_resume(part, have)}
    with client.stream("GET", url, headers=headers, auth=auth) as answer:
        if answer.status_code == 416:
            if answer.headers.get("Content-Range") == f"bytes */{have}" and have:
                return  # the whole file was there already
            forget(part)
            raise Transient("the server cannot resume; starting over")
        _raise_for_status(answer, url)
        if answer.status_code != 206 or not _continues(answer, have):
            have = 0
        elif _changed(part, answer):
            forget(part)
            raise Transient("the file on the server is another one than before; starting over")
        total = _whole_size(answer, have)
        chunks = answer.iter_raw()  # without a chunk size: nothing is held back when it is cut
        first = next(chunks, b"")
        if have == 0:
            remember(part, answer.headers)
        try:
            _check_start(first, answer, have, total, size, url)
            _check_room(part, have, total if total is not None else size, url)
            _write(itertools.chain([first], chunks), part, have, total, size, url)
        except UserError:
            forget(part)
            raise
    expected = size if size is not None else total
    written = _bytes_of(part)
    if expected is not None and written < expected:
        raise Transient(f"the connection ended after {written} of {expected} bytes")


def _resume(part: Path, have: int) -> dict[str, str]:
    """Headers that ask for the rest of the version that was begun, or for all of another one."""
    if not have:
        return {}
    known = validator(part)
    tag = known.get("ETag", "")
    same = tag if tag.startswith('"') else known.get("Last-Modified")  # a weak tag is no proof
    return {"Range": f"bytes={have}-", **({"If-Range": same} if same else {})}


def _changed(part: Path, answer: httpx.Response) -> bool:
    """Whether a server that resumed tells of another version: some know no If-Range."""
    return any(answer.headers.get(name, noted) != noted for name, noted in validator(part).items())


def _check_room(part: Path, have: int, total: int | None, url: str) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - have > free:
        raise UserError(
            f"{total - have:,} bytes are to come, {free:,} are free at {part.parent}", public(url)
        )


def _check_start(
    first: bytes, answer: httpx.Response, have: int, total: int | None, size: int | None, url: str
) -> None:
    """Refuse a web page, or a file of another size, before anything is written."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in _NO_DATA or (have == 0 and looks_like_html(first)):
        raise UserError("the server answered with a web page instead of the file", public(url))
    if size is not None and total is not None and total != size:
        raise UserError(f"the server offers {total} bytes, the portal lists {size}", public(url))


def _write(
    chunks: Iterable[bytes], part: Path, have: int, total: int | None, size: int | None, url: str
) -> None:
    name = public(url).rsplit("/", 1)[-1]
    options = bar_options() | {"delay": _SHOW_AFTER}
    with (
        part.open("ab" if have else "wb") as handle,
        tqdm(
            desc=name, total=total or size, initial=have, unit="B", unit_scale=True,
            **options,
        ) as bar,
    ):  # fmt: skip
        for chunk in chunks:
            have += len(chunk)
            if size is not None and have > size:
                raise UserError(f"the server sends more than the {size} bytes listed", public(url))
            handle.write(chunk)
            bar.update(len(chunk))


def _continues(answer: httpx.Response, have: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _whole_size(answer: httpx.Response, have: int) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return have + int(length) if length.isdigit() else None


def _raise_for_status(answer: httpx.Response, url: str) -> None:
    status = answer.status_code
    if status in TRANSIENT:
        raise Transient(f"the server answered {status}", _retry_after(answer))
    if status in (401, 403):
        raise UserError(f"the server refuses access (status {status})", public(url))
    if status >= 400:
        raise UserError(f"the server answered {status} {answer.reason_phrase}", public(url))


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds to wait, from a number or a date; None where the server does not say."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _asked(error: BaseException | None) -> float | None:
    return error.pause if isinstance(error, Transient) else None


def _report(url: str) -> Callable[[tenacity.RetryCallState], None]:
    def report(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.upcoming_sleep
        words = _words(error)
        log.warning("%s: %s; try %d in %.0f s", url, words, state.attempt_number + 1, pause)

    return report


def _words(error: BaseException | None) -> str:
    return str(error) or type(error).__name__


def _retrying(
    call: Callable[[], T], url: str, tries: int, gained: Callable[[], int] | None = None
) -> T:
    patience = Patience(tries, _asked, gained)
    shown = public(url)
    retrying = tenacity.Retrying(
        stop=patience.stop,
        wait=patience.wait,
        retry=tenacity.retry_if_exception_type((Transient, httpx.TransportError)),
        before_sleep=_report(shown),
        sleep=_sleep,
        reraise=True,
    )
    try:
        return retrying(call)
    except (Transient, httpx.TransportError) as error:
        how = _environment() if isinstance(error, httpx.TransportError) else ""
        raise NoAnswer(f"gave up after {tries} tries: {_words(error)}{how}", shown) from error
    except httpx.InvalidURL as error:
        raise UserError(f"not an address: {error}", shown) from error
    except httpx.TooManyRedirects as error:
        raise UserError("the server redirects in a circle", shown) from error
    except httpx.DecodingError as error:
        raise UserError(f"the answer cannot be unpacked ({error})", shown) from error
