"""From a sheet row to an address, on the portals or on a mirror of them."""

from __future__ import annotations

import netrc
import os
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from gexpipe.download.fetch import exists
from gexpipe.download.places import is_web, join, read_json, read_text, refuse_secrets
from gexpipe.download.portals import (
    ENCODE,
    FANTOM5_FOLDERS,
    FOURDN,
    FOURDN_OPEN,
    ZENODO,
    Found,
    Request,
    encode_choice,
    encode_file,
    fantom5_name,
    find_in_listing,
    fourdn_drs,
    fourdn_file,
    fourdn_open,
    zenodo_file,
)
from gexpipe.errors import UserError

__all__ = ["resolve"]

_MD5 = re.compile(r"\b[0-9a-fA-F]{32}\b")
# Sites that list the md5 of all files of a folder in one of them.
_SUMS = {
    "https://ftp.ebi.ac.uk/pub/databases/gencode/": "MD5SUMS",
    "https://hgdownload.soe.ucsc.edu/goldenPath/": "md5sum.txt",
}

_KEY_STEPS = (
    "4DN asks for an access key: (1) log in at https://data.4dnucleome.org, "
    "(2) create a key under Profile > Access keys, (3) set GEXPIPE_4DN_KEY and GEXPIPE_4DN_SECRET, "
    "or put the key into ~/.netrc for machine data.4dnucleome.org"
)


def resolve(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    """Find out where the requested file is and what it must be.

    Parameters
    ----------
    mirror : str or None
        Folder or web address that answers for all portals.

    Raises
    ------
    UserError
        Unknown source, unknown accession, file not available, no credentials.
    """
    refuse_secrets(request.url, request.accession)
    refuse_secrets(mirror or "", "config: download.mirror")
    finders = {
        "encode": _encode,
        "4dn": _fourdn,
        "fantom5": _fantom5,
        "zenodo": _zenodo,
        "url": _url,
        "path": _path,
    }
    if request.source not in finders:
        known = ", ".join(finders)
        raise UserError(f"unknown source {request.source!r}; known: {known}", request.accession)
    try:
        return finders[request.source](request, mirror, client, tries)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"the portal's answer is not as expected ({type(error).__name__}: {error})",
            request.accession,
        ) from error


