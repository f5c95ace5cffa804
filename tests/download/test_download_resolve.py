from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from portal_server import BIGWIG, CTSS, PortalServer, put_encode

from gexpipe.download.fetch import open_client
from gexpipe.download.one_file import download
from gexpipe.download.portals import (
    Request,
    encode_file,
    fantom5_name,
    find_in_listing,
    fourdn_file,
    same_assembly,
)
from gexpipe.download.resolve import resolve
from gexpipe.errors import UserError


def test_folder_mirror(tmp_path: Path) -> None:
    put_encode(tmp_path / "mirror")
    request = Request("encode", "ENCFF001AAA", "bigWig", assembly="hg38")
    out = tmp_path / "out" / "a.bigWig"
    download(request, out, str(tmp_path / "mirror"))
    assert out.read_bytes() == BIGWIG


def test_damaged_mirror_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = put_encode(tmp_path / "mirror", md5sum="1" * 32)
    with pytest.raises(UserError, match="md5 is"):
        download(
            Request("encode", "ENCFF001AAA", "bigWig"), tmp_path / "a", str(tmp_path / "mirror")
        )
    assert (tmp_path / "mirror" / path.lstrip("/")).exists()
    assert not (tmp_path / "a").exists()


def test_unknown_accession_names_where_it_was_looked_up(
    server: PortalServer, tmp_path: Path
) -> None:
    request = Request("encode", "ENCFF404AAA", "bigWig")
    for mirror in (server.url, str(tmp_path / "mirror")):
        with pytest.raises(UserError, match=r"ENCFF404AAA/metadata.json: no metadata"):
            download(request, tmp_path / "a", mirror)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"assembly": "hg19"}, "on hg19, the sheet says hg38"),
        ({"status": "revoked"}, "status 'revoked'"),
        ({"no_file_available": True}, "cannot be downloaded"),
        ({"accession": "ENCFF002BBB"}, "metadata is of ENCFF002BBB"),
    ],
)
def test_metadata_is_believed(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    put_encode(tmp_path / "mirror", **changes)
    with pytest.raises(UserError, match=words):
        download(
            Request("encode", "ENCFF001AAA", "bigWig", assembly="hg38"),
            tmp_path / "a",
            str(tmp_path / "mirror"),
        )


def test_sheet_and_portal_disagree(tmp_path: Path) -> None:
    put_encode(tmp_path / "mirror")
    request = Request("encode", "ENCFF001AAA", "bigWig", md5="2" * 32)
    with pytest.raises(UserError, match=f"the portal lists md5 .*, the sheet {'2' * 32}"):
        download(request, tmp_path / "a", str(tmp_path / "mirror"))


def test_url_rows_on_a_mirror(server: PortalServer, tmp_path: Path) -> None:
    target = server.root / "url" / "some.host" / "a b" / "x.bw"
    target.parent.mkdir(parents=True)
    target.write_bytes(BIGWIG)
    request = Request("url", "x", "bigWig", url="https://some.host/a%20b/x.bw")
    download(request, tmp_path / "one", server.url)
    assert (tmp_path / "one").read_bytes() == BIGWIG
    target.with_name("x.bw.md5").write_text(f"{hashlib.md5(b'other').hexdigest()}  x.bw\n")
    with pytest.raises(UserError, match="md5 is"):
        download(request, tmp_path / "two", server.url)


def test_fantom5_on_a_mirror(server: PortalServer, tmp_path: Path) -> None:
    home = server.root / "fantom5" / "CNhs90001"
    home.mkdir(parents=True)
    name = "cell%20line%3aX.CNhs90001.ctss.bed.gz"
    (home / name).write_bytes(CTSS)
    (home / "metadata.json").write_text(json.dumps({"file": name, "file_size": len(CTSS)}))
    request = Request("fantom5", "CNhs90001", "ctss")
    for number, mirror in enumerate([server.url, str(server.root)]):
        download(request, tmp_path / str(number), mirror)
        assert (tmp_path / str(number)).read_bytes() == CTSS


def test_path_rows(tmp_path: Path) -> None:
    source = tmp_path / "mine.bw"
    source.write_bytes(BIGWIG)
    download(Request("path", "mine", "bigWig", url=str(source)), tmp_path / "out.bigWig")
    assert (tmp_path / "out.bigWig").read_bytes() == BIGWIG
    with pytest.raises(UserError, match="expected bam"):
        download(Request("path", "mine", "bam", url=str(source)), tmp_path / "out.bam")
    assert source.exists() and not (tmp_path / "out.bam").exists()
    with pytest.raises(UserError, match="no such file"):
        download(Request("path", "no", "bam", url=str(tmp_path / "no.bam")), tmp_path / "out.bam")


def test_unknown_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="known: encode, 4dn, fantom5, zenodo, url, path"):
        download(Request("geo", "GSM1", "bam"), tmp_path / "a")


