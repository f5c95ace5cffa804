"""Outputs that are empty or cut: what a power cut leaves where a disk did not keep its promises.

Outputs are flushed before they get their names; a network's file system, or a disk that says
"written" too early, may lose them all the same. Snakemake sees only that a name is there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from gexpipe.errors import UserError

__all__ = ["FOLDERS", "broken_outputs", "refuse_broken", "what_is_wrong"]

# Folders of a project that rules write.
FOLDERS = ("results", "resources")
# How a whole file of a kind begins, and what stands in its last bytes.
_ZIP = (b"PK", b"PK\x05\x06")
_MARKS = {
    ".parquet": (b"PAR1", b"PAR1"),
    ".npz": _ZIP,
    ".zip": _ZIP,
    ".ckpt": _ZIP,
    ".png": (b"\x89PNG", b"IEND"),
}
# Text that has a line at least.
_TEXT = (
    ".json", ".tsv", ".csv", ".md", ".html", ".narrowPeak", ".fa", ".fai", ".sizes"
)  # fmt: skip
_GZIP = b"\x1f\x8b"  # names of downloads are not to be trusted
_ZEROS = bytes(16)  # at the end of text: UTF-16 ends with one
_MAY_BE_EMPTY = ("unmapped",)  # folders of what a rule had to leave out
_END = 1 << 10  # bytes at the end in which a mark is sought


def broken_outputs(folder: str | Path = ".") -> dict[Path, str]:
    """Files that rules wrote below a project's folder and that no rule can have left so.

    Files in stores are left out but for their manifests: stores have checksums of their own.

    Returns
    -------
    dict
        File -> what is wrong with it, in the order of their names.
    """
    found = {path: what_is_wrong(path) for path in _outputs(Path(folder))}
    return {path: wrong for path, wrong in found.items() if wrong}


def refuse_broken(folder: str | Path = ".") -> None:
    """Refuse to go on beside broken outputs: Snakemake would take them as they are."""
    found = broken_outputs(folder)
    if found:
        first, wrong = next(iter(found.items()))
        others = f" (and {len(found) - 1} more files)" if len(found) > 1 else ""
        heal = f"gexpipe doctor --heal --folder {shlex.quote(str(Path(folder).resolve()))}"
        raise UserError(
            f"this output is {wrong}{others}, as a power cut leaves it: `{heal}` removes such "
            "files, and the next run makes them again",
            first,
        )


def what_is_wrong(path: Path) -> str:
    """``empty``, ``cut off`` or ``filled with zeros``; nothing for a file that looks whole.

    Both ends are looked at, nothing is read through; other kinds of files are never broken.
    """
    marks = _MARKS.get(path.suffix)
    if marks is None and path.suffix not in _TEXT:
        return ""
    try:
        with path.open("rb") as handle:
            first = handle.read(8)
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - _END))
            last = handle.read()
    except OSError:
        return ""  # gone, or not ours to read: its reader will say so
    if not size:
        return "empty"
    if marks is not None:
        return "" if first.startswith(marks[0]) and marks[1] in last else "cut off"
    return "filled with zeros" if last.endswith(_ZEROS) and not first.startswith(_GZIP) else ""


def _outputs(folder: Path) -> Iterator[Path]:
    for top in FOLDERS:
        for root, folders, files in os.walk(folder / top):
            folders[:] = sorted(
                name for name in folders if name not in _MAY_BE_EMPTY and not name.startswith(".")
            )
            if root.endswith(".zarr"):
                folders.clear()
                files = [name for name in files if name == "manifest.json"]
            yield from (Path(root) / name for name in sorted(files) if not name.startswith("."))
