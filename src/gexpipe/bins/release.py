"""The two files of Sei's release that are read, out of its archive."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from gexpipe.errors import UserError
from gexpipe.files import aside, require

__all__ = ["FILES", "unpack"]

# Network and projection, wherever in the archive they lie.
FILES = ("sei.pth", "projvec_targets.npy")
# A KeyError is of a link whose target is not in the archive, a RecursionError of links in a circle.
_DAMAGE = (
    tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, KeyError,
    RecursionError,
)  # fmt: skip


def unpack(archive: Path, out: Path) -> None:
    """Write `FILES` of ``sei_model.tar.gz`` (zenodo 4906997) into ``out``; nothing else of it.

    Raises
    ------
    UserError
        When it is no archive, or lacks one of them.
    """
    found = set()
    try:
        with tarfile.open(require(archive, "archive of Sei")) as content:
            for member in content:
                name = PurePosixPath(member.name).name
                source = content.extractfile(member) if name in FILES else None
                if source is None:
                    continue
                with aside(out / name) as temporary, temporary.open("wb") as target:
                    shutil.copyfileobj(source, target)
                found.add(name)
    except _DAMAGE as error:
        raise UserError(f"not a readable archive ({error})", archive) from error
    absent = [name for name in FILES if name not in found]
    if absent:
        raise UserError(f"no {absent[0]} in it", archive)
