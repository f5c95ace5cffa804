"""What a configuration needs here: portals that answer, files to fetch, room on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path

from gexpipe.doctor.installed import Finding
from gexpipe.doctor.needs import Download, Plan, downloads, open_plan, writes
from gexpipe.doctor.portals import ask, host_of, told_size
from gexpipe.download.fetch import open_client
from gexpipe.download.places import is_web
from gexpipe.methods.backbones import STAND_INS, cached, is_hub_id
from gexpipe.sheets import FileRow

__all__ = ["examine_plan"]

_FETCHED = (
    "fetched from the hub with your own access: accept its licence there and log in (hf auth "
    "login), or give a folder as model.backbone"
)


def examine_plan(workflow: Path, configfiles: Iterable[Path], folder: Path) -> list[Finding]:
    """What a configuration needs at ``folder``: portals, downloads, and room on the disk.

    Parameters
    ----------
    workflow : Path
        Folder of the Snakefile.
    configfiles : iterable of Path
        Laid over its ``config/config.yaml``.
    folder : Path
        Where the run would write.

    Returns
    -------
    list of Finding
        ``failed`` for a portal that is needed and not reachable, and for a disk that is too small.
    """
    plan = open_plan(workflow, configfiles, folder)
    with chdir(folder):
        places, files = _sources(plan)
    fetched = [file for file in files if file.known != "here"]
    told = sum(file.known == "told" for file in fetched)
    detail = (
        f"{len(fetched)} files, {_gb(fetched)}: sizes of {told} known, "
        f"of {len(fetched) - told} estimated"
    )
    detail += f"; {len(files) - len(fetched)} files are here already"
    parts = writes(plan, files)
    parted = ", ".join(f"{name} {size / 1e9:,.2f}" for name, size in parts.items())
    needed = sum(file.size for file in fetched) + sum(parts.values())
    free = shutil.disk_usage(folder).free
    enough = "ok" if free >= needed else "failed"
    return [
        *places,
        *_language_models(plan),
        Finding("to download", "ok", detail),
        Finding("to write", "ok", f"at most {sum(parts.values()) / 1e9:,.2f} GB: {parted}"),
        Finding("room", enough, f"{free / 1e9:,.2f} GB free, {needed / 1e9:,.2f} GB needed"),
    ]


def _language_models(plan: Plan) -> list[Finding]:
    """Where the frozen language model of every GTA is."""
    stand_ins = plan.config["gta"]["stand_ins"] is not None
    found = []
    for method, place in plan.readers.items():
        state, detail = "ok", "a folder"
        with chdir(plan.folder):
            if stand_ins and place.startswith(STAND_INS):
                detail = "made by the workflow (gta.stand_ins)"
            elif is_hub_id(place) and not cached(place):
                state, detail = "absent", f"{_FETCHED}, or leave {method} out of methods"
            elif is_hub_id(place):
                detail = "in the hub's cache here"
            elif not (Path(place) / "config.json").is_file():
                state, detail = "failed", "no such folder with config.json"
        found.append(Finding(f"language model of {method}", state, f"{place}: {detail}"))
    return found


def _gb(files: Iterable[Download]) -> str:
    return f"{sum(file.size for file in files) / 1e9:,.2f} GB"


def _sources(plan: Plan) -> tuple[list[Finding], list[Download]]:
    """Lines about the mirror or the portals that are still needed, and the plan's files."""
    mirror = plan.config["download"]["mirror"]
    waiting = [row for row in plan.rows if not (plan.folder / row.path).is_file()]
    if mirror and not is_web(mirror):
        there = Path(mirror).is_dir()
        detail = f"{mirror}: {'a folder' if there else 'no such folder'}"
        places = [Finding("mirror", "ok" if there else "failed", detail)]
        reached = set()
    else:
        hosts = [mirror] if mirror else [host for row in waiting if (host := host_of(row))]
        answers = ask(hosts)
        places = [Finding(a.host, "ok" if a.reached else "failed", a.detail) for a in answers]
        reached = {answer.host for answer in answers if answer.reached}
    with open_client(plan.config["download"]["addresses"], 5.0) as client:

        def told(row: FileRow) -> int | None:
            host = mirror or host_of(row)
            asked = host is None or not is_web(host) or host in reached
            return told_size(row, mirror, client) if asked else None

        return places, downloads(plan, told)
