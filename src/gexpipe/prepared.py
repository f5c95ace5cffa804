"""An imported archive of prepared data: what it holds, and whether a configuration may use it.

A project that has one links its files instead of making them. What they were made with is compared
with the configuration, so that no value is changed without effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gexpipe.errors import UserError
from gexpipe.files import read_json, require
from gexpipe.log import get_logger
from gexpipe.sheets import FileRow, Sheets

__all__ = [
    "DEFAULT",
    "LATER",
    "RECORD",
    "SUMS",
    "Prepared",
    "check_prepared",
    "made_with",
    "open_prepared",
    "read_sums",
]

logger = get_logger(__name__)

RECORD = "archive.json"  # what an archive says of itself
DEFAULT = "prepared"  # folder of a project, where the configuration names no other
SUMS = "SHA256SUMS"  # of every other file of it, as `sha256sum --check` reads it
# Sections of the configuration that decide what is prepared, without the keys that do not.
_SECTIONS = ("reference", "genes", "target", "targets", "peaks", "abc", "contact", "windows",
             "elements", "gta")  # fmt: skip
_WITHOUT = {"reference": {"files"}, "peaks": {"expected"}, "abc": {"threshold"}}
# Rows that nothing before training reads.
LATER = ("crispr", "published_table", "held_out", "individuals")


@dataclass(frozen=True)
class Prepared:
    """Prepared data in a folder.

    Attributes
    ----------
    folder : Path
        Where the archive was unpacked.
    record : mapping
        Its ``archive.json``.
    """

    folder: Path
    record: Mapping[str, Any]

    @property
    def cells(self) -> list[str]:
        """Cell types that it holds."""
        return list(self.record["cells"])

    @property
    def offers(self) -> list[str]:
        """Files that stand in the place of the workflow's own, as rules name them."""
        return list(self.record["offers"])

    @cached_property
    def sums(self) -> dict[str, str]:
        """File, as it lies in the folder -> sha256."""
        return read_sums(self.folder)

    def source(self, path: str) -> str:
        """Where an offered file lies."""
        return str(self.folder / path)


def read_sums(folder: Path) -> dict[str, str]:
    """File -> sha256, from the list of checksums of an archive."""
    path = require(folder / SUMS, "list of checksums")
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise UserError(f"found {line[:40]!r}, expected SHA256  FILE", f"{path}, row {number}")
        found[name] = digest
    return found


def open_prepared(folder: str | Path | None) -> Prepared | None:
    """The prepared data of a project; None without a name, and where nothing was imported.

    Raises
    ------
    UserError
        The folder is no archive of prepared data; a name of one's own that is not there.
    """
    if folder is None:
        return None
    sealed = any((Path(folder) / name).exists() for name in (RECORD, SUMS))
    if str(folder) == DEFAULT and not sealed:  # nothing was imported
        return None
    if not Path(folder).exists():
        raise UserError(f"no such folder: {folder}", "config: prepared")
    record = read_json(require(Path(folder) / RECORD, "archive of prepared data"))
    if not isinstance(record, dict) or record.get("kind") != "prepared":
        found = record.get("kind") if isinstance(record, dict) else "no record"
        raise UserError(f"an archive of kind {found!r}, expected prepared data", folder)
    return Prepared(Path(folder), record)


def made_with(config: Mapping[str, Any], sheets: Sheets, cells: Iterable[str]) -> dict[str, Any]:
    """What decides the prepared data of some cell types: settings, and rows of the sheets."""
    wanted = list(cells)
    settings = {
        name: {k: v for k, v in config[name].items() if k not in _WITHOUT.get(name, ())}
        for name in _SECTIONS
    }
    own = settings["target"].get("cells", {})
    settings["target"]["cells"] = {cell: own[cell] for cell in wanted if cell in own}
    rows = [row for row in sheets.rows_of(wanted) if row.role not in LATER]
    return {
        "settings": settings,
        "files": {
            cell: sorted(_row(row) for row in rows if row.cell == cell) for cell in ["", *wanted]
        },
    }


def _row(row: FileRow) -> str:
    """A row in words that are the same on every machine: a path of one's own is not."""
    place = row.url if row.source in ("url", "zenodo") else ""
    words = (row.role, row.source, row.accession, row.format, place, row.assembly)
    return " ".join(word for word in words if word)


def check_prepared(prepared: Prepared, config: Mapping[str, Any], sheets: Sheets) -> None:
    """Refuse an archive that was made with other settings, or from other files.

    Raises
    ------
    UserError
        The first key, or row of the sheets, that is another one here.
    """
    shared = [cell for cell in prepared.cells if cell in config["cells"]]
    here, there = made_with(config, sheets, shared), prepared.record["made_with"]
    _leave_unknown(here["settings"], there["settings"], prepared.folder)
    for name, found, made in _differences(here["settings"], _of_cells(there, shared), ""):
        raise UserError(
            f"{name} is {found!r}; the prepared data in {prepared.folder} were made with {made!r}: "
            "change it back, or name no such folder (prepared: null)",
            "config",
        )
    for cell in ["", *shared]:
        made, found = set(there["files"][cell]), set(here["files"][cell])
        # Of a further reference row nothing here was made; a changed one is missing, too.
        for row in sorted(made - found) or (sorted(found - made) if cell else []):
            _refuse_row(cell, row, row in made, prepared.folder, sheets)


def _leave_unknown(here: dict[str, Any], there: Mapping[str, Any], folder: Path) -> None:
    """Drop keys that the gexpipe which made an archive did not have: nothing is known of them."""
    for section in here:
        unknown = [key for key in here[section] if key not in there.get(section, {})]
        for key in unknown if section != "targets" else ():
            logger.warning(
                "%s: made before there was %s.%s, which changes nothing", folder, section, key
            )
            del here[section][key]


def _of_cells(there: Mapping[str, Any], cells: list[str]) -> dict[str, Any]:
    settings = {name: dict(values) for name, values in there["settings"].items()}
    own = settings["target"].get("cells", {})
    settings["target"]["cells"] = {cell: own[cell] for cell in cells if cell in own}
    return settings


def _differences(here: Any, there: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Keys whose values differ; a further target is none of the archive's."""
    if not (isinstance(here, Mapping) and isinstance(there, Mapping)):
        if here != there:
            yield name, here, there
        return
    keys = there.keys() if name == "targets" else here.keys() | there.keys()
    for key in sorted(keys):
        yield from _differences(here.get(key), there.get(key), f"{name}.{key}".lstrip("."))


def _refuse_row(cell: str, row: str, made: bool, folder: Path, sheets: Sheets) -> None:
    what = "made from it, and it does not stand here" if made else "made without it"
    raise UserError(
        f"{f'{cell} ' if cell else ''}{row}: the prepared data in {folder} were {what}: change the "
        "sheet back, or name no such folder (prepared: null)",
        sheets.names["files" if cell else "reference"],
    )
