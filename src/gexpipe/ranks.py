"""Several processes that share the batches of one run: started, watched and ended together.

The first process of a command is their parent: it holds the devices and trains nothing. Each child
runs the same command with its number, its rank, in the environment, which is how Fabric knows it.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

from gexpipe import log
from gexpipe.errors import UserError

__all__ = ["LOST", "count", "join", "lost", "rank", "run_ranks", "say"]

COUNT, RANK, SAY = "GEXPIPE_RANKS", "LOCAL_RANK", "GEXPIPE_SAY"
LOST = 75  # exit status of a process whose partner went: that one has said why
POLL, PATIENCE = 0.1, 10.0  # seconds between looks; until those that are ended are killed
_PARTNER = re.compile(r"gloo|NCCL|Connection (closed|reset) by peer", re.I)
_PARENT_DEATH = 1  # Linux's name for prctl


def count() -> int:
    """How many processes share this run; 1 outside of `run_ranks`."""
    return int(os.environ.get(COUNT, "1"))


def rank() -> int:
    """Number of this process among them, from 0; the first one writes and talks."""
    return int(os.environ[RANK]) if COUNT in os.environ else 0


def join() -> bool:
    """Whether this is a child of `run_ranks`; it then ends with the parent, and rank 0 talks."""
    if COUNT not in os.environ:
        return False
    with suppress(OSError, AttributeError):  # not Linux: the parent's signals have to do
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGTERM)
    if rank():
        log.only_warnings()
    return True


def lost(error: BaseException) -> bool:
    """Whether an error only says that another process of this run is gone."""
    kind = type(error)
    said = kind.__module__.startswith("torch.distributed") or bool(_PARTNER.search(str(error)))
    return count() > 1 and isinstance(error, RuntimeError) and said


def say(line: str) -> None:
    """Print the line that says why this process fails; of several, the parent prints the first."""
    if SAY in os.environ:
        os.write(int(os.environ[SAY]), f"{line}\n".encode())
    else:
        print(line, file=sys.stderr)


def run_ranks(processes: int) -> None:
    """Run this command in so many processes, to the end of all; with the first that fails, all end.

    Raises
    ------
    UserError
        A process was killed, or they lost each other.
    SystemExit
        A process failed: with its status, after the line that it had to say.
    """
    port, (read, write) = _free_port(), os.pipe()
    started = [_start(number, processes, port, write) for number in range(processes)]
    os.close(write)
    previous = signal.signal(signal.SIGTERM, _raise_exit)
    try:
        failed = _first_failure(started)
    finally:
        signal.signal(signal.SIGTERM, previous)
        _end(started)
    with os.fdopen(read, encoding="utf-8", errors="replace") as said:
        line = said.readline()
    if failed is not None:
        _fail(*failed, processes, line)


def _start(number: int, processes: int, port: int, mouth: int) -> subprocess.Popen[bytes]:
    """Start this command again, as one of several processes."""
    variables = {COUNT: processes, RANK: number, SAY: mouth, "NODE_RANK": 0, "MASTER_PORT": port}
    return subprocess.Popen(
        [sys.executable, "-m", "gexpipe", *sys.argv[1:]],
        env={**os.environ, **{k: str(v) for k, v in variables.items()}, "MASTER_ADDR": "127.0.0.1"},
        stdin=subprocess.DEVNULL,
        pass_fds=(mouth,),
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _first_failure(started: list[subprocess.Popen[bytes]]) -> tuple[int, int] | None:
    """Wait for all, or for one that fails: its number and status.

    One that only lost its partner is not yet the answer: that one ends in a moment.
    """
    lost_since: float | None = None
    while True:
        states = [process.poll() for process in started]
        failed = [(number, state) for number, state in enumerate(states) if state]
        causes = [pair for pair in failed if pair[1] != LOST]
        if failed and lost_since is None:
            lost_since = time.monotonic()
        if causes or (lost_since is not None and time.monotonic() - lost_since > PATIENCE):
            return (causes or failed)[0]
        if all(state == 0 for state in states):
            return None
        time.sleep(POLL)


def _fail(number: int, state: int, processes: int, line: str) -> None:
    """Say why the run failed: what a process said, or what became of it."""
    if line:
        print(line, end="", file=sys.stderr)
        raise SystemExit(state if state > 0 else 1)
    again = "run it again, it continues from last.ckpt"
    if state == LOST:
        raise UserError(f"its processes lost each other: {again}", "training")
    if state < 0:
        ended = f"{signal.Signals(-state).name}, for lack of memory perhaps"
        raise UserError(
            f"process {number + 1} of {processes} was ended by {ended}: {again}", "training"
        )
    raise SystemExit(state)


def _raise_exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """End what still runs, first politely."""
    for process in started:
        process.terminate()
    until = time.monotonic() + PATIENCE
    for process in started:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
