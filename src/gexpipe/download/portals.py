"""What each portal's metadata says about a file: address, size, checksum, assembly, status.

Pure functions over metadata objects; reading them is the business of `resolve`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

from gexpipe.errors import UserError

__all__ = [
    "ENCODE",
    "FANTOM5_FOLDERS",
    "FOURDN",
    "FOURDN_OPEN",
    "ZENODO",
    "Found",
    "Request",
    "encode_choice",
    "encode_file",
    "fantom5_name",
    "find_in_listing",
    "fourdn_drs",
    "fourdn_file",
    "fourdn_open",
    "same_assembly",
    "zenodo_file",
]

ENCODE = "https://www.encodeproject.org"
FOURDN = "https://data.4dnucleome.org"
ZENODO = "https://zenodo.org"
_FANTOM5 = "https://fantom.gsc.riken.jp/5/datafiles/reprocessed/hg38_v1/basic/"
# Where FANTOM5 libraries lie, the likeliest folder first.
FANTOM5_FOLDERS = tuple(
    f"{_FANTOM5}human.{kind}.hCAGE/"
    for kind in ("cell_line", "primary_cell", "tissue", "timecourse")
)
_ALIASES = {"grch38": "hg38", "grch37": "hg19", "grcm38": "mm10", "grcm39": "mm39"}
# Where 4DN keeps its open files for everyone, by the file's uuid.
FOURDN_OPEN = "https://4dn-open-data-public.s3.amazonaws.com/fourfront-webprod/wfoutput"


@dataclass(frozen=True)
class Request:
    """One file that a sheet asks for; strings as in the sheet, empty where it says nothing."""

    source: str
    accession: str
    format: str
    url: str = ""
    md5: str = ""
    assembly: str = ""


@dataclass(frozen=True)
class Found:
    """Where a file is and what it must be.

    Attributes
    ----------
    place : str
        Web address or path.
    size : int or None
        Bytes.
    md5, assembly, status : str
        Empty where the portal does not tell.
    auth : (key, secret) or None
        Credentials for the portal.
    details : mapping
        What else the portal says of it: output_type, reads, experiment, replicate.
    """

    place: str
    size: int | None = None
    md5: str = ""
    assembly: str = ""
    status: str = ""
    auth: tuple[str, str] | None = field(default=None, repr=False)
    details: Mapping[str, str] = field(default_factory=dict, compare=False)


def same_assembly(one: str, other: str) -> bool:
    """Whether two assembly names mean the same (hg38 and GRCh38)."""
    names = [_ALIASES.get(name.lower(), name.lower()) for name in (one, other)]
    return names[0] == names[1]


def encode_file(metadata: Mapping[str, Any], accession: str, where: str) -> Found:
    """Read an ENCODE file object; ``place`` is its ``href``, to be joined to a base.

    Raises
    ------
    UserError
        The object is no file, or is not available or restricted.
    """
    if "href" not in metadata:
        raise UserError(f"{accession} is no file (no 'href'); expected an ENCFF accession", where)
    if metadata.get("no_file_available") or metadata.get("restricted"):
        raise UserError(f"{accession} is listed but cannot be downloaded", where)
    return _file(metadata, accession, str(metadata.get("assembly", "")), where)


def encode_choice(experiment: Mapping[str, Any], request: Request, where: str) -> str:
    """Accession of the one released file of an ENCODE experiment that a request describes.

    Format and assembly must be the request's, and every ``FIELD=VALUE`` of its url (a query as
    ENCODE's own search takes it, such as ``?output_type=footprints``); of several, the portal's
    preferred one counts.

    Raises
    ------
    UserError
        None or several; the message lists the files of the format.
    """
    wanted = dict(parse_qsl(request.url.lstrip("?"), strict_parsing=bool(request.url)))
    of_format = [
        entry
        for entry in experiment.get("files") or []
        if entry.get("file_format") == request.format and entry.get("status") == "released"
    ]
    fitting = [
        entry
        for entry in of_format
        if same_assembly(str(entry.get("assembly", "")), request.assembly or "GRCh38")
        and all(value in _values(entry.get(field)) for field, value in wanted.items())
    ]
    fitting = [e for e in fitting if e.get("preferred_default")] or fitting
    if len(fitting) == 1:
        return str(fitting[0]["accession"])
    listed = ", ".join(f"{e.get('accession')} ({e.get('output_type')})" for e in of_format[:8])
    raise UserError(
        f"{len(fitting)} released {request.format} files of {request.accession} fit "
        f"{request.url or 'the row'}, expected one; it has {listed or 'none'}",
        where,
    )


def _values(field: Any) -> list[str]:
    return [str(value) for value in field] if isinstance(field, list) else [str(field)]


def fourdn_file(metadata: Mapping[str, Any], accession: str, where: str) -> Found:
    """Read a 4DN processed-file object; ``place`` is its ``href``, to be joined to a base."""
    if "href" not in metadata:
        raise UserError(f"{accession} is no file (no 'href'); expected a 4DNFI accession", where)
    assembly = metadata.get("genome_assembly") or metadata.get("assembly") or ""
    return _file(metadata, accession, str(assembly), where)


def _file(metadata: Mapping[str, Any], accession: str, assembly: str, where: str) -> Found:
    found = metadata.get("accession", accession)
    if found != accession:
        raise UserError(f"the metadata is of {found}, expected {accession}", where)
    href = str(metadata["href"])
    if not re.match(r"/[^/]", href):  # joined to a host, anything else would name another one
        raise UserError(f"{accession}: href is {href!r}, expected a path", where)
    size = metadata.get("file_size")
    return Found(
        place=href,
        size=int(size) if size is not None else None,
        md5=str(metadata.get("md5sum", "")),
        assembly=assembly,
        status=str(metadata.get("status", "")),
        details=_details(metadata),
    )


def _details(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Kind and origin of a file, by ENCODE's field names; without what is not told."""
    replicates = metadata.get("biological_replicates") or []
    told = {
        "output_type": metadata.get("output_type"),
        "reads": metadata.get("mapped_run_type") or metadata.get("run_type"),
        "experiment": str(metadata.get("dataset") or "").strip("/").rpartition("/")[2],
        "replicate": f"replicate {'+'.join(map(str, replicates))}" if replicates else "",
    }
    return {key: str(value) for key, value in told.items() if value}


