"""Answers that are none, connections that cannot be set up: one line at the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from portal_server import PortalServer


def download(folder: Path, source: str, accession: str, *more: str, **variables: str) -> str:
    """What the command says in its one line; it must fail as for bad input."""
    done = subprocess.run(
        [
            sys.executable, "-m", "gexpipe.cli.main", "download", "--source", source,
            "--accession", accession, "--format", "bed", "--tries", "1",
            "--out", str(folder / "out.bed"), *more,
        ],
        env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("gexpipe")]
    assert len(lines) == 1
    return lines[0]


def test_a_circle_of_redirects(server: PortalServer, tmp_path: Path) -> None:
    server.redirects = {"/a.bed": "/b.bed", "/b.bed": "/a.bed"}
    said = download(tmp_path, "url", "a", "--url", f"{server.url}/a.bed")
    assert said.endswith(f"{server.url}/a.bed: the server redirects in a circle")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{not json", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "expected a JSON object"),
        ('{"href": "/x", "file_size": "many"}', "not as expected (ValueError"),
        ('{"href": "/x", "file_size": [3]}', "not as expected (TypeError"),
        ('{"href": "/x", "biological_replicates": 5}', "not as expected (TypeError"),
        ('{"href": ["/x"]}', "expected a path"),
    ],
)
def test_metadata_of_another_form(
    server: PortalServer, tmp_path: Path, text: str, expected: str
) -> None:
    place = server.root / "encode/files/ENCFF001AAA/metadata.json"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    assert expected in download(tmp_path, "encode", "ENCFF001AAA", "--mirror", server.url)


@pytest.mark.parametrize("files", ["abc", ["abc"], [{"key": "f", "links": 3}], {"a": 1}])
def test_a_record_of_another_form(server: PortalServer, tmp_path: Path, files: object) -> None:
    place = server.root / "zenodo/records/12/metadata.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"files": files}))
    said = download(tmp_path, "zenodo", "z", "--url", "12/f", "--mirror", server.url)
    assert "the portal's answer is not as expected" in said


def test_an_answer_that_cannot_be_unpacked(server: PortalServer, tmp_path: Path) -> None:
    place = server.root / "encode/files/ENCFF001AAA/metadata.json"
    place.parent.mkdir(parents=True)
    place.write_text("{}")
    server.headers = {"Content-Encoding": "gzip"}
    said = download(tmp_path, "encode", "ENCFF001AAA", "--mirror", server.url)
    assert "the answer cannot be unpacked" in said


@pytest.mark.parametrize("file", ["absent", "empty"])
def test_a_certificate_file_that_is_none(server: PortalServer, tmp_path: Path, file: str) -> None:
    (tmp_path / "empty").touch()
    said = download(
        tmp_path, "url", "a", "--url", f"{server.url}/a.bed", SSL_CERT_FILE=str(tmp_path / file)
    )
    assert "network: no connection can be set up" in said
    assert "SSL_CERT_FILE" in said


@pytest.mark.parametrize("proxy", ["http://user:secret@127.0.0.1:1", "127.0.0.1:1", "foo://x"])
def test_a_proxy_that_cannot_be_reached(server: PortalServer, tmp_path: Path, proxy: str) -> None:
    nowhere = {"NO_PROXY": "", "no_proxy": "", "HTTP_PROXY": "", "http_proxy": proxy}
    said = download(tmp_path, "url", "a", "--url", f"{server.url}/a.bed", **nowhere)
    assert "http_proxy" in said
    assert "secret" not in said
