"""Is this file what it claims to be: magic bytes, size, checksum."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from gexpipe.errors import UserError

__all__ = ["Digests", "check_digests", "check_format", "digests", "looks_like_html"]

_GZIP = b"\x1f\x8b"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BIGWIG = (b"\x26\xfc\x8f\x88", b"\x88\x8f\xfc\x26")
_BIGBED = (b"\xeb\xf2\x89\x87", b"\x87\x89\xf2\xeb")
_HDF5 = (b"\x89HDF\r\n\x1a\n",)
# Format -> first bytes, any of them.
_MAGIC = {
    "bigWig": _BIGWIG,
    "bigBed": _BIGBED,
    "hic": (b"HIC\x00",),
    "mcool": _HDF5,
    "cram": (b"CRAM",),
    "cool": _HDF5,
    "zip": (b"PK\x03\x04",),
    "xlsx": (b"PK\x03\x04",),
    "tar": (_GZIP,),
}
_TEXT = {"bed", "bedpe", "fragments", "tagAlign", "ctss", "tsv", "csv", "gtf", "fasta", "chain"}
_LFS = b"version https://git-lfs.github.com/spec/"
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Digests:
    """Size in bytes and hex digests of a file."""

    size: int
    md5: str
    sha256: str


def digests(path: Path) -> Digests:
    """Both digests in one pass; the files are large."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            md5.update(block)
            sha256.update(block)
            size += len(block)
    return Digests(size, md5.hexdigest(), sha256.hexdigest())


def check_digests(found: Digests, size: int | None, md5: str, where: str) -> None:
    """Compare with what portal or sheet state; empty or None is not compared.

    Raises
    ------
    UserError
        Stating both values.
    """
    if size is not None and found.size != size:
        raise UserError(f"size is {found.size} bytes, expected {size}", where)
    if md5 and found.md5 != md5.lower():
        raise UserError(f"md5 is {found.md5}, expected {md5.lower()}", where)


def looks_like_html(start: bytes) -> bool:
    """Whether bytes start as a web page does."""
    text = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    return re.match(rb"<[!?a-zA-Z]", text) is not None  # no data format begins like this


def check_format(path: Path, file_format: str, where: str) -> None:
    """Raise `UserError` when the first bytes are not those of ``file_format``.

    ``where`` names the file in the message: its address rather than a temporary path.
    """
    with path.open("rb") as handle:
        start = handle.read(1 << 16)
    if not start:
        raise UserError("the file is empty", where)
    if looks_like_html(start):
        raise UserError(f"this is a web page, expected {file_format}", where)
    if file_format == "bam":
        _check_bam(path, start, where)
    elif file_format in _MAGIC:
        if not start.startswith(_MAGIC[file_format]):
            raise UserError(f"starts with {start[:8]!r}, expected {file_format}", where)
    elif file_format in _TEXT:
        _check_text(_unzipped(start, where), file_format, where)
    else:
        known = ", ".join(sorted(["bam", *_MAGIC, *_TEXT]))
        raise UserError(f"unknown format {file_format!r}; known: {known}", where)


def _check_bam(path: Path, start: bytes, where: str) -> None:
    if not start.startswith(_GZIP) or not _unzipped(start, where).startswith(b"BAM\x01"):
        raise UserError(f"starts with {start[:8]!r}, expected bam", where)
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - len(_BGZF_END)))
        if handle.read() != _BGZF_END:
            raise UserError("the end-of-file block is missing: the bam is cut off", where)


def _unzipped(start: bytes, where: str) -> bytes:
    """The beginning of the content, through gzip where it is gzipped."""
    if not start.startswith(_GZIP):
        return start
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, 1 << 16)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"broken gzip ({error})", where) from error


def _check_text(text: bytes, file_format: str, where: str) -> None:
    if looks_like_html(text):
        raise UserError(f"this is a web page, expected {file_format}", where)
    if text.startswith(_LFS):
        raise UserError("a git-lfs pointer, not the file itself", where)
    if b"\0" in text:
        raise UserError(f"this is not text, expected {file_format}", where)
    if file_format == "fasta" and not text.startswith((b">", b";")):
        raise UserError(f"starts with {text[:8]!r}, expected '>' of fasta", where)