def fourdn_open(metadata: Mapping[str, Any], base: str) -> str | None:
    """Address of a 4DN file in the open-data bucket; None where the object does not tell.

    The object's own ``open_data_url``, else ``base``/uuid/name; whether it is there is for the
    caller to find out.
    """
    own = metadata.get("open_data_url")
    if own:
        return str(own)
    name = str(metadata["href"]).rsplit("/", 1)[-1]
    uuid = str(metadata.get("uuid", ""))
    return f"{base}/{uuid}/{name}" if re.fullmatch(r"[0-9a-f-]{36}", uuid) else None


def fourdn_drs(item: Mapping[str, Any]) -> tuple[int | None, str]:
    """Size and md5 of a GA4GH DRS object; None and empty where it does not tell."""
    sums = {str(entry.get("type")): entry.get("checksum") for entry in item.get("checksums") or []}
    size = item.get("size")
    return (int(size) if size is not None else None), str(sums.get("md5") or "")


def zenodo_file(record: Mapping[str, Any], name: str, where: str) -> Found:
    """Read one file of a Zenodo record (its REST API's JSON); ``place`` is its download link.

    Raises
    ------
    UserError
        The record has no file of this name; the message lists those it has.
    """
    listed = {str(entry.get("key")): entry for entry in record.get("files") or []}
    if name not in listed:
        raise UserError(f"the record has no file {name!r}, only {', '.join(listed)}", where)
    entry = listed[name]
    kind, _, value = str(entry.get("checksum", "")).rpartition(":")
    size = entry.get("size")
    return Found(
        place=str((entry.get("links") or {}).get("self") or f"{where}/files/{name}/content"),
        size=int(size) if size is not None else None,
        md5=value if kind == "md5" else "",
    )


def fantom5_name(library: str) -> str | None:
    """Address of a library's CTSS file from the built-in table; None for others."""
    table = files("gexpipe").joinpath("download/fantom5.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    return next((FANTOM5_FOLDERS[0] + r["file"] for r in rows if r["library"] == library), None)


def find_in_listing(listing: str, library: str) -> str | None:
    """Link to a library's CTSS file in a directory listing (HTML); None when it is not there.

    FANTOM5's file names are percent-encoded, so its links are so twice; they are used as they are.
    """
    pattern = rf'href="([^"/]*\.{re.escape(library)}\.[^"/]*\.ctss\.bed\.gz)"'
    found = re.search(pattern, listing)
    return found.group(1) if found else None
