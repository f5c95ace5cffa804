"""SIGKILL at random moments of every stage: what looks finished is right, and a second run heals.

The short form kills some stages once; GEXPIPE_FAULTS=long kills all of them, in all ways.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults import stages
from tests.faults.conftest import LONG
from tests.faults.stages import RULES, Stage

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

SHORT = ["signal_store"]
# Parts of a run that is cut off: earlier states of it, from which it goes on.
PROGRESS = ("best.ckpt", "last.ckpt", "history.csv")
TOGETHER = ["contacts", "sequence_store", "train"] if LONG else ["sequence_store"]
WAYS = ["random", "writing", "writing again", "over"] if LONG else ["writing"]


def _writes(stage: Stage, folder: Path) -> bool:
    """Whether a stage has begun to write: something new stands beside one of its outputs."""
    for name in stage.outputs:
        path = folder / name
        if any(path.parent.glob(f".{path.name}.*")) or path.exists():
            return True
        if Path(f"{path}.part").exists():
            return True
    return False


def _kill(stage: Stage, folder: Path, way: str, lasts: float, draw: random.Random) -> bool:
    if not way.startswith("writing"):
        return stages.kill_after(stage, folder, draw.uniform(0.3, 1.0) * lasts)
    process = stages.start(stage, folder)
    until = time.monotonic() + 10 * lasts + 60
    while process.poll() is None and not _writes(stage, folder) and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(draw.uniform(0, 0.05))
    killed = process.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return killed


def _others(stage: Stage, folder: Path) -> dict[str, tuple[int, int]]:
    """Size and date of every file that is not the stage's own."""
    own = [str(folder / name) for name in stage.outputs]
    found = {}
    for top in ("results", "resources", "simulated"):
        for path in (folder / top).rglob("*"):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            mine = any(str(path).startswith(name) for name in own)
            if path.is_file() and not hidden and not mine:
                found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def _age(folder: Path) -> None:
    for path in stages.leftovers(folder):
        os.utime(path, (0, 0))


@pytest.mark.parametrize("rule", list(RULES) if LONG else SHORT)
def test_killed_stage(broken: Path, jobs: dict[str, Stage], rule: str) -> None:
    stage, draw = jobs[rule], random.Random(f"gexpipe {rule}")
    stages.clear(stage, broken)
    lasts = stages.timed(stage, broken)
    whole, others = stages.content(stage, broken), _others(stage, broken)
    assert set(whole) == set(stage.outputs)
    kills = 0
    for way in WAYS:
        if way != "over":
            stages.clear(stage, broken)
        kills += _kill(stage, broken, way, lasts, draw)
        after = stages.content(stage, broken)
        for name, digest in after.items():
            if not name.endswith(PROGRESS):
                assert digest == whole[name], f"{way}: {name} looks finished and is not"
        if way == "over":
            lost = {name for name in whole if name not in after}
            building = list(broken.rglob(".*.building")) + list(broken.rglob(".*.old"))
            assert not lost or building, f"{lost} got lost"
        assert _others(stage, broken) == others, "files of other stages were touched"
        _age(broken)
        status, said = stages.run(stage, broken)
        assert status == 0, f"{way}: {said}"
        assert stages.content(stage, broken) == whole, f"{way}: other bytes than an unbroken run"
        assert stages.leftovers(broken) == []
    print(f"KILLS {rule}: {kills} of {len(WAYS)}, {lasts:.1f} s unbroken")


@pytest.mark.parametrize(
    "rule", ["contacts", "sequence_store", "train"] if LONG else ["sequence_store"]
)
def test_two_at_a_time(broken: Path, jobs: dict[str, Stage], rule: str) -> None:
    """Two processes make one output: each finishes or says why not, and the output is right."""
    stage = jobs[rule]
    stages.timed(stage, broken)
    whole = stages.content(stage, broken)
    stages.clear(stage, broken)
    both = [stages.start(stage, broken), stages.start(stage, broken)]
    said = [process.communicate(timeout=300)[0] for process in both]
    ends = [process.returncode for process in both]
    assert 0 in ends, said
    for status, text in zip(ends, said, strict=True):
        assert status == 0 or "another process is building this store" in text, text
    assert stages.content(stage, broken) == whole
    assert stages.leftovers(broken) == []


def _mount(folder: Path, size: int) -> bool:
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "rule", [r for r in RULES if r not in ("sort_bam", "check")] if LONG else ["contacts"]
)
def test_full_disk(broken: Path, jobs: dict[str, Stage], rule: str) -> None:
    """Outputs go to a file system with half the room they need: one line, and nothing half done."""
    old = jobs[rule]
    stages.timed(old, broken)
    whole = stages.content(old, broken)
    used = sum(
        sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        if path.is_dir() else path.stat().st_size
        for path in (broken / name for name in old.outputs)
    )  # fmt: skip
    command = old.command
    for name in sorted({n.rsplit(".", 1)[0] for n in old.outputs}, key=len, reverse=True):
        option = r"(--(?:out(?:-\w+)?|fasta|sizes) )" if rule == "genome" else r"(--out(?:-\w+)? )"
        command = re.sub(rf"{option}{re.escape(name)}", rf"\1full/{name}", command)
    command = command.replace("full/full/", "full/")
    if rule == "train":
        folder = old.outputs[0].rsplit("/", 1)[0]
        command = command.replace(f"--out {folder}", f"--out full/{folder}")
    stage = Stage(rule, command, [f"full/{name}" for name in old.outputs])
    room = max(4096, used // 2 // 4096 * 4096)
    if not _mount(broken / "full", room):
        pytest.skip("no file system can be mounted here")
    try:
        if used > 3 * 4096:
            status, said = stages.run(stage, broken)
            assert status == 1, said
            assert "Traceback" not in said and said.count("no space left on the disk") == 1, said
            for name, digest in stages.content(stage, broken).items():
                assert digest == whole[name.removeprefix("full/")] or name.endswith(PROGRESS), name
        subprocess.run(["mount", "-o", "remount,size=512m", str(broken / "full")], check=True)
        status, said = stages.run(stage, broken)
        assert status == 0, said
        after = stages.content(stage, broken)
        assert {n.removeprefix("full/"): d for n, d in after.items()} == whole
    finally:
        subprocess.run(["umount", str(broken / "full")], check=True)
