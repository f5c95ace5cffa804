"""Mistakes on the command line are usage lines with exit status 2, never a fault of the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from gexpipe.cli import main as command_line


def gexpipe(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gexpipe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("abc scores --elements x --bogus 1", "--bogus"),
        ("abc scores", "--elements"),
        ("contacts rows --resolution 5kb", "--resolution"),
        ("download --source path --on-archived perhaps", "--on-archived"),
        ("peaks call --expected 5", "--expected"),
        ("bogus", "bogus"),
        ("--bogus", "--bogus"),
        ("--debug abc scores", "--elements"),
    ],
)
def test_a_mistake_is_a_usage_line_with_the_option(line: str, named: str) -> None:
    done = gexpipe(*line.split())
    assert done.returncode == 2
    assert done.stderr.startswith(("Usage: gexpipe", "Error: "))
    assert named in done.stderr.splitlines()[-1]
    assert len(done.stderr.splitlines()) <= 5
    assert "Traceback" not in done.stderr and "fault of gexpipe" not in done.stderr


def test_a_word_for_the_genome_size_is_one_line(tmp_path: Path) -> None:
    reads = tmp_path / "reads.tagAlign"
    reads.write_text("chr1\t100\t136\tN\t0\t+\n")
    out = str(tmp_path / "peaks.narrowPeak")
    for size in ("hs", "0", "2.7e9"):
        done = gexpipe("peaks", "call", "--bam", str(reads), "--out", out, "--genome-size", size)
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert f"--genome-size: {size!r} is neither" in line


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (typer.Exit(3), 3, ""),
        (typer.Exit(), 0, ""),
        (typer.Abort(), 130, "gexpipe: stopped\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.BadParameter("no such fold"), 2, "Error: Invalid value: no such fold\n"),
        (RuntimeError("odd"), 70, "gexpipe: RuntimeError: odd (this is a fault of gexpipe"),
    ],
)
def test_how_a_command_ends_is_its_exit_status(
    raised: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = typer.Typer(add_completion=False)

    @app.command()
    def stop() -> None:
        raise raised

    monkeypatch.setattr(command_line, "get_command", lambda _: typer.main.get_command(app))
    monkeypatch.setattr(sys, "argv", ["gexpipe", "models"])
    with pytest.raises(SystemExit) as end:
        command_line.run()
    assert (end.value.code or 0) == status
    assert said in capsys.readouterr().err
