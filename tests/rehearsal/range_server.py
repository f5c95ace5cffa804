"""A server of files that gives any part of them, and counts what it gave."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class RangeServer(ThreadingHTTPServer):
    """Serves ``root``; ``sent`` counts bytes, ``asked`` requests of files."""

    daemon_threads = True

    def __init__(self, root: Path, handler: type[BaseHTTPRequestHandler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or RangeHandler)
        self.root, self.sent, self.asked = root, 0, 0

    def handle_error(self, *_: object) -> None:
        """Whoever has seen enough hangs up."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class RangeHandler(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        target = self.server.root / unquote(urlsplit(self.path).path).lstrip("/")
        if not target.is_file():
            return self.reply(404, b"nothing here")
        return self.give(target.read_bytes())

    do_HEAD = do_GET

    def give(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        """The part that is asked for, or all of it."""
        self.server.asked += 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            return self.reply(200, body, headers)
        first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
        if first >= len(body):
            return self.reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        told = {"Content-Range": f"bytes {first}-{last}/{len(body)}", **(headers or {})}
        return self.reply(206, body[first : last + 1], told)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.server.sent += len(body)
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(server: RangeServer) -> Iterator[RangeServer]:
    """Run a server in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
