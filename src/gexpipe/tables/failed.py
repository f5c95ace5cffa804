"""What the terminal says when a run failed: which jobs, and the last lines of their logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["failed_jobs", "failed_words"]

LINES = 12  # of each log
JOBS = 3  # that are shown; later ones often fail for the same reason


def failed_jobs(workflow: Any) -> list[tuple[str, list[Path]]]:
    """Rules and logs of the jobs that failed for good; none where no job was run.

    Snakemake's scheduler is asked: with ``--quiet all`` its own log holds nothing.
    """
    jobs = getattr(getattr(workflow, "scheduler", None), "failed", ())
    return [(str(job.name), [Path(path) for path in getattr(job, "log", ())]) for job in jobs]


def failed_words(jobs: Sequence[tuple[str, Sequence[Path]]]) -> list[str]:
    """The ends of the logs of failed jobs, (rule, its logs); empty where none failed."""
    words: list[str] = []
    for rule, paths in jobs[:JOBS]:
        for path in paths:
            words.append(f"gexpipe: {rule} failed. The end of its log, {path}:")
            words += [f"  {line}" for line in _end(path)]
    if jobs:
        more = f" ({len(jobs)} jobs failed)" if len(jobs) > JOBS else ""
        words.append(f"gexpipe: once this is mended, the same command goes on from here.{more}")
    return words


def _end(path: Path) -> list[str]:
    if not path.is_file():
        return ["(there is none)"]
    text = path.read_bytes().decode(errors="replace").rstrip()
    # A progress bar writes over its line; only the last state of it is read.
    return [line.rpartition("\r")[2] for line in text.split("\n")[-LINES:]]
