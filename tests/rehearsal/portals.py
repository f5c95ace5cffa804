"""The portals of the shipped sheets on 127.0.0.1, answering as they do.

One server stands for all hosts: ``https://HOST/PATH`` is asked as ``/HOST/PATH``. Records have the
real field names; files come by redirect and signed address, from a bucket, or directly.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from gexpipe.download.portals import fantom5_name
from gexpipe.sheets import FileRow
from tests.rehearsal.range_server import RangeHandler, RangeServer

FANTOM5 = "fantom.gsc.riken.jp/5/datafiles/reprocessed/hg38_v1/basic/"


@dataclass
class Portals:
    """What the portals have: bodies by ``HOST/PATH``, and a file for every accession.

    Attributes
    ----------
    files : dict
        Accession -> file on this machine.
    facts : dict
        Accession -> fields of its metadata that differ from the usual ones.
    records : dict
        Zenodo record -> its files by name.
    """

    files: dict[str, Path] = field(default_factory=dict)
    facts: dict[str, dict[str, object]] = field(default_factory=dict)
    bodies: dict[str, Path | bytes] = field(default_factory=dict)
    records: dict[str, dict[str, Path]] = field(default_factory=dict)

    def add(self, row: FileRow, path: Path, **facts: object) -> None:
        """Put the file of a sheet's row where its portal has it."""
        self.files[row.accession] = path
        self.facts[row.accession] = {"file_format": row.format, **facts}
        if row.source == "url":
            parts = urlsplit(row.url)
            place = parts.netloc + unquote(parts.path)
            self.bodies[place] = path
            self._list(place, path)
        elif row.source == "zenodo":
            record, _, name = row.url.partition("/")
            self.records.setdefault(record, {})[name] = path
        elif row.source == "fantom5":
            known = fantom5_name(row.accession)
            name = known.rsplit("/", 1)[-1] if known else (
                f"H1%2520embryonic%2520stem%2520cells.{row.accession}.1.hg38.nobarcode.ctss.bed.gz"
            )  # fmt: skip
            self.bodies[f"{FANTOM5}human.cell_line.hCAGE/{unquote(name)}"] = path
            self.bodies[f"{FANTOM5}human.cell_line.hCAGE/"] = (
                f'<html><a href="{name}">x</a>'.encode() + _old(self.bodies)
            )

    def _list(self, place: str, path: Path) -> None:
        """UCSC and GENCODE list the sums of a folder in a file of it."""
        folder, _, name = place.rpartition("/")
        sums = {"hgdownload.soe.ucsc.edu": "md5sum.txt", "ftp.ebi.ac.uk": "MD5SUMS"}
        site = place.partition("/")[0]
        if site in sums:
            line = f"{hashlib.md5(path.read_bytes()).hexdigest()}  {name}\n".encode()
            self.bodies[f"{folder}/{sums[site]}"] = line


def _old(bodies: dict[str, Path | bytes]) -> bytes:
    found = bodies.get(f"{FANTOM5}human.cell_line.hCAGE/", b"")
    return found if isinstance(found, bytes) else b""


class PortalsServer(RangeServer):
    """All portals."""

    def __init__(self, portals: Portals) -> None:
        super().__init__(Path("/"), PortalsHandler)
        self.portals = portals
        self.signed: list[str] = []
        self.places: set[str] = set()

    @property
    def addresses(self) -> dict[str, str]:
        """For ``download.addresses``."""
        return {"https://": f"{self.url}/"}


