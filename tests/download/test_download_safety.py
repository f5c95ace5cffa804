"""Odd names, credentials, policies, progress, files that are there already, files cut off."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import shutil
from pathlib import Path

import cooler
import pandas as pd
import pyBigWig
import pysam
import pytest
from portal_server import BIGWIG, PortalServer, put_encode

from gexpipe.cli.main import main
from gexpipe.download import fetch
from gexpipe.download.complete import check_complete
from gexpipe.download.one_file import download
from gexpipe.download.policy import Choice, Policy
from gexpipe.download.portals import Request
from gexpipe.errors import UserError
from gexpipe.files import read_json

REQUEST = Request("encode", "ENCFF001AAA", "bigWig", assembly="hg38")


def note_of(out: Path) -> dict[str, object]:
    return read_json(out.with_name(out.name + ".json"))


def test_a_stalled_connection_is_left_and_resumed(
    server: PortalServer, tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_STALLED", 0.3)
    path = put_encode(server.root)
    server.faults[path] = [("stall", 200_000, 20)]
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    server.released.set()
    assert (tmp_path / "a.bigWig").read_bytes() == BIGWIG
    first, second = server.requests_for(path)
    assert first is None and second is not None and second.startswith("bytes=")
    assert len(pauses) == 1


def test_progress_is_shown(
    server: PortalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fetch, "_SHOW_AFTER", 0.0)
    path = put_encode(server.root)
    server.faults[path] = [("slow", 3, 0.05)]
    download(REQUEST, tmp_path / "a.bigWig", server.url)
    shown = capsys.readouterr().err
    assert "ENCFF001AAA.bigWig:" in shown and "/1.02M" in shown and "B/s" in shown


@pytest.mark.parametrize("web", [True, False])
@pytest.mark.parametrize("href", ["/../secret.bigWig", "//other/x", "@other/x", "/%2e%2e/secret"])
def test_names_that_leave_the_folder(
    server: PortalServer, tmp_path: Path, web: bool, href: str
) -> None:
    put_encode(server.root, href=href)
    (server.root / "secret.bigWig").write_bytes(BIGWIG)
    with pytest.raises(UserError, match=r"leaves the folder|expected a path"):
        download(REQUEST, tmp_path / "o" / "a", server.url if web else str(server.root))
    assert not (tmp_path / "o").exists()


def test_fantom5_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "mirror/fantom5/CNhs1"
    home.mkdir(parents=True)
    (home / "metadata.json").write_text(json.dumps({"file": "../../../private.bed"}))
    with pytest.raises(UserError, match="leaves the folder"):
        download(Request("fantom5", "CNhs1", "ctss"), tmp_path / "a", str(tmp_path / "mirror"))


def test_the_server_does_not_name_the_file(server: PortalServer, tmp_path: Path) -> None:
    put_encode(server.root)
    server.headers = {"Content-Disposition": 'attachment; filename="../../evil.sh"'}
    download(REQUEST, tmp_path / "o" / "a.bigWig", server.url)
    assert {p.name for p in tmp_path.rglob("*")} & {"evil.sh"} == set()
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["a.bigWig", "a.bigWig.json"]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
def test_a_page_that_does_not_begin_like_one(
    server: PortalServer, tmp_path: Path, kind: str
) -> None:
    server.root.mkdir()
    server.headers = {"Content-Type": kind}
    server.root.joinpath("x.bed").write_bytes(b"please log in\n")
    with pytest.raises(UserError, match="web page"):
        download(Request("url", "x", "bed", url=f"{server.url}/x.bed"), tmp_path / "o" / "x.bed")
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize("start", [b"<form action=login>", b"<!-- x --><html>", b"\n <script>"])
def test_forms_and_scripts_are_pages(server: PortalServer, tmp_path: Path, start: bytes) -> None:
    (server.root).mkdir()
    (server.root / "x.bed").write_bytes(start)
    with pytest.raises(UserError, match="web page"):
        download(Request("url", "x", "bed", url=f"{server.url}/x.bed"), tmp_path / "x.bed")
    assert not (tmp_path / "x.bed").exists()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"status": "archived"}, "archived"),
        ({"status": "revoked"}, "revoked"),
        ({"status": "replaced"}, "revoked"),
        ({"assembly": "hg19"}, "assembly"),
    ],
)
def test_objections_are_refused_or_noted_as_configured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, str], key: str
) -> None:
    put_encode(tmp_path / "mirror", **changes)
    out, mirror = tmp_path / "o" / "a.bigWig", str(tmp_path / "mirror")
    with pytest.raises(UserError, match=rf"ENCFF001AAA: .*download.on_{key}"):
        download(REQUEST, out, mirror, policy=Policy(**{key: Choice.REFUSE}))
    assert not out.exists()
    logging.getLogger("gexpipe").propagate = True
    with caplog.at_level(logging.WARNING):
        download(REQUEST, out, mirror, policy=Policy(**{key: Choice.WARN}))
    value = next(iter(changes.values()))
    assert value in caplog.text
    (warning,) = note_of(out)["warnings"]  # type: ignore[misc]
    assert value in warning


def test_a_file_put_there_by_hand_is_checked_and_kept(server: PortalServer, tmp_path: Path) -> None:
    path = put_encode(server.root)
    out = tmp_path / "a.bigWig"
    out.write_bytes(BIGWIG)
    before = out.stat().st_ino
    download(REQUEST, out, server.url)
    assert server.requests_for(path) == [] and out.stat().st_ino == before
    assert note_of(out)["md5"] == hashlib.md5(BIGWIG).hexdigest()
    out.write_bytes(BIGWIG[:-1] + b"!")
    out.with_name("a.bigWig.json").unlink()
    download(REQUEST, out, server.url)
    assert out.read_bytes() == BIGWIG, "a wrong one is fetched anew"
    assert len(server.requests_for(path)) == 1


def test_a_damaged_note_is_written_again(server: PortalServer, tmp_path: Path) -> None:
    put_encode(server.root)
    out = tmp_path / "a.bigWig"
    download(REQUEST, out, server.url)
    out.with_name("a.bigWig.json").write_text('{"md5": ')
    download(REQUEST, out, server.url)
    assert note_of(out)["status"] == "released"


SECRET = "correct-horse-battery"


@pytest.mark.parametrize("where", ["environment", "netrc"])
@pytest.mark.parametrize("ends", ["well", "refused", "elsewhere"])
def test_the_secret_is_nowhere(
    server: PortalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: str,
    ends: str,
) -> None:
    """Neither in logs, with --debug too, nor in files, nor sent to another host."""
    monkeypatch.setattr("gexpipe.download.resolve.FOURDN", server.url)
    monkeypatch.setattr("gexpipe.download.resolve.FOURDN_OPEN", server.url + "/none")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    if where == "environment":
        monkeypatch.setenv("GEXPIPE_4DN_KEY", "me")
        monkeypatch.setenv("GEXPIPE_4DN_SECRET", SECRET)
    else:
        monkeypatch.delenv("GEXPIPE_4DN_KEY", raising=False)
        host = server.url.removeprefix("http://")
        (home / ".netrc").write_text(f"machine {host} login me password {SECRET}\n")
        (home / ".netrc").chmod(0o600)
    body = b"HIC\0" + (9).to_bytes(4, "little") + (3).to_bytes(8, "little") + b"rest"
    href = "/files-processed/4DNFIAAAAAAA/@@download/4DNFIAAAAAAA.hic"
    metadata = {"accession": "4DNFIAAAAAAA", "href": href, "status": "released"}
    (server.root / "files-processed").mkdir(parents=True)
    (server.root / "m.json").write_text(json.dumps(metadata))
    server.redirects["/files-processed/4DNFIAAAAAAA/"] = "/m.json"
    (server.root / "file.hic").write_bytes(body)
    elsewhere = server.url.replace("127.0.0.1", "localhost") + "/file.hic"
    server.redirects[href] = elsewhere if ends == "elsewhere" else "/file.hic"
    if ends == "refused":
        server.faults["/file.hic"] = [("status", 403, {})]
    out = tmp_path / "o" / "x.hic"
    arguments = ["download", "--source", "4dn", "--accession", "4DNFIAAAAAAA", "--format", "hic"]
    try:
        main(["--debug", *arguments, "--out", str(out)], standalone_mode=False)
    except UserError as error:
        assert ends == "refused" and SECRET not in str(error)
    else:
        assert ends != "refused" and out.read_bytes() == body
    asked = [key for path, key in server.keys if path == href]
    assert asked and all(key is not None and key.startswith("Basic ") for key in asked)
    if ends == "elsewhere":
        assert [key for path, key in server.keys if path == "/file.hic"] == [None]
    shutil.rmtree(home)
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    for path in [p for p in tmp_path.rglob("*") if p.is_file()]:
        assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("field", ["url", "mirror"])
def test_passwords_in_addresses_are_refused(tmp_path: Path, field: str) -> None:
    address = f"https://me:{SECRET}@host/x.bed"
    request = Request("url", "x", "bed", url=address if field == "url" else "https://host/x")
    with pytest.raises(UserError, match="may hold no user or password") as caught:
        download(request, tmp_path / "x", address if field == "mirror" else None)
    assert SECRET not in str(caught.value)


def _big(path: Path) -> None:
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader([("chr1", 100_000)])
        track.addEntries("chr1", list(range(0, 50_000, 10)), values=[1.0] * 5_000, span=5, step=10)


def _cool(path: Path) -> None:
    bins = pd.DataFrame({"chrom": ["chr1"] * 50, "start": range(50), "end": range(1, 51)})
    pixels = pd.DataFrame({"bin1_id": range(50), "bin2_id": range(50), "count": 1})
    cooler.create_cooler(str(path), bins, pixels)


def _cram(path: Path) -> None:
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 100}]}
    with pysam.AlignmentFile(str(path), "wc", header=header, format_options=[b"no_ref=1"]):
        pass


def _gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(b"chr1\t1\t2\n" * 50_000))


def _zip(path: Path) -> None:
    shutil.make_archive(str(path.with_suffix("")), "zip", path.parent, "__init__.py")


@pytest.mark.parametrize(
    ("file_format", "write"),
    [("bigWig", _big), ("cool", _cool), ("cram", _cram), ("bed", _gzip), ("zip", _zip)],
)
def test_cut_off_files_without_a_checksum(tmp_path: Path, file_format: str, write: object) -> None:
    path = tmp_path / f"x.{file_format}"
    (tmp_path / "__init__.py").write_text("text")
    write(path)  # type: ignore[operator]
    check_complete(path, file_format, "x")
    whole = path.read_bytes()
    for share in (0.3, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UserError, match=f"x: the {file_format} file is cut off"):
            check_complete(path, file_format, "x")


def test_cut_off_hic_without_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x.hic"
    path.write_bytes(b"HIC\0" + (9).to_bytes(4, "little") + (5_000).to_bytes(8, "little") + b"rest")
    with pytest.raises(UserError, match="the hic file is cut off"):
        check_complete(path, "hic", "x")