def _encode(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    if request.accession.startswith("ENCSR"):
        request = _file_of_experiment(request, mirror, client, tries)
    accession = request.accession
    if mirror:
        place = join(mirror, f"encode/files/{accession}/metadata.json")
        found = encode_file(read_json(place, client, tries, accession), accession, place)
        return replace(found, place=join(mirror, f"encode{found.place}"))
    place = f"{ENCODE}/files/{accession}/?format=json"
    metadata = read_json(place, client, tries, accession)
    found = encode_file(metadata, accession, place)
    cloud = (metadata.get("cloud_metadata") or {}).get("url")
    return replace(found, place=request.url or cloud or ENCODE + found.place)


def _file_of_experiment(
    request: Request, mirror: str | None, client: httpx.Client, tries: int
) -> Request:
    """The request for the file that is meant by an experiment's accession."""
    experiment = request.accession
    place = f"{ENCODE}/experiments/{experiment}/?format=json"
    if mirror:
        place = join(mirror, f"encode/experiments/{experiment}/metadata.json")
    chosen = encode_choice(read_json(place, client, tries, experiment), request, place)
    return replace(request, accession=chosen, url="")


def _fourdn(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    accession = request.accession
    if mirror:
        place = join(mirror, f"4dn/files-processed/{accession}/metadata.json")
        found = fourdn_file(read_json(place, client, tries, accession), accession, place)
        return replace(found, place=join(mirror, f"4dn{found.place}"))
    place = f"{FOURDN}/files-processed/{accession}/?format=json"
    metadata = read_json(place, client, tries, accession)
    found = fourdn_file(metadata, accession, place)
    if found.size is None or not found.md5:
        found = _complete(found, accession, client, tries)
    for public in (request.url, fourdn_open(metadata, FOURDN_OPEN)):
        if public and exists(client, public, tries):
            return replace(found, place=public)
    return replace(found, place=FOURDN + found.place, auth=_fourdn_key(accession))


def _complete(found: Found, accession: str, client: httpx.Client, tries: int) -> Found:
    """Size and md5 from the portal's DRS service, where the file object lacks them."""
    place = f"{FOURDN}/ga4gh/drs/v1/objects/{accession}"
    if read_text(place, client, tries) is None:
        return found
    size, md5 = fourdn_drs(read_json(place, client, tries, accession))
    return replace(found, size=size if found.size is None else found.size, md5=found.md5 or md5)


def _fourdn_key(accession: str) -> tuple[str, str]:
    key, secret = os.environ.get("GEXPIPE_4DN_KEY"), os.environ.get("GEXPIPE_4DN_SECRET")
    if key and secret:
        return key, secret
    try:
        entry = netrc.netrc().authenticators(urlsplit(FOURDN).netloc)
    except (FileNotFoundError, netrc.NetrcParseError):
        entry = None
    if entry is None:
        raise UserError(_KEY_STEPS, accession)
    return entry[0], entry[2] or ""


def _fantom5(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    library = request.accession
    if request.format != "ctss":
        raise UserError(f"format is {request.format!r}, FANTOM5 has ctss", library)
    if mirror:
        place = join(mirror, f"fantom5/{library}/metadata.json")
        metadata = read_json(place, client, tries, library)
        if "file" not in metadata:
            raise UserError("the metadata has no 'file'", place)
        return Found(
            place=join(mirror, f"fantom5/{library}/{metadata['file']}"),
            size=metadata.get("file_size"),
            md5=metadata.get("md5sum", ""),
            assembly=metadata.get("assembly", ""),
            status=metadata.get("status", ""),
        )
    url = request.url or fantom5_name(library) or _search_fantom5(library, client, tries)
    return Found(place=url, assembly="hg38")


def _search_fantom5(library: str, client: httpx.Client, tries: int) -> str:
    for folder in FANTOM5_FOLDERS:
        listing = read_text(folder, client, tries)
        name = find_in_listing(listing, library) if listing else None
        if name:
            return folder + name
    raise UserError("no CTSS file of this library in the FANTOM5 hg38 folders", library)


def _zenodo(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    record, _, name = request.url.partition("/")
    if not (record.isdigit() and name):
        raise UserError(f"url is {request.url!r}, expected RECORD/FILE", request.accession)
    if mirror:
        place = join(mirror, f"zenodo/records/{record}/metadata.json")
        found = zenodo_file(read_json(place, client, tries, f"record {record}"), name, place)
        return replace(found, place=join(mirror, f"zenodo/records/{record}/files/{name}"))
    place = f"{ZENODO}/api/records/{record}"
    return zenodo_file(read_json(place, client, tries, f"record {record}"), name, place)


def _url(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    if not is_web(request.url):
        raise UserError(f"url is {request.url!r}, expected http(s)://...", request.accession)
    if not mirror:
        return Found(place=request.url, md5=request.md5 or _listed_md5(request.url, client, tries))
    parts = urlsplit(request.url)
    place = join(mirror, f"url/{parts.netloc}/{unquote(parts.path).lstrip('/')}")
    listed = _MD5.search(read_text(place + ".md5", client, tries) or "")
    return Found(place=place, md5=listed.group(0) if listed else "")


def _listed_md5(url: str, client: httpx.Client, tries: int) -> str:
    """The md5 that the file's site lists in its folder; empty where it lists none."""
    for site, sums in _SUMS.items():
        if url.startswith(site):
            folder, _, name = url.rpartition("/")
            text = read_text(f"{folder}/{sums}", client, tries) or ""
            lines = [line.split() for line in text.splitlines()]
            found = [line[0] for line in lines if len(line) == 2 and line[1].lstrip("*./") == name]
            return found[0].lower() if found and _MD5.fullmatch(found[0]) else ""
    return ""


def _path(request: Request, mirror: str | None, client: httpx.Client, tries: int) -> Found:
    path = Path(request.url).expanduser()
    if not request.url or not path.is_file():
        raise UserError(f"no such file {request.url!r}", request.accession)
    return Found(place=str(path))
