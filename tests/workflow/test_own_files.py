"""A user's own file that changes: seen by its bytes, whatever its size and times say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gexpipe.files import checksum
from gexpipe.records import stamp
from tests.project import Project, write_sheets

pytestmark = pytest.mark.workflow

TARGET = "resources/files/own.bed"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "mine.bed").write_text("chr1\t10\t20\n")
    return Project(tmp_path)


def run(project: Project, *arguments: str) -> str:
    sheets = write_sheets(
        project.folder, [["published_table", "path", "own", "bed", "mine.bed", ""]]
    )
    change = {**sheets, "download": {"mirror": None}}
    done = project.run(*arguments, "--cores", "1", "--", TARGET, change=change)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def edited(path: Path) -> None:
    """Other bytes in the same file, its size and time kept."""
    before = path.stat()
    path.write_text("chr1\t11\t21\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def exchanged(path: Path) -> None:
    """Another file of the same size, older than everything, under the same name."""
    other = path.with_name("other.bed")
    other.write_text("chr1\t12\t22\n")
    os.utime(other, (1_000_000_000, 1_000_000_000))
    other.replace(path)


def test_it_is_taken_again_when_its_bytes_are_others(project: Project) -> None:
    times = (project.folder / "mine.bed").stat().st_mtime_ns
    run(project)
    assert (project.folder / "mine.bed").stat().st_mtime_ns == times, "a user's file stays as it is"
    mine, kept = project.folder / "mine.bed", project.folder / TARGET
    for change in (edited, exchanged):
        change(mine)
        assert "Nothing to be done" not in run(project)
        assert kept.read_bytes() == mine.read_bytes()
        record = json.loads(kept.with_name("own.bed.json").read_text())
        assert record["sha256"] == checksum(mine)
    known = json.loads(kept.with_name("own.bed.json").read_text())["origin"]
    assert known["stamp"] == stamp(mine), "or every dry run would read the whole file"
    os.utime(mine)
    assert "Nothing to be done" in run(project), "only its time is another one"
