"""CPU time and peak memory of a function in a process of its own, and tables of ratios."""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate


@dataclass(frozen=True)
class Cost:
    """What one call cost.

    Attributes
    ----------
    cpu : float
        User and system time of the call, s.
    memory : float
        Peak resident memory above what imports and the warm-up took, MB.
    result : object
        What the function returned: compare it with that of the other way.
    whole : float
        Peak resident memory of the process, MB.
    """

    cpu: float
    memory: float
    result: Any
    whole: float = 0.0


def _peak(reset: bool = False) -> float:
    """Peak resident memory in MB, from now on with ``reset``.

    getrusage would do, but what it tells begins with the memory of the parent process.
    """
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _child(pipe: Any, function: Callable[..., Any], arguments: tuple, warm_up: tuple) -> None:
    if warm_up:
        function(*warm_up)
    before = _peak(reset=True)
    start = time.process_time()
    result = function(*arguments)
    cpu = time.process_time() - start
    whole = _peak()
    pipe.send(Cost(cpu, whole - before, result, whole))


def measure(function: Callable[..., Any], *arguments: Any, warm_up: tuple = ()) -> Cost:
    """Call a module-level function in a fresh process.

    ``warm_up`` are arguments of a small call before it, so that compilation is not counted.
    """
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(send, function, arguments, warm_up))
    process.start()
    send.close()
    try:
        return receive.recv()
    finally:
        process.join()


def size_parser(description: str, sizes: Iterable[str]) -> argparse.ArgumentParser:
    """A command line that names some of ``sizes``; none means all."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", action="append", choices=[*sizes], help="repeat; default: all")
    return parser


def chosen_sizes(description: str, sizes: Iterable[str]) -> list[str]:
    """Those of ``sizes`` that the command line names; all by default."""
    return size_parser(description, sizes).parse_args().size or [*sizes]


def row(size: str, what: str, plain: Cost, ours: Cost) -> list[Any]:
    """One line of `table`."""
    memory = plain.memory / max(ours.memory, 1.0)
    ratio = plain.cpu / ours.cpu
    return [size, what, plain.cpu, ours.cpu, ratio, plain.memory, ours.memory, memory]


def table(rows: list[list[Any]]) -> str:
    """Markdown: CPU seconds and peak MB of the plain way and ours, and their ratios."""
    names = ["size", "step", "plain s", "ours s", "ratio", "plain MB", "ours MB", "ratio"]
    return tabulate(rows, headers=names, tablefmt="github", floatfmt=".3g")
