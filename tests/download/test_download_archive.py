"""A member of a zip archive, and the one file that an experiment's accession means."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from portal_server import BIGWIG, PortalServer

from gexpipe.download.fetch import open_client
from gexpipe.download.one_file import download
from gexpipe.download.portals import Request
from gexpipe.download.resolve import resolve
from gexpipe.errors import UserError

TABLE = b"gene_id,chrom\nENSG01,1\n"


def put_zenodo(root: Path, members: dict[str, bytes]) -> Path:
    """A record with one archive, as Zenodo's REST API lists it."""
    archive = root / "zenodo/records/77/files/data.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in members.items():
            made.writestr(name, body)
    body = archive.read_bytes()
    entry = {"key": "data.zip", "size": len(body)}
    entry["checksum"] = f"md5:{hashlib.md5(body).hexdigest()}"
    record = archive.parents[1] / "metadata.json"
    record.write_text(json.dumps({"files": [entry]}))
    return archive


def request(member: str = "genes.csv", md5: str = "") -> Request:
    return Request("zenodo", "genes", "csv", f"77/data.zip!{member}", md5)


def test_a_member_of_a_zenodo_archive_is_kept_and_the_archive_removed(
    server: PortalServer, tmp_path: Path
) -> None:
    archive = put_zenodo(server.root, {"data/genes.csv": TABLE, "__MACOSX/._genes.csv": b"x"})
    out = tmp_path / "files/genes.csv"
    found = download(request(), out, server.url)
    assert out.read_bytes() == TABLE
    assert sorted(path.name for path in out.parent.iterdir()) == ["genes.csv", "genes.csv.json"]
    note = json.loads(out.with_name("genes.csv.json").read_text())
    assert note["md5"] == found.md5 == hashlib.md5(TABLE).hexdigest()
    assert note["archive"]["md5"] == hashlib.md5(archive.read_bytes()).hexdigest()
    assert note["url"].endswith("/77/files/data.zip!genes.csv")


def test_a_member_is_fetched_anew_only_when_the_archive_changed(
    server: PortalServer, tmp_path: Path
) -> None:
    put_zenodo(server.root, {"genes.csv": TABLE})
    out = tmp_path / "genes.csv"
    path = "/zenodo/records/77/files/data.zip"
    for _ in range(2):
        download(request(), out, server.url)
    assert len(server.requests_for(path)) == 1
    put_zenodo(server.root, {"genes.csv": TABLE + b"ENSG02,2\n"})
    download(request(), out, server.url)
    assert len(server.requests_for(path)) == 2
    assert out.read_bytes().endswith(b"ENSG02,2\n")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a/other.csv": TABLE}, r"no member is called 'genes.csv'; the archive has a/other.csv"),
        ({"a/genes.csv": TABLE, "b/genes.csv": TABLE}, "2 members are called 'genes.csv'"),
        ({"genes.csv": b"<html>log in</html>"}, r"data.zip!genes.csv: this is a web page"),
    ],
)
def test_members_that_are_not_there_or_not_right_are_named(
    tmp_path: Path, members: dict[str, bytes], words: str
) -> None:
    put_zenodo(tmp_path / "mirror", members)
    with pytest.raises(UserError, match=words):
        download(request(), tmp_path / "out/genes.csv", str(tmp_path / "mirror"))
    assert list((tmp_path / "out").iterdir()) == []


def test_the_md5_of_the_sheet_is_that_of_the_member(tmp_path: Path) -> None:
    put_zenodo(tmp_path / "mirror", {"genes.csv": TABLE})
    good = request(md5=hashlib.md5(TABLE).hexdigest())
    download(good, tmp_path / "genes.csv", str(tmp_path / "mirror"))
    with pytest.raises(UserError, match=f"expected {'1' * 32}"):
        download(request(md5="1" * 32), tmp_path / "other.csv", str(tmp_path / "mirror"))


def test_a_member_of_a_local_archive_leaves_the_archive(tmp_path: Path) -> None:
    archive = put_zenodo(tmp_path, {"genes.csv": TABLE})
    own = Request("path", "genes", "csv", f"{archive}!genes.csv")
    download(own, tmp_path / "genes.csv")
    assert archive.is_file() and (tmp_path / "genes.csv").read_bytes() == TABLE


def test_a_git_lfs_pointer_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\n")
    with pytest.raises(UserError, match="a git-lfs pointer, not the file itself"):
        download(Request("path", "x", "csv", str(tmp_path / "x.csv")), tmp_path / "out.csv")


def put_experiment(root: Path, *changes: dict[str, object]) -> None:
    """An ENCODE experiment with two bigBeds of other kinds and one more for every ``changes``."""
    base = {"file_format": "bigBed", "status": "released", "assembly": "GRCh38"}
    files = [
        {**base, "accession": "ENCFF001PKS", "output_type": "peaks"},
        {**base, "accession": "ENCFF002OLD", "output_type": "footprints", "assembly": "hg19"},
        *({**base, "output_type": "footprints", **own} for own in changes),
    ]
    folder = root / "encode/experiments/ENCSR000EOT"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"files": files}))
    for entry in files:
        accession = str(entry["accession"])
        place = root / f"encode/files/{accession}"
        place.mkdir(parents=True)
        own = {**entry, "href": f"/files/{accession}/@@download/{accession}.bigBed"}
        (place / "metadata.json").write_text(json.dumps(own))


FOOTPRINTS = Request("encode", "ENCSR000EOT", "bigBed", "?output_type=footprints", assembly="hg38")


def test_an_experiment_means_its_one_file_of_the_kind(tmp_path: Path) -> None:
    put_experiment(tmp_path, {"accession": "ENCFF003FOO"})
    with open_client() as client:
        found = resolve(FOOTPRINTS, str(tmp_path), client, 1)
    assert found.place.endswith("ENCFF003FOO.bigBed")


def test_of_several_files_the_preferred_one_counts_else_they_are_listed(tmp_path: Path) -> None:
    put_experiment(
        tmp_path / "one", {"accession": "ENCFF003FOO"},
        {"accession": "ENCFF004FOO", "preferred_default": True},
    )  # fmt: skip
    put_experiment(
        tmp_path / "two", {"accession": "ENCFF003FOO", "biological_replicates": [1]},
        {"accession": "ENCFF004FOO", "biological_replicates": [2]},
    )  # fmt: skip
    with open_client() as client:
        found = resolve(FOOTPRINTS, str(tmp_path / "one"), client, 1)
        assert found.place.endswith("ENCFF004FOO.bigBed")
        with pytest.raises(UserError, match=r"2 released bigBed files .*ENCFF003FOO \(footprints"):
            resolve(FOOTPRINTS, str(tmp_path / "two"), client, 1)
        second = "?output_type=footprints&biological_replicates=2"
        request = Request("encode", "ENCSR000EOT", "bigBed", second, assembly="hg38")
        assert resolve(request, str(tmp_path / "two"), client, 1).place.endswith("004FOO.bigBed")


def test_a_whole_zip_is_still_a_whole_zip(tmp_path: Path) -> None:
    put_zenodo(tmp_path / "mirror", {"a": BIGWIG})
    whole = Request("zenodo", "all", "zip", "77/data.zip")
    download(whole, tmp_path / "all.zip", str(tmp_path / "mirror"))
    assert zipfile.is_zipfile(tmp_path / "all.zip")
