"""What the terminal says when a run failed or was refused: why, also where all is quiet."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["failed_jobs", "failed_words", "say_refusals"]

LINES = 12  # of each log
JOBS = 3  # that are shown; later ones often fail for the same reason


def say_refusals(workflow: Any) -> None:
    """With ``--quiet all`` Snakemake ends without a word: say why on standard error.

    A failed job is told of by `failed_words` instead.
    """
    from snakemake.logging import logger

    settings = workflow.output_settings
    silent = any(one.name == "ALL" for one in settings.quiet or ()) and not settings.dryrun
    if silent and not any(isinstance(handler, _Refusals) for handler in logger.handlers):
        logger.addHandler(_Refusals(logging.ERROR))


class _Refusals(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(getattr(record, "event", None), "value", "")
        if event not in ("job_error", "group_error") and record.getMessage():
            sys.stderr.write(f"{record.getMessage()}\n")


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