@pytest.mark.parametrize(("one", "other"), [("hg38", "GRCh38"), ("GRCh37", "hg19"), ("x", "X")])
def test_assembly_names(one: str, other: str) -> None:
    assert same_assembly(one, other)
    assert not same_assembly(one, "mm10")


def fourdn_metadata(**more: object) -> dict[str, object]:
    href = "/files-processed/4DNFIAAAAAAA/@@download/4DNFIAAAAAAA.hic"
    return {"accession": "4DNFIAAAAAAA", "href": href, "status": "released", **more}


@pytest.fixture
def fourdn(server: PortalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PortalServer:
    monkeypatch.setattr("gexpipe.download.resolve.FOURDN", server.url)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GEXPIPE_4DN_KEY", "GEXPIPE_4DN_SECRET"):
        monkeypatch.delenv(name, raising=False)
    (server.root / "files-processed").mkdir(parents=True)
    return server


def find_fourdn(server: PortalServer, **more: object):
    home = server.root / "files-processed" / "4DNFIAAAAAAA"
    server.redirects = {"/files-processed/4DNFIAAAAAAA/": "/metadata.json"}
    home.mkdir(exist_ok=True)
    (server.root / "metadata.json").write_text(json.dumps(fourdn_metadata(**more)))
    with open_client() as client:
        return resolve(Request("4dn", "4DNFIAAAAAAA", "hic"), None, client, 1)


def test_fourdn_prefers_open_data(fourdn: PortalServer) -> None:
    (fourdn.root / "x.hic").write_bytes(b"HIC")
    url = f"{fourdn.url}/x.hic"
    found = find_fourdn(fourdn, open_data_url=url, md5sum="ab", file_size=3)
    assert (found.place, found.md5, found.size, found.auth) == (url, "ab", 3, None)


UUID = "dcfcb009-f006-4ab8-a4c7-af72be58c12c"


def test_fourdn_open_bucket_by_uuid(fourdn: PortalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexpipe.download.resolve.FOURDN_OPEN", fourdn.url + "/bucket")
    monkeypatch.setenv("GEXPIPE_4DN_KEY", "me")
    monkeypatch.setenv("GEXPIPE_4DN_SECRET", "hush")
    assert find_fourdn(fourdn, uuid=UUID).auth == ("me", "hush"), "not in the bucket: with the key"
    file = fourdn.root / "bucket" / UUID / "4DNFIAAAAAAA.hic"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"HIC")
    found = find_fourdn(fourdn, uuid=UUID)
    assert found.auth is None
    assert found.place == f"{fourdn.url}/bucket/{UUID}/4DNFIAAAAAAA.hic"


def test_fourdn_checksum_from_drs(fourdn: PortalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXPIPE_4DN_KEY", "me")
    monkeypatch.setenv("GEXPIPE_4DN_SECRET", "hush")
    drs = fourdn.root / "ga4gh/drs/v1/objects/4DNFIAAAAAAA"
    drs.parent.mkdir(parents=True)
    drs.write_text(json.dumps({"size": 7, "checksums": [{"type": "md5", "checksum": "ab"}]}))
    found = find_fourdn(fourdn)
    assert (found.size, found.md5) == (7, "ab")
    found = find_fourdn(fourdn, file_size=8, md5sum="cd")
    assert (found.size, found.md5) == (8, "cd"), "the file object itself comes first"


def test_gencode_lists_its_checksums(
    server: PortalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = f"{server.url}/gencode/"
    monkeypatch.setattr("gexpipe.download.resolve._SUMS", {site: "MD5SUMS"})
    folder = server.root / "gencode/release_29"
    folder.mkdir(parents=True)
    (folder / "a.gtf").write_bytes(b"##provider: GENCODE\n")
    request = Request("url", "gencode", "gtf", url=f"{site}release_29/a.gtf")
    download(request, tmp_path / "unlisted.gtf")
    md5 = hashlib.md5(b"##provider: GENCODE\n").hexdigest()
    (folder / "MD5SUMS").write_text(f"{'0' * 32}  b.a.gtf\n{md5}  ./a.gtf\n")
    assert download(request, tmp_path / "listed.gtf").md5 == md5
    (folder / "a.gtf").write_bytes(b"##provider: SOMEONE\n")
    with pytest.raises(UserError, match=f"expected {md5}"):
        download(request, tmp_path / "changed.gtf")


def test_fourdn_key_from_the_environment(
    fourdn: PortalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXPIPE_4DN_KEY", "me")
    monkeypatch.setenv("GEXPIPE_4DN_SECRET", "hush")
    found = find_fourdn(fourdn)
    assert found.auth == ("me", "hush")
    assert "hush" not in repr(found)
    assert found.place.endswith("@@download/4DNFIAAAAAAA.hic")


def test_fourdn_key_from_netrc(fourdn: PortalServer, tmp_path: Path) -> None:
    host = fourdn.url.removeprefix("http://")
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {host} login me password hush\n")
    netrc.chmod(0o600)
    assert find_fourdn(fourdn).auth == ("me", "hush")


def test_fourdn_without_a_key_says_what_to_do(fourdn: PortalServer) -> None:
    with pytest.raises(UserError, match=r"\(1\) log in .* GEXPIPE_4DN_KEY"):
        find_fourdn(fourdn)


def test_fantom5_table_and_listing() -> None:
    url = fantom5_name("CNhs11250")
    assert url is not None and "K562.CNhs11250" in url and "%2520" in url
    assert fantom5_name("CNhs00000") is None
    listing = '<a href="H1.CNhs13964.x.hg38.nobarcode.ctss.bed.gz">H1..</a> <a href="b.bam">'
    assert find_in_listing(listing, "CNhs13964") == "H1.CNhs13964.x.hg38.nobarcode.ctss.bed.gz"
    assert find_in_listing(listing, "CNhs1396") is None


def test_real_portal_objects(shared: Path) -> None:
    flat = json.loads((shared / "data" / "portal" / "encode_file_objects_flat.json").read_text())
    with pytest.raises(UserError, match="no 'href'"):
        encode_file({"accession": "ENCSR000EOT"}, "ENCSR000EOT", "here")
    for item in flat:
        found = encode_file({**item, "href": "/files/x"}, item["accession"], "here")
        assert (found.md5, found.size) == (item["md5sum"], item.get("file_size"))
    for item in json.loads((shared / "data" / "portal" / "4dn_file_objects.json").read_text()):
        if "href" in item:
            found = fourdn_file({**item, "status": "released"}, item["accession"], "here")
            assert found.place == item["href"]


def zenodo_record(body: bytes, link: str) -> str:
    entry = {
        "key": "genes 1.csv",
        "size": len(body),
        "checksum": f"md5:{hashlib.md5(body).hexdigest()}",
        "links": {"self": link},
    }
    return json.dumps({"id": 77, "files": [entry]})


def test_zenodo_tells_the_checksum(
    server: PortalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexpipe.download.resolve.ZENODO", server.url)
    body = b"gene_id,tss\nA,1\n"
    for path, content in {
        "api/records/77": zenodo_record(body, f"{server.url}/content/genes").encode(),
        "content/genes": body,
    }.items():
        (server.root / path).parent.mkdir(parents=True, exist_ok=True)
        (server.root / path).write_bytes(content)
    request = Request("zenodo", "genes", "csv", url="77/genes 1.csv")
    result = download(request, tmp_path / "genes.csv")
    assert (tmp_path / "genes.csv").read_bytes() == body
    assert result.md5 == hashlib.md5(body).hexdigest()
    (server.root / "content/genes").write_bytes(body.replace(b"A", b"B"))
    with pytest.raises(UserError, match="md5 is"):
        download(request, tmp_path / "other.csv")
    with pytest.raises(UserError, match=r"no file 'genes 2.csv', only genes 1.csv"):
        download(Request("zenodo", "genes", "csv", url="77/genes 2.csv"), tmp_path / "other.csv")
    with pytest.raises(UserError, match="expected RECORD/FILE"):
        download(Request("zenodo", "genes", "csv", url="genes.csv"), tmp_path / "other.csv")


@pytest.mark.parametrize("kind", ["folder", "web"])
def test_zenodo_on_a_mirror(server: PortalServer, tmp_path: Path, kind: str) -> None:
    body = b"gene_id,tss\nA,1\n"
    folder = server.root / "zenodo/records/77"
    (folder / "files").mkdir(parents=True)
    (folder / "files/genes 1.csv").write_bytes(body)
    (folder / "metadata.json").write_text(zenodo_record(body, "https://elsewhere/"))
    mirror = server.url if kind == "web" else str(server.root)
    download(Request("zenodo", "g", "csv", url="77/genes 1.csv"), tmp_path / "g.csv", mirror)
    assert (tmp_path / "g.csv").read_bytes() == body
