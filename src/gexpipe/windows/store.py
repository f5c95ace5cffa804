"""A window store on disk: parts built side by side, kept where unchanged, a manifest written last.

A store is built in a folder beside it (``.NAME.building``). A build that is cut off leaves that
folder, and the next one goes on with the parts that are finished there; parts of an older store
whose inputs did not change are taken over from it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import zarr

from gexpipe import __version__
from gexpipe.errors import UserError
from gexpipe.files import aside, checksum, flush, read_json, write_json
from gexpipe.log import get_logger, progress
from gexpipe.records import of_these_bytes
from gexpipe.windows.identity import identity
from gexpipe.windows.layout import LAYOUT
from gexpipe.windows.remote import Place, Remote, checksum_of, place

__all__ = [
    "MANIFEST",
    "Part",
    "build_store",
    "digest",
    "fingerprint",
    "read_manifest",
    "source_record",
    "stored_files",
    "verify",
]

logger = get_logger(__name__)

MANIFEST = "manifest.json"
# Packages whose version can change the bytes of a store.
PACKAGES = ("numpy", "numcodecs", "zarr", "pybigtools", "pyBigWig", "pyfaidx", "pysam")


@dataclass(frozen=True)
class Part:
    """Arrays of one chromosome that come from one source and are built together.

    Attributes
    ----------
    path : str
        Group inside the store, for instance ``chr22/signals/DNase``.
    recipe : str
        Digest of everything its bytes depend on; a finished part with the same one is kept.
    write : callable
        ``write(folder)`` creates the arrays in an empty group; picklable.
    """

    path: str
    recipe: str
    write: Callable[[Path], None]


def digest(*values: Any) -> str:
    """sha256 over the JSON of some values, the layout and the packages that decide bytes."""
    text = json.dumps([LAYOUT, _versions(), *values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def source_record(path: str | Path) -> dict[str, str]:
    """Name, sha256 and accession of a file, from the record of its download if it is of it."""
    known, sha256 = of_these_bytes(path)
    found = {key: str(known[key]) for key in ("accession", "source") if known.get(key)}
    return {"file": Path(path).name, "sha256": sha256, **found}


def build_store(
    out: Path,
    genes: pd.DataFrame,
    lengths: Mapping[str, int],
    parts: list[Part],
    manifest: dict[str, Any],
    workers: int = 1,
) -> None:
    """Build a store beside its place, part by part, and rename it when it is complete.

    Parameters
    ----------
    out : Path
        Store folder.
    genes : DataFrame
        Gene table; its order is recorded.
    lengths : mapping
        Chromosome -> bp of the genome; those of the genes' chromosomes are recorded.
    parts : list of Part
        What to build; no two of them share a file.
    manifest : dict
        What to record besides genes, versions and the content fingerprint.
    workers : int
        Processes.

    Raises
    ------
    UserError
        When another process is building the same store.
    """
    with _building(out) as store:
        _drop_others(parts, store)
        waiting = [part for part in parts if not _keep(part, store, out)]
        if len(waiting) < len(parts):
            kept = len(parts) - len(waiting)
            logger.info("%s: %d of %d parts did not change", out.name, kept, len(parts))
        for path in dict.fromkeys(p.path.rpartition("/")[0] for p in parts):
            zarr.open_group(store, mode="a", zarr_format=3).require_group(path)
        if workers > 1 and len(waiting) > 1:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                jobs = [pool.submit(_write, part, store) for part in waiting]
                for job in progress(as_completed(jobs), "parts", len(jobs)):
                    job.result()
        else:
            for part in progress(waiting, "parts"):
                _write(part, store)
        record = {
            **manifest,
            "layout": LAYOUT,
            "gexpipe": __version__,
            "versions": _versions(),
            **identity(genes, lengths),
            "fingerprint": fingerprint(store),
            "files": len(stored_files(store)),
        }
        write_json(store / MANIFEST, record)
        _replace(store, out)


def _write(part: Part, store: Path) -> None:
    """Build one part beside its place; its attributes, written last, say that it is whole."""
    with aside(store / part.path) as folder:
        group = zarr.open_group(folder, mode="w-", zarr_format=3)
        part.write(folder)
        group.update_attributes({"recipe": part.recipe, "content": _content(folder)})


@contextmanager
def _building(out: Path) -> Iterator[Path]:
    """The folder to build in, locked; what a cut-off build left half-written is removed."""
    store = out.parent / f".{out.name}.building"
    store.mkdir(parents=True, exist_ok=True)
    handle = os.open(store, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise UserError("another process is building this store", out) from error
    try:
        for path in [p for p in store.rglob(".*") if p.is_dir()]:
            shutil.rmtree(path, ignore_errors=True)
        (store / MANIFEST).unlink(missing_ok=True)
        yield store
    finally:
        if store.exists() and not any(store.iterdir()):
            store.rmdir()
        os.close(handle)


def _keep(part: Part, store: Path, old: Path) -> bool:
    """Whether a part is finished in the build folder, or was taken over from the old store."""
    target = store / part.path
    if target.exists() and _recipe(target) != part.recipe:
        shutil.rmtree(target)
    if not target.exists() and _recipe(old / part.path) == part.recipe:
        with aside(target) as folder:
            shutil.copytree(old / part.path, folder)
    return target.exists()


def _drop_others(parts: list[Part], store: Path) -> None:
    """Remove what an earlier, cut-off build had and this one has not."""
    wanted = {store / part.path for part in parts}
    groups = {parent for path in wanted for parent in path.parents}
    for path in [p.parent for p in store.rglob("zarr.json")]:
        inside = any(parent in wanted for parent in path.parents)
        if path not in wanted and path not in groups and not inside:
            shutil.rmtree(path, ignore_errors=True)


def _recipe(folder: Path) -> str | None:
    """Recipe of a whole and undamaged part; None for anything else."""
    try:
        attributes = read_json(folder / "zarr.json").get("attributes", {})
    except UserError:
        return None
    whole = attributes.get("content") == _content(folder)
    return attributes.get("recipe") if whole else None


def _content(folder: Path) -> str:
    """sha256 over the names and bytes of the files below a part's arrays."""
    found = hashlib.sha256()
    for path in sorted(p for p in folder.glob("*/**/*") if p.is_file()):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(bytes.fromhex(checksum(path)))
    return found.hexdigest()


