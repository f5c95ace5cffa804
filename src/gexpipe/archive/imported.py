"""An archive, verified and put into a project."""

from __future__ import annotations

import shutil
from pathlib import Path

from gexpipe.archive.folder import read_record, unpacked, verify
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.log import get_logger
from gexpipe.prepared import DEFAULT, RECORD, SUMS

__all__ = ["import_archive", "start_project"]

logger = get_logger(__name__)

MODELS = "models"


def import_archive(source: Path, project: Path) -> Path:
    """Verify an archive and keep it in a project; nothing is kept of a damaged one.

    Parameters
    ----------
    source : Path
        Folder, .zip or .tar that `gexpipe export` wrote.
    project : Path
        Working directory. Prepared data become ``prepared``, which rules link their outputs from; a
        model becomes ``models/NAME`` with its checkpoint.

    Returns
    -------
    Path
        Where it lies now.
    """
    waiting = project / ".importing"
    shutil.rmtree(waiting, ignore_errors=True)
    try:
        with unpacked(source, waiting) as folder:
            files = verify(folder, source)
            record = read_record(folder)
            out = _place_of(record, source, project)
            if out.exists():
                return _same(folder, out)
            if record["kind"] == "model":
                from gexpipe.archive.model import rebuild_checkpoint

                rebuild_checkpoint(folder)
        out.parent.mkdir(parents=True, exist_ok=True)
        waiting.rename(out)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    logger.info("%s: all %d checksums agree", source, files)
    return out


def _place_of(record: dict, source: Path, project: Path) -> Path:
    kind = record.get("kind")
    if kind == "prepared":
        return project / DEFAULT
    if kind == "model":
        name = source.name.removesuffix(".zip").removesuffix(".tar")
        return project / MODELS / name
    if kind == "plain":
        raise UserError(
            f"plain {record.get('form')} arrays, for other programs; a project needs what `gexpipe "
            "export prepared` writes",
            source,
        )
    raise UserError(f"an archive of kind {kind!r}, expected prepared or model", source / RECORD)


def _same(folder: Path, out: Path) -> Path:
    """The archive that is there already, if it is the same one."""
    there = out / SUMS
    if there.is_file() and there.read_bytes() == (folder / SUMS).read_bytes():
        logger.info("%s: this archive is there already", out)
        return out
    raise UserError("another archive is there; remove it, or import into another folder", out)


def start_project(archive: Path, project: Path, workflow: Path, snakefile: str) -> bool:
    """Write a project that uses an imported archive with its configuration; False where one is."""
    if (project / "Snakefile").exists() or (project / "config/config.yaml").exists():
        return False
    shutil.copytree(archive / "config", project / "config", dirs_exist_ok=True)
    shutil.copytree(workflow / "profiles/default", project / "profiles/default", dirs_exist_ok=True)
    with aside(project / "Snakefile") as temporary:
        temporary.write_text(snakefile, encoding="utf-8")
    return True