class PortalsHandler(RangeHandler):
    server: PortalsServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path.lstrip("/"))
        host, _, path = parts.path.partition("/")
        query = parse_qs(parts.query)
        answer = {
            "www.encodeproject.org": self.encode,
            "data.4dnucleome.org": self.fourdn,
            "encode-public.s3.amazonaws.com": self.bucket,
            "4dn-open-data-public.s3.amazonaws.com": self.bucket,
            "zenodo.org": self.zenodo,
        }.get(host)
        if answer is not None:
            return answer(path, query)
        return self.plain(f"{host}/{unquote(path)}")

    do_HEAD = do_GET

    def document(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.reply(200, body, {"Content-Type": "application/json"})

    def plain(self, place: str) -> None:
        """A site of files: an ETag, no checksum."""
        self.server.places.add(place)
        body = self.server.portals.bodies.get(place)
        if body is None:
            return self.reply(404, b"<html>not found", {"Content-Type": "text/html"})
        if isinstance(body, bytes):
            return self.reply(200, body, {"Content-Type": "text/html"})
        data = body.read_bytes()
        return self.give(data, {"ETag": f'"{hashlib.md5(data).hexdigest()}"'})

    def metadata(self, accession: str) -> dict[str, object] | None:
        path = self.server.portals.files.get(accession)
        if path is None:
            return None
        facts = self.server.portals.facts[accession]
        data = path.read_bytes()
        own = uuid.uuid5(uuid.NAMESPACE_URL, accession)
        return {
            "accession": accession, "uuid": str(own), "file_size": len(data), "status": "released",
            "md5sum": hashlib.md5(data).hexdigest(), **facts,
        }  # fmt: skip

    def encode(self, path: str, query: dict[str, list[str]]) -> None:
        """Records name a bucket for some files; the others come by a signed redirect."""
        kind, accession, *rest = path.split("/")
        found = self.metadata(accession)
        if found is None or kind != "files":
            return self.reply(404, b'{"status": "error"}', {"Content-Type": "application/json"})
        name = f"{accession}.{found['file_format']}"
        place = f"https://encode-public.s3.amazonaws.com/2020/01/01/{found['uuid']}/{name}"
        if rest[:1] == ["@@download"]:
            signed = f"{place}?X-Amz-Expires=99&X-Amz-Signature=SECRET"
            return self.reply(307, b"", {"Location": signed})
        found |= {"@id": f"/files/{accession}/", "assembly": "GRCh38", "no_file_available": False}
        found["href"] = f"/files/{accession}/@@download/{name}"
        found.setdefault("dataset", f"/experiments/ENCSR{accession[5:8]}AAA/")
        if int(hashlib.md5(accession.encode()).hexdigest(), 16) % 2:
            found["cloud_metadata"] = {"url": place, "file_size": found["file_size"]}
        return self.document(found)

    def fourdn(self, path: str, query: dict[str, list[str]]) -> None:
        """Records without size and md5, which the DRS service has; files in the open bucket."""
        accession = path.rstrip("/").rsplit("/", 1)[-1]
        found = self.metadata(accession)
        if found is None:
            return self.reply(404, b"{}", {"Content-Type": "application/json"})
        if path.startswith("ga4gh/drs"):
            sums = [{"type": "md5", "checksum": found["md5sum"]}]
            return self.document({"id": accession, "size": found["file_size"], "checksums": sums})
        for key in ("file_size", "md5sum"):
            found.pop(key)
        href = f"/files-processed/{accession}/@@download/{accession}.hic"
        return self.document({**found, "href": href, "genome_assembly": "GRCh38"})

    def zenodo(self, path: str, query: dict[str, list[str]]) -> None:
        """A record lists key, size, checksum and link of its files."""
        parts = path.split("/")
        files = self.server.portals.records.get(parts[2] if len(parts) > 2 else "", {})
        if parts[:2] != ["api", "records"] or not files:
            return self.reply(404, b'{"status": 404}', {"Content-Type": "application/json"})
        if parts[-1] == "content":
            return self.give(files[parts[4]].read_bytes())
        listed = [
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), "key": name,
                "size": file.stat().st_size,
                "checksum": f"md5:{hashlib.md5(file.read_bytes()).hexdigest()}",
                "links": {"self": f"https://zenodo.org/api/records/{parts[2]}/files/{name}/content"},
            }
            for name, file in files.items()
        ]  # fmt: skip
        return self.document({"id": int(parts[2]), "files": listed})

    def bucket(self, path: str, query: dict[str, list[str]]) -> None:
        accession = path.rsplit("/", 1)[-1].split(".")[0]
        if "X-Amz-Signature" in query:
            self.server.signed.append(accession)
        data = self.server.portals.files[accession].read_bytes()
        self.give(data, {"ETag": f'"{hashlib.md5(data).hexdigest()}-9"'})
