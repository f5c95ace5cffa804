"""What the terminal says while a run goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gexpipe import log
from gexpipe.tables.progress import Going, Job


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def going(clock: Clock, rules: dict[str, float], runs: dict[str, float] | None = None) -> Going:
    jobs = {n: Job("train", "prism" if n < 3 else "gta-0a1b") for n in range(4)}
    return Going({**jobs, 4: Job("metrics"), 5: Job("table")}, rules, runs or {}, clock)


def test_a_line_when_a_stage_is_done_or_a_minute_has_passed() -> None:
    clock = Clock()
    run = going(clock, {"train": 600.0, "metrics": 30.0, "table": 30.0})
    run.started([0, 1])
    clock.now = 600.0
    line = run.finished(0)
    # Two at a time: job 1 is due, two trainings of 600 s and 60 s are left, two by two.
    assert line == "gexpipe: train 1 of 4 done, 1 of 6 jobs, about 10 min left"
    clock.now = 630.0
    assert run.finished(1) == ""  # half a minute later
    assert run.finished(1) == ""  # and no job counts twice
    run.started([4])
    clock.now = 640.0
    assert run.finished(4).startswith("gexpipe: metrics 1 of 1 done, 3 of 6 jobs, about")
    assert run.finished(99) == ""  # a job without files


def test_what_was_never_run_is_not_in_the_time_left() -> None:
    clock = Clock()
    run = going(clock, {}, {"gta": 7200.0})
    run.started([0, 3])
    clock.now = 300.0
    # Both other trainings of prism take what this one took; two rules are unknown.
    line = run.finished(0)
    # 600 s and 6,900 s, two at a time.
    assert line.endswith("more than 62 min left")
    assert going(Clock(), {}).finished(4) == "gexpipe: metrics 1 of 1 done, 1 of 6 jobs"


SNAKEFILE = """
onstart:
    from gexpipe.tables.progress import follow

    follow(workflow)

rule all:
    input: "joined"

rule part:
    output: "part{n}"
    shell: "touch {output}"

rule joined:
    input: expand("part{n}", n=range(3))
    output: "joined"
    shell: "touch {output}"
"""


@pytest.mark.workflow
def test_a_quiet_run_still_says_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    records = tmp_path / "results/benchmarks/joined"
    records.mkdir(parents=True)
    (records / "all.jsonl").write_text(json.dumps({"s": 360.0}) + "\n")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    first, last = done.stderr.splitlines()  # the first of a stage, and when it is done
    assert first == "gexpipe: part 1 of 3 done, 1 of 4 jobs, about 6 min left"
    assert last == "gexpipe: part 3 of 3 done, 3 of 4 jobs, about 6 min left"


def test_a_log_file_has_lines_and_a_terminal_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in log.progress(range(3), "prism", 3, mininterval=0.0, delay=0.0):
        pass
    said = capsys.readouterr().err
    assert "\r" not in said and said.endswith("\n")
    assert said.splitlines()[-1].startswith("prism: 100% 3/3 [")
    list(log.progress(range(3), "short", 3))
    assert capsys.readouterr().err == ""  # what takes less than half a minute is no line
