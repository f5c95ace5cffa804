"""A file anywhere as one seekable file: a few small requests instead of a download."""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path
from typing import BinaryIO

import httpx

from gexpipe.download.fetch import TRANSIENT, NoAnswer
from gexpipe.download.public import is_web, public
from gexpipe.errors import UserError

__all__ = ["NoParts", "RangeFile", "open_anywhere"]

BLOCK = 1 << 17  # bytes a request


class NoParts(UserError):
    """A server that gives a file as a whole only: what lies behind its beginning is not seen."""


class RangeFile(io.RawIOBase):
    """Reads an address by Range requests of whole blocks, each asked for once.

    Attributes
    ----------
    size : int
        Bytes of the whole file, as the server tells.
    asked : int
        Requests so far.
    failure : UserError or None
        What ended the reading: libraries that read through this file hide it in errors of theirs.

    Raises
    ------
    UserError
        The server refuses or has no such file; `NoAnswer` where that may pass, `NoParts` where it
        gives no part behind the first.
    """

    def __init__(self, client: httpx.Client, url: str, auth: tuple[str, str] | None = None) -> None:
        super().__init__()
        self._client, self._url, self._auth = client, url, auth
        self._blocks: dict[int, bytes] = {}
        self._place = 0
        self.asked = 0
        self.failure: UserError | None = None
        self.size = -1
        self._block(0)

    def _block(self, number: int, more: int = 0) -> bytes:
        """A block; what is missing of it and of the ``more`` behind it comes in one request."""
        if number not in self._blocks:
            wanted = range(number, number + 1 + more)
            missing = list(itertools.takewhile(lambda n: n not in self._blocks, wanted))
            try:
                data = self._ask(number * BLOCK, (missing[-1] + 1) * BLOCK - 1)
            except UserError as error:
                self.failure = error
                raise
            for place, own in enumerate(missing):
                self._blocks[own] = data[place * BLOCK : (place + 1) * BLOCK]
        return self._blocks[number]

    def _ask(self, first: int, last: int) -> bytes:
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={first}-{last}"}
        for attempt in (1, 2):
            self.asked += 1
            try:
                with self._client.stream(
                    "GET", self._url, headers=headers, auth=self._auth
                ) as answer:
                    return self._take(answer, first, last)
            except httpx.TransportError as error:
                if attempt == 2:
                    words = str(error) or type(error).__name__
                    raise NoAnswer(f"no answer ({words})", public(self._url)) from error
        raise AssertionError("unreachable")

    def _take(self, answer: httpx.Response, first: int, last: int) -> bytes:
        where = public(self._url)
        if answer.status_code == 416 and first == 0:
            raise UserError("the file is empty", where)
        if answer.status_code in TRANSIENT:
            raise NoAnswer(f"the server answered {answer.status_code}", where)
        if answer.status_code >= 400:
            raise UserError(f"the server answered {answer.status_code}", where)
        told = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if answer.status_code != 206 or told is None:
            if first:
                raise NoParts("the server gives no parts of a file", where)
            length = answer.headers.get("Content-Length", "")
            self.size = int(length) if length.isdigit() else -1
        else:
            self.size = int(told.group(1))
            # A portal's redirect led to its storage: the rest is asked for there.
            if str(answer.url) != self._url:
                self._url, self._auth = str(answer.url), None
        taken = b""
        for chunk in answer.iter_raw():
            taken += chunk
            if len(taken) > last - first:
                break
        return taken[: last - first + 1]

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next byte is read from."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is asked for."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: max(self.size, 0)}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        """Fill ``buffer`` as far as the block of the place goes."""
        if 0 <= self.size <= self._place:
            return 0
        number, begin = divmod(self._place, BLOCK)
        last = min(self._place + len(buffer), max(self.size, self._place + 1)) - 1
        found = self._block(number, last // BLOCK - number)[begin : begin + len(buffer)]
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)


def open_anywhere(
    client: httpx.Client, place: str, auth: tuple[str, str] | None = None
) -> tuple[BinaryIO, int]:
    """A seekable file at an address or path, and its size in bytes (-1 where unknown)."""
    if is_web(place):
        remote = RangeFile(client, place, auth)
        return io.BufferedReader(remote, BLOCK), remote.size
    path = Path(place)
    if not path.is_file():
        raise UserError("no such file", place)
    return path.open("rb"), path.stat().st_size
