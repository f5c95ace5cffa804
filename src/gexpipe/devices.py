"""Which GPUs a process may use: one job to a device, unless sharing was asked for.

Every gexpipe process that computes on a GPU locks one first. A lock is a ``flock`` on a file per
device, which the kernel gives back when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["hold", "refuse_too_many", "slots", "visible"]

log = get_logger(__name__)

# Set by a scheduler inside its jobs. Device numbers may start at 0 in each, so a lock counts within
# the job only: between jobs the scheduler keeps devices apart.
SCHEDULED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
# What this process holds, for the processes it starts: ranks of one run share its devices.
HELD = "GEXPIPE_GPUS_HELD"
POLL, REMIND = 0.5, 60.0  # seconds between tries, and between lines that say so


def visible() -> dict[str, str]:
    """Devices this process may see: what CUDA_VISIBLE_DEVICES calls it -> what it is.

    The identity is the device's UUID where ``nvidia-smi`` tells it, so that a device under its
    index and under its UUID is one. Without CUDA_VISIBLE_DEVICES, every device there is.
    """
    uuids = _uuids()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return uuids
    names: list[str] = []
    for name in (part.strip() for part in given.split(",")):
        if name in ("", "-1", "NoDevFiles"):  # CUDA ignores what stands after it
            break
        names.append(name)
    return {name: uuids.get(name, name) for name in names}


def _uuids() -> dict[str, str]:
    """Index -> UUID of every NVIDIA device; empty where the driver's tool is missing."""
    command = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return {}
    if done.returncode != 0:
        return {}
    pairs = [line.split(",") for line in done.stdout.splitlines() if line.count(",") == 1]
    return {index.strip(): uuid.strip() for index, uuid in pairs}


def shared() -> int:
    """How many jobs may share a device: GEXPIPE_JOBS_PER_GPU, 1 unless asked for more."""
    text = os.environ.get("GEXPIPE_JOBS_PER_GPU", "1")
    if not re.fullmatch(r"[1-9]\d*", text):
        raise UserError(f"found {text!r}, expected an integer >= 1", "GEXPIPE_JOBS_PER_GPU")
    return int(text)


def slots() -> int:
    """GPU jobs that may run at a time here; one per core where there is no GPU."""
    return len(visible()) * shared() or os.cpu_count() or 1


def refuse_too_many(count: int, where: str) -> None:
    """Raise a `UserError` when more devices are asked for than are visible; none at all is fine.

    Without a GPU a training runs on the CPU, in one process.
    """
    devices = visible()
    if devices and count > len(devices):
        found = f"{len(devices)} visible ({', '.join(devices)})"
        raise UserError(f"{count} GPUs asked for, {found}", where)


@contextmanager
def hold(count: int = 1) -> Iterator[list[str]]:
    """Take ``count`` free devices for this process, waiting for them; set CUDA_VISIBLE_DEVICES.

    Call it before CUDA is initialised. Nothing is taken, and an empty list given, where no device
    is visible, or where the process that started this one holds them for it.

    Raises
    ------
    UserError
        More devices are asked for than are visible.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    inherited = given is not None and os.environ.get(HELD) == given
    devices = {} if inherited else visible()
    if not devices:
        yield []
        return
    refuse_too_many(count, "--devices")
    handles: list[int] = []
    try:
        taken = _wait(devices, count, handles)
        # nvidia-smi counts by bus; CUDA by speed unless it is told.
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ[HELD] = ",".join(taken)
        log.info("GPU %s is held by this process", ", ".join(taken))
        yield taken
    finally:
        _release(handles)
        os.environ.pop(HELD, None)


def _wait(devices: dict[str, str], count: int, handles: list[int]) -> list[str]:
    """Names of ``count`` devices whose locks this process got; all or none are kept."""
    reminded = -REMIND
    while True:
        taken = [name for name, identity in devices.items() if _take(identity, handles, count)]
        if len(taken) == count:
            return taken
        _release(handles)
        if time.monotonic() - reminded >= REMIND:
            log.info("waiting for %d free of the GPUs %s", count, ", ".join(devices))
            reminded = time.monotonic()
        time.sleep(POLL)


def _take(identity: str, handles: list[int], count: int) -> bool:
    """Lock one slot of a device, unless ``count`` are locked already."""
    if len(handles) == count:
        return False
    job = next((f"{os.environ[name]}." for name in SCHEDULED if name in os.environ), "")
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", job + identity)
    for slot in range(shared()):
        handle = _open(_folder() / f"{stem}.{slot}")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        handles.append(handle)
        return True
    return False


def _release(handles: list[int]) -> None:
    while handles:
        os.close(handles.pop())


def _folder() -> Path:
    """Folder of the lock files, one for all users of this machine."""
    folder = Path(os.environ.get("GEXPIPE_LOCKS", "/tmp/gexpipe-gpus"))
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # another user made it at this moment
            folder.chmod(0o1777)
    return folder


def _open(path: Path) -> int:
    """Open a lock file, another user's too: reading is enough to lock it.

    In a folder that all may write to, what has its name may be a pipe or a link: neither is waited
    for or followed.
    """
    careful = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        handle = os.open(path, careful)
    except FileNotFoundError:
        handle = os.open(path, careful | os.O_CREAT, 0o644)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UserError("not a plain file: remove it, it stands in the place of a lock", path)
    return handle
