"""The misbehaving server, and files to put on it."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

BIGWIG = b"\x26\xfc\x8f\x88" + bytes(60) + bytes(range(256)) * 4_000  # no index, no zooms
CTSS = gzip.compress(b"chr1\t10\t11\tchr1:10..11,+\t3\t+\n", mtime=0)


class PortalServer(ThreadingHTTPServer):
    """Serves ``root``; ``faults`` maps a path to misbehaviours, each used once, in order.

    A fault is ("status", code, headers), ("cut", bytes), ("html",), ("stall", bytes, seconds),
    ("slow", pieces, seconds) or ("unsized", bytes): no length, and so many bytes too much.
    ``seen`` lists the path and Range header of every request, ``keys``
    its path and Authorization header; ``redirects`` maps paths to other places; ``busiest`` is the
    largest number of files that were sent at a time.
    """

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.faults: dict[str, list[tuple]] = {}
        self.redirects: dict[str, str] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.keys: list[tuple[str, str | None]] = []
        self.ranges = True
        self.if_range = True  # whether If-Range is understood
        self.headers: dict[str, str] = {}
        self.sending = self.busiest = 0
        self.released = threading.Event()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up on a bad answer is what the tests want."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def requests_for(self, path: str) -> list[str | None]:
        return [given for seen, given in self.seen if seen == path]


class Handler(BaseHTTPRequestHandler):
    server: PortalServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.seen.append((path, self.headers.get("Range")))
        self.server.keys.append((path, self.headers.get("Authorization")))
        faults = self.server.faults.get(path, [])
        fault = faults.pop(0) if faults else ("none",)
        if path in self.server.redirects:
            return self.reply(307, b"", {"Location": self.server.redirects[path]})
        if fault[0] == "status":
            return self.reply(fault[1], b"not now", fault[2])
        if fault[0] == "html":
            return self.reply(
                200, b"<!DOCTYPE html><p>please log in", {"Content-Type": "text/html"}
            )
        target = self.server.root / path.lstrip("/")
        if not target.is_file():
            return self.reply(404, b"nothing here", {})
        return self.send_file(target.read_bytes(), fault)

    def send_file(self, body: bytes, fault: tuple) -> None:
        status, headers, given = 200, {}, self.headers.get("Range")
        if self.server.if_range and self.headers.get("If-Range", self.etag()) != self.etag():
            given = None
        if given and self.server.ranges and int(given[6:].split("-")[0]) >= len(body):
            return self.reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        if given and self.server.ranges:
            start = int(given.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            status, body = 206, body[start:]
        headers |= self.server.headers
        if fault[0] == "unsized":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body + b"x" * fault[1])
            self.close_connection = True
            return None
        if fault[0] in ("stall", "slow"):
            return self.drag(status, body, headers, fault)
        return self.reply(status, body, headers, keep=fault[1] if fault[0] == "cut" else None)

    def etag(self) -> str | None:
        return self.server.headers.get("ETag") if self.server.if_range else None

    do_HEAD = do_GET

    def drag(self, status: int, body: bytes, headers: dict[str, str], fault: tuple) -> None:
        """Send the beginning and then nothing, or the whole in pieces with pauses."""
        self.server.sending += 1
        self.server.busiest = max(self.server.busiest, self.server.sending)
        self.reply(status, body, headers, keep=0)
        if fault[0] == "stall":
            self.wfile.write(body[: fault[1]])
            self.server.released.wait(fault[2])
        else:
            step = -(-len(body) // fault[1])
            for start in range(0, len(body), step):
                # Before a piece, not after it: whoever has the last one may ask for the next file.
                self.server.released.wait(fault[2])
                self.wfile.write(body[start : start + step])
        self.server.sending -= 1

    def reply(
        self, status: int, body: bytes, headers: dict[str, str], keep: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if keep is None else body[:keep])
        if keep is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def put_encode(root: Path, body: bytes = BIGWIG, **changes: object) -> str:
    """Put a file and its metadata on an ENCODE mirror; return the path of the file.

    ``changes`` replace fields of the metadata.
    """
    accession = "ENCFF001AAA"
    href = f"/files/{accession}/@@download/{accession}.bigWig"
    target = root / "encode" / href.lstrip("/")
    target.parent.mkdir(parents=True)
    target.write_bytes(body)
    metadata = {
        "accession": accession,
        "href": href,
        "md5sum": hashlib.md5(body).hexdigest(),
        "file_size": len(body),
        "status": "released",
        "assembly": "GRCh38",
        **changes,
    }
    (target.parents[1] / "metadata.json").write_text(json.dumps(metadata))
    return "/encode" + href
