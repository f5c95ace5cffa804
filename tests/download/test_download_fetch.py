from __future__ import annotations

import hashlib
import http
from pathlib import Path

import pytest
from portal_server import BIGWIG, PortalServer, put_encode

from gexpipe.download.one_file import download
from gexpipe.download.portals import Request
from gexpipe.errors import UserError
from gexpipe.files import read_json

REQUEST = Request("encode", "ENCFF001AAA", "bigWig", assembly="hg38")


def nothing_left(folder: Path) -> bool:
    return not folder.exists() or not any(folder.iterdir())


def test_from_a_server(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    out = tmp_path / "files" / "ENCFF001AAA.bigWig"
    download(REQUEST, out, server.url)
    assert out.read_bytes() == BIGWIG
    note = read_json(out.with_name(out.name + ".json"))
    assert note["md5"] == hashlib.md5(BIGWIG).hexdigest()
    assert note["sha256"] == hashlib.sha256(BIGWIG).hexdigest()
    assert (note["size"], note["assembly"], note["status"]) == (len(BIGWIG), "GRCh38", "released")
    assert note["url"] == server.url + path
    assert {p.name for p in out.parent.iterdir()} == {out.name, out.name + ".json"}


def test_second_time_fetches_nothing(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    out = tmp_path / "files" / "a.bigWig"
    download(REQUEST, out, server.url)
    download(REQUEST, out, server.url)
    assert len(server.requests_for(path)) == 1


def test_follows_redirects(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    moved = server.root / "storage.bin"
    (server.root / path.lstrip("/")).rename(moved)
    server.redirects[path] = "/storage.bin"
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert (tmp_path / "a.bigWig").read_bytes() == BIGWIG


def test_resumes_a_cut_connection(
    server: PortalServer, tmp_path: Path, pauses: list[float]
) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("cut", 300_000)]
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert (tmp_path / "a.bigWig").read_bytes() == BIGWIG
    first, second = server.requests_for(path)
    assert first is None
    assert second is not None and 0 < int(second.removeprefix("bytes=")[:-1]) <= 300_000
    assert len(pauses) == 1


def test_resumes_after_being_killed(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    out = tmp_path / "a.bigWig"
    out.with_name("a.bigWig.part").write_bytes(BIGWIG[:123_456])
    download(REQUEST, out, server.url)
    assert out.read_bytes() == BIGWIG
    assert server.requests_for(path) == ["bytes=123456-"]


def test_starts_over_when_the_server_cannot_resume(server: PortalServer, tmp_path: Path) -> None:
    put_encode(server.root)
    server.ranges = False
    out = tmp_path / "a.bigWig"
    out.with_name("a.bigWig.part").write_bytes(b"x" * 1_000)
    download(REQUEST, out, server.url)
    assert out.read_bytes() == BIGWIG


def test_remains_of_another_version_are_fetched_anew(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    out = tmp_path / "a.bigWig"
    out.with_name("a.bigWig.part").write_bytes(BIGWIG[:8] + b"x" * 1_000)
    download(REQUEST, out, server.url)
    assert out.read_bytes() == BIGWIG
    assert server.requests_for(path) == ["bytes=1008-", None]


def test_passing_failures_are_retried(
    server: PortalServer, tmp_path: Path, pauses: list[float]
) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("status", 500, {}), ("status", 429, {"Retry-After": "7"})]
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert (tmp_path / "a.bigWig").read_bytes() == BIGWIG
    assert len(pauses) == 2
    assert pauses[1] == 7


def test_gives_up_in_one_line(server: PortalServer, tmp_path: Path, pauses: list[float]) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("status", http.HTTPStatus.BAD_GATEWAY, {})] * 3
    with pytest.raises(UserError, match="gave up after 3 tries: the server answered 502"):
        download(REQUEST, tmp_path / "out" / "a.bigWig", server.url, tries=3)
    assert nothing_left(tmp_path / "out")


@pytest.mark.parametrize("code", [400, 401, 403])
def test_refusals_are_not_retried(server: PortalServer, tmp_path: Path, code: int) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("status", code, {})]
    with pytest.raises(UserError, match=str(code)):
        download(REQUEST, tmp_path / "a.bigWig", server.url)
    assert len(server.requests_for(path)) == 1


def test_a_web_page_is_never_stored(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    server.faults[path] = [("html",)]
    with pytest.raises(UserError, match="web page"):
        download(Request("encode", "ENCFF001AAA", "bigWig"), tmp_path / "o" / "a", server.url)
    assert nothing_left(tmp_path / "o")


def test_wrong_checksum_states_both(server: PortalServer, tmp_path: Path) -> None:
    wrong = "0" * 32
    put_encode(server.root, md5sum=wrong)
    with pytest.raises(UserError) as caught:
        download(REQUEST, tmp_path / "o" / "a.bigWig", server.url)
    assert wrong in str(caught.value)
    assert hashlib.md5(BIGWIG).hexdigest() in str(caught.value)
    assert nothing_left(tmp_path / "o")


def test_wrong_size_is_refused(server: PortalServer, tmp_path: Path) -> None:
    put_encode(server.root, file_size=10)
    with pytest.raises(UserError, match="lists 10"):
        download(REQUEST, tmp_path / "o" / "a.bigWig", server.url)
    assert nothing_left(tmp_path / "o")


def test_wrong_format_is_refused(server: PortalServer, tmp_path: Path) -> None:
    put_encode(server.root, body=b"HIC\0" + BIGWIG)
    with pytest.raises(UserError, match="expected bigWig"):
        download(REQUEST, tmp_path / "o" / "a.bigWig", server.url)
    assert nothing_left(tmp_path / "o")
