"""GPUs are held by one process at a time: real processes, devices that exist by name only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gexpipe import devices
from gexpipe.errors import UserError

# Take devices, say which on one line, keep them until standard input closes.
HOLDER = """
import os, sys
from gexpipe.devices import hold
with hold(int(sys.argv[1])) as taken:
    print(",".join(taken), os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    sys.stdin.read()
"""


class Machine:
    """Starts processes that see the devices 7 and 8, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(self, count: int = 1, **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "7,8", **variables}
        environment["GEXPIPE_LOCKS"] = str(self.folder)
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.started.append(process)
        return process

    @staticmethod
    def taken(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().split()[0]

    @staticmethod
    def waits(process: subprocess.Popen[str]) -> bool:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        time.sleep(3 * devices.POLL)
        silent = not process.stdout.readline()
        os.set_blocking(process.stdout.fileno(), True)
        return silent and process.poll() is None


@pytest.fixture
def machine(tmp_path: Path):
    machine = Machine(tmp_path / "locks")
    yield machine
    for process in machine.started:
        process.kill()
        process.wait()


def test_each_process_gets_its_own_device_and_the_third_waits(machine: Machine) -> None:
    first, second = machine.start(), machine.start()
    assert {machine.taken(first), machine.taken(second)} == {"7", "8"}
    third = machine.start()
    assert machine.waits(third)
    os.kill(first.pid, signal.SIGTERM)
    assert machine.taken(third) in ("7", "8")


def test_a_killed_process_gives_its_device_back(machine: Machine) -> None:
    both = machine.start(2)
    assert machine.taken(both) == "7,8"
    waiting = machine.start()
    assert machine.waits(waiting)
    os.kill(both.pid, signal.SIGKILL)
    assert machine.taken(waiting) == "7"


def test_sharing_is_asked_for(machine: Machine) -> None:
    started = [machine.start(GEXPIPE_JOBS_PER_GPU="2") for _ in range(4)]
    assert sorted(machine.taken(process) for process in started) == ["7", "7", "8", "8"]


def test_jobs_of_a_scheduler_are_kept_apart_by_it_not_by_us(machine: Machine) -> None:
    one = machine.start(2, SLURM_JOB_ID="1")
    other = machine.start(2, SLURM_JOB_ID="2")
    assert machine.taken(one) == machine.taken(other) == "7,8"
    within = machine.start(1, SLURM_JOB_ID="2")
    assert machine.waits(within)


def test_ranks_of_one_run_share_its_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXPIPE_LOCKS", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8")
    with devices.hold(2) as taken:
        assert taken == ["7", "8"]
        with devices.hold(2) as again:  # as a process started with this environment does
            assert again == []
    assert devices.HELD not in os.environ


def test_nothing_is_taken_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with devices.hold() as taken:
        assert taken == []
    assert devices.slots() == os.cpu_count()


def test_slots_count_devices_and_sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8,-1,9")  # CUDA stops reading at -1
    assert devices.slots() == 2
    monkeypatch.setenv("GEXPIPE_JOBS_PER_GPU", "3")
    assert devices.slots() == 6


@pytest.mark.parametrize("value", ["0", "two", "-1"])
def test_bad_sharing_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GEXPIPE_JOBS_PER_GPU", value)
    with pytest.raises(UserError, match="expected an integer >= 1"):
        devices.shared()


def test_more_devices_than_there_are_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXPIPE_LOCKS", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8")
    with pytest.raises(UserError, match="3 GPUs asked for, 2 visible"), devices.hold(3):
        pass


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_no_plain_file_in_the_place_of_a_lock_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The folder is open to all users: a pipe would be waited for, a link followed."""
    monkeypatch.setenv("GEXPIPE_LOCKS", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    place = tmp_path / "7.0"
    os.mkfifo(place) if kind == "pipe" else place.symlink_to(tmp_path / "elsewhere")
    expected = r"7\.0: not a plain file: remove it" if kind == "pipe" else "symbolic links"
    with pytest.raises((UserError, OSError), match=expected), devices.hold():
        pass
    assert not (tmp_path / "elsewhere").exists()