def _replace(store: Path, out: Path) -> None:
    """Put a complete build in its place."""
    flush(store)
    old = out.parent / f".{out.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.replace(old)
    store.replace(out)
    flush(out.parent, below=False)
    shutil.rmtree(old, ignore_errors=True)


def stored_files(store: Place) -> list[Path] | list[Remote]:
    """Files of a store but its manifest, by name; what others leave there hidden is none of it."""
    if isinstance(store, Remote):
        return [path for path in store.files() if _is_stored(path)]
    return sorted(p for p in store.rglob("*") if p.is_file() and _is_stored(p))


def _is_stored(path: Place) -> bool:
    return path.name != MANIFEST and not path.name.startswith(".")


def fingerprint(store: Place) -> str:
    """sha256 over the names and bytes of every file of the store."""
    found, above = hashlib.sha256(), len(str(store)) + 1
    for path in stored_files(store):
        found.update(str(path)[above:].encode())
        digest = checksum(path) if isinstance(path, Path) else checksum_of(path)
        found.update(bytes.fromhex(digest))
    return found.hexdigest()


def verify(store: str | Path) -> int:
    """Compare every byte of a finished store with the fingerprint that it recorded.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    UserError
        A file is missing, changed or too many.
    """
    folder, manifest = read_manifest(store)
    if fingerprint(folder) != manifest["fingerprint"]:
        raise UserError("its files are not those that were written; build it again", folder)
    return len(stored_files(folder))


def read_manifest(store: str | Place, kind: str | None = None) -> tuple[Place, dict[str, Any]]:
    """Folder and manifest of a finished store; ``store`` may be the folder or its manifest.

    A `UserError` for a store of another ``kind`` (sequence, signals, elements, bins), of another
    layout, one that is not finished, or one that was copied without its arrays. A store may lie in
    a bucket (``s3://BUCKET/PATH``).
    """
    path = place(store)
    folder = path.parent if path.name == MANIFEST else path
    manifest = _manifest(folder)
    if manifest is None:
        raise UserError(
            f"not a finished window store: no {MANIFEST} (was its build cut off?)", folder
        )
    if manifest.get("layout") != LAYOUT:
        found = manifest.get("layout", 1)
        raise UserError(f"layout {found}, this gexpipe reads {LAYOUT}: build it again", folder)
    if kind is not None and manifest.get("kind") != kind:
        raise UserError(f"a store of {manifest.get('kind')}, expected one of {kind}", folder)
    _check_whole(folder, manifest)
    if isinstance(folder, Remote):
        folder = replace(folder, version=manifest["fingerprint"])
    return folder, manifest


def _manifest(folder: Place) -> dict[str, Any] | None:
    path = folder / MANIFEST
    if isinstance(path, Path):
        return read_json(path) if path.exists() else None
    return json.loads(path.read()) if path.size() is not None else None


def _check_whole(folder: Place, manifest: dict[str, Any]) -> None:
    """Raise a `UserError` for a manifest without the arrays that it speaks of."""
    stored = stored_files(folder)
    known, found, what = manifest.get("files"), len(stored), "files"
    if known is None:  # of an earlier version
        groups = [*(manifest.get("arrays") or manifest.get("chromosomes", []))]
        within = {str(path)[len(str(folder)) + 1 :].partition("/")[0] for path in stored}
        known, found, what = len(groups), len(within.intersection(groups)), "groups"
    if found < known:
        raise UserError(
            f"{known - found} of its {known} {what} are missing (copied or stored in part?): build "
            "it again, or fetch all of it",
            folder,
        )
