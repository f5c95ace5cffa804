"""What the terminal says while a run goes on: a line a stage, with counts and the time left."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gexpipe.tables.cost import recorded_by_rule, recorded_seconds

__all__ = ["Going", "Job", "follow"]

EVERY = 60.0  # seconds between lines of a stage that is not done


@dataclass(frozen=True)
class Job:
    """A job of the run: its rule, and the run that it trains where it is one."""

    rule: str
    run: str = ""


@dataclass
class Going:
    """How far a run is.

    Attributes
    ----------
    jobs : mapping
        Number of a job -> what it is; those that make files.
    rules, runs : dict of float
        Seconds that jobs of a rule, and trainings of a run, took before.
    now : callable
        The clock, s.
    """

    jobs: Mapping[int, Job]
    rules: dict[str, float]
    runs: dict[str, float]
    now: Callable[[], float] = time.monotonic
    _began: dict[int, float] = field(default_factory=dict)
    _took: dict[int, float] = field(default_factory=dict)
    _first: float = float("inf")
    _said: float = float("-inf")

    def started(self, numbers: Iterable[int]) -> None:
        """Some jobs begin."""
        self._first = min(self._first, self.now())
        self._began.update(dict.fromkeys((n for n in numbers if n in self.jobs), self.now()))

    def finished(self, number: int) -> str:
        """A job is done: the line to show, or nothing."""
        if number not in self.jobs or number in self._took:
            return ""
        now, rule = self.now(), self.jobs[number].rule
        self._took[number] = now - self._began.get(number, now)
        total = Counter(job.rule for job in self.jobs.values())[rule]
        done = sum(self.jobs[n].rule == rule for n in self._took)
        if len(self._took) == len(self.jobs) or (done < total and now - self._said < EVERY):
            return ""
        self._said = now
        return (
            f"gexpipe: {rule} {done} of {total} done, "
            f"{len(self._took)} of {len(self.jobs)} jobs{self._left()}"
        )

    def _left(self) -> str:
        """The time left, as many jobs at a time as so far; what was never run is not in it."""
        now = self.now()
        own: dict[Job, list[float]] = {}
        by_rule: dict[str, list[float]] = {}
        for number, took in self._took.items():
            own.setdefault(self.jobs[number], []).append(took)
            by_rule.setdefault(self.jobs[number].rule, []).append(took)
        # What was measured in this run counts before what earlier ones took.
        rules = self.rules | {rule: sum(s) / len(s) for rule, s in by_rule.items()}
        left, unknown = 0.0, False
        for number, job in self.jobs.items():
            if number in self._took:
                continue
            plain = self.runs.get(job.run, self.runs.get(job.run.split("-")[0]))
            expected = sum(own[job]) / len(own[job]) if job.run and job in own else plain
            expected = rules.get(job.rule) if expected is None else expected
            if expected is None:
                unknown = True
            else:
                left += max(0.0, expected - (now - self._began.get(number, now)))
        running = [now - begun for n, begun in self._began.items() if n not in self._took]
        worked, passed = sum(self._took.values()) + sum(running), now - self._first
        seconds = left / max(1.0, worked / passed if passed > 0 else 1.0)
        if not seconds:
            return ""
        minutes = max(1, round(seconds / 60))
        words = f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
        return f", {'more than' if unknown else 'about'} {words} left"


def follow(workflow: Any, results: Path = Path("results")) -> None:
    """Say how a run of Snakemake goes on, on standard error; for ``onstart`` of any Snakefile.

    The events of Snakemake's log are read, which exist with ``--quiet all`` too; ``--quiet
    progress`` asks for none.
    """
    from snakemake.logging import logger

    # What has no output, such as the rule `all`, is no work.
    needed = [job for job in workflow.dag.needrun_jobs() if job.output]
    jobs = {job.jobid: Job(job.rule.name, getattr(job.wildcards, "method", "")) for job in needed}
    records = results / "benchmarks"
    going = Going(jobs, recorded_by_rule(records), recorded_seconds(records / "train"))
    logger.addHandler(_Lines(going))


class _Lines(logging.Handler):
    def __init__(self, going: Going) -> None:
        super().__init__()
        self._going = going

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = getattr(getattr(record, "event", None), "value", "")
            if event == "job_started":
                self._going.started(record.__dict__["jobs"])
            elif event == "job_finished":
                line = self._going.finished(record.__dict__["job_id"])
                if line:
                    sys.stderr.write(f"{line}\n")
        except Exception:  # a line less is no reason to stop a run
            self.handleError(record)
