"""What a long download lives through: small gains, pauses, new versions, neighbours, secrets."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
from pathlib import Path

import pytest
from portal_server import BIGWIG, PortalServer, put_encode

from gexpipe.download import fetch
from gexpipe.download.one_file import download
from gexpipe.download.portals import Request
from gexpipe.download.public import public
from gexpipe.errors import UserError

REQUEST = Request("encode", "ENCFF001AAA", "bigWig", assembly="hg38")
OTHER = BIGWIG[:64] + bytes(reversed(BIGWIG[64:]))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_server_that_sends_a_little_at_a_time_delivers_the_file(
    server: PortalServer, tmp_path: Path, pauses: list[float]
) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("cut", 60_000)] * 15
    download(REQUEST, tmp_path / "o/a.bigWig", server.url, tries=2)
    assert (tmp_path / "o/a.bigWig").read_bytes() == BIGWIG
    assert len(pauses) == 15 and max(pauses) < 4, "every gain begins the count anew"
    assert names(tmp_path / "o") == ["a.bigWig", "a.bigWig.json"]


def test_a_server_that_never_gets_further_is_given_up(
    server: PortalServer, tmp_path: Path, pauses: list[float]
) -> None:
    path = put_encode(server.root)
    server.ranges = False
    server.faults[path] = [("cut", 60_000)] * 9
    with pytest.raises(UserError, match=r"gave up after 3 tries: peer closed"):
        download(REQUEST, tmp_path / "a.bigWig", server.url, tries=3)
    assert len(pauses) == 2, "only more than ever before is a gain"


def test_a_pause_of_minutes_is_survived(
    server: PortalServer, tmp_path: Path, pauses: list[float]
) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("status", 503, {})] * 5
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert 180 < sum(pauses) < 600


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("kind", ["ETag", "Last-Modified"])
def test_a_file_that_changed_between_two_tries_is_fetched_anew(
    server: PortalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, if_range: bool
) -> None:
    path = put_encode(server.root, file_size=None, md5sum="")
    stored = server.root / path.lstrip("/")
    values = {"ETag": ('"one"', '"two"'), "Last-Modified": ("Monday", "Tuesday")}[kind]
    server.headers, server.if_range = {kind: values[0]}, if_range and kind == "ETag"
    server.faults[path] = [("cut", 300_000)]

    def replaced(_: float) -> None:
        stored.write_bytes(OTHER)
        server.headers = {kind: values[1]}

    monkeypatch.setattr(fetch, "_sleep", replaced)
    download(REQUEST, tmp_path / "o/a.bigWig", server.url)
    assert (tmp_path / "o/a.bigWig").read_bytes() == OTHER, "no half of the old one"
    assert names(tmp_path / "o") == ["a.bigWig", "a.bigWig.json"]


def test_the_same_version_is_resumed(
    server: PortalServer, tmp_path: Path, pauses: list[float]
) -> None:
    path = put_encode(server.root)
    server.headers = {"ETag": '"one"'}
    server.faults[path] = [("cut", 300_000)]
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert len(server.requests_for(path)) == 2
    assert str(server.requests_for(path)[1]).startswith("bytes=")


def test_a_part_that_is_whole_is_not_fetched_again(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root, file_size=None)
    (tmp_path / "a.bigWig.part").write_bytes(BIGWIG)
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert server.requests_for(path) == [f"bytes={len(BIGWIG)}-"]


def test_two_runs_fetch_a_file_once(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("slow", 4, 0.2)]
    out = tmp_path / "o/a.bigWig"
    threads = [threading.Thread(target=download, args=(REQUEST, out, server.url)) for _ in "123"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out.read_bytes() == BIGWIG
    assert len(server.requests_for(path)) == 1
    assert names(tmp_path / "o") == ["a.bigWig", "a.bigWig.json"]


def test_more_than_the_listed_size_is_refused(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("unsized", 100_000)]
    with pytest.raises(UserError, match=f"sends more than the {len(BIGWIG)} bytes listed"):
        download(REQUEST, tmp_path / "o/a.bigWig", server.url)
    assert names(tmp_path / "o") == []


def test_a_file_that_the_disk_cannot_hold_is_not_begun(
    server: PortalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_encode(server.root)
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"bytes are to come, 1,000 are free"):
        download(REQUEST, tmp_path / "o/a.bigWig", server.url)


def test_the_token_of_a_signed_address_is_written_nowhere(
    server: PortalServer, tmp_path: Path, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gexpipe")
    stored = server.root / "bucket/a.bigWig"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(BIGWIG)
    server.faults["/bucket/a.bigWig"] = [("status", 503, {}), ("status", 403, {})]
    url = f"{server.url}/bucket/a.bigWig?X-Amz-Expires=9&X-Amz-Signature=SECRET"
    out = tmp_path / "o/a.bigWig"
    own = Request("url", "a", "bigWig", url, hashlib.md5(BIGWIG).hexdigest())
    with pytest.raises(UserError, match="refuses access") as caught:
        download(own, out)
    download(own, out)
    download(own, out)
    assert "SECRET" not in str(caught.value) + caplog.text
    assert all(b"SECRET" not in path.read_bytes() for path in out.parent.iterdir())
    note = json.loads(out.with_name("a.bigWig.json").read_text())
    assert note["url"] == f"{server.url}/bucket/a.bigWig"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("https://h/a.zip?download=1!b.csv", "https://h/a.zip?download=1!b.csv"),
        ("https://h/a.zip?token=1!b.csv", "https://h/a.zip!b.csv"),
        ("https://h/a?acc=GSE1&format=file", "https://h/a?acc=GSE1&format=file"),
        ("https://h/a?sv=2020&sig=x%2F", "https://h/a"),
        ("https://h/a?access_token=x", "https://h/a"),
        ("/a/path?token=1", "/a/path?token=1"),
    ],
)
def test_addresses_are_said_without_their_keys(place: str, said: str) -> None:
    assert public(place) == said


def test_another_address_is_asked_also_after_a_redirect(
    server: PortalServer, tmp_path: Path
) -> None:
    stored = server.root / "bucket.org/a.bigWig"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(BIGWIG)
    server.redirects["/portal.org/a"] = "https://bucket.org/a.bigWig?X-Amz-Signature=SECRET"
    own = Request("url", "a", "bigWig", "https://portal.org/a", hashlib.md5(BIGWIG).hexdigest())
    download(own, tmp_path / "a.bigWig", addresses={"https://": f"{server.url}/"})
    assert (tmp_path / "a.bigWig").read_bytes() == BIGWIG
    note = json.loads((tmp_path / "a.bigWig.json").read_text())
    assert note["url"] == "https://portal.org/a", "the record names the original"
