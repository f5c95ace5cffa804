"""Killed workers, lack of memory, small shared memory, writers side by side: one line, no wait."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gexpipe.files import aside
from tests.conftest import ROOT

# A command of gexpipe that does what a test says, with the entry point's own handling of errors.
COMMAND = """
import os, signal, sys, time
import numpy as np, pyarrow as pa, torch
from pathlib import Path
from gexpipe import log
from gexpipe.cli import main as cli
from gexpipe.data import batches as module
from gexpipe.data.batches import batches
from gexpipe.errors import UserError

class Data:
    def batch(self, rows, draw=None):
        {batch}
        return torch.zeros(4, 2_000_000)

def command(**_):
    {body}
    print("done")

log.setup(verbose=False)
cli.main = command
cli.run()
"""
READ = "print(sum(len(b) for b in batches(Data(), [np.arange(4)] * 8, range(8), 2)))"


def run(
    body: str, batch: str = "pass", before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    script = COMMAND.format(body=body, batch=batch)
    return subprocess.run(
        [*before, sys.executable, "-c", script],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What the command says, which ends as for bad input."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("gexpipe")]
    assert len(lines) == 1
    assert "Traceback" not in lines[0]
    return lines[0]


def test_a_killed_reader_of_batches_is_one_line():
    said = one_line(run(READ, "os.kill(os.getpid(), signal.SIGKILL)"))
    assert "a process that reads batches was killed" in said
    assert "train.workers: 0" in said


def test_a_killed_reader_is_seen_although_its_signal_is_lost():
    """As when it comes while a module is imported that lets no error through."""
    deaf = "read = batches(Data(), [np.arange(4)] * 8, range(8), 2); "
    deaf += "signal.signal(signal.SIGCHLD, signal.SIG_DFL); sum(len(b) for b in read)"
    said = one_line(run(deaf, "os.kill(os.getpid(), signal.SIGKILL)"))
    assert "a process that reads batches was killed" in said


def test_a_slow_reader_is_waited_for():
    done = run(f"module.LOOK = 0.2; {READ}", "time.sleep(0.5)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["32", "done"]


def test_what_a_reader_finds_wrong_is_its_own_line():
    said = one_line(run(READ, "raise UserError('chunk 3 is damaged', 'a.zarr')"))
    assert said == "gexpipe: error: a.zarr: chunk 3 is damaged"


@pytest.mark.parametrize(
    "body",
    [
        "np.zeros(1 << 58)",
        "torch.empty(1 << 58)",
        "pa.allocate_buffer(1 << 60)",
        "raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 20 MiB.')",
        "raise RuntimeError('cublas: CUBLAS_STATUS_ALLOC_FAILED') from ValueError()",
    ],
)
def test_lack_of_memory_is_one_line(body):
    assert "not enough memory" in one_line(run(body))


def test_lack_of_memory_of_a_reader_is_one_line():
    assert "not enough memory" in one_line(run(READ, "np.zeros(1 << 58)"))


def test_a_killed_builder_of_parts_is_one_line():
    pool = "from concurrent.futures import process; process.ProcessPoolExecutor(1)"
    said = one_line(run(f"{pool}.submit(os._exit, 9).result()"))
    assert "a process was killed that built a part" in said


def test_training_does_not_hang_where_shared_memory_is_64_mb():
    """As in a container of Docker; 8 batches of 32 MB, of which two workers hold several."""
    mounted = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'
    before = ("unshare", "-Urm", "sh", "-c", mounted, "sh")
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    done = run(READ, before=before)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["32", "done"]
    assert "batches come through pipes" in done.stderr


SAME = """
import torch
from gexpipe.data import batches as module
from tests.train.fake import FakeData

data = FakeData()
order = module.BatchOrder(data.split(11, "train"), 4, 1)
found = []
for small in (False, True):
    module.is_small = lambda *_, small=small: small
    found.append(list(module.batches(data, order, range(3), 2)))
for one, other in zip(*found, strict=True):
    assert torch.equal(one.codes, other.codes) and torch.equal(one.signals, other.signals)
    assert one.elements is None and other.elements is None
"""


def test_batches_are_the_same_through_pipes():
    pytest.importorskip("torch")
    # In a process of its own: threads that other tests' libraries started do not outlive a fork.
    done = subprocess.run(
        [sys.executable, "-c", SAME], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


WRITER = """
import sys
from pathlib import Path
from gexpipe import files
files._JUST_MADE = 0.0  # whatever is not locked is swept at once
out, me = Path(sys.argv[1]), sys.argv[2]
for number in range(40):
    with files.aside(out) as temporary:
        if out.suffix:
            temporary.write_text(f"{me} {number}\\n" * 100)
        else:
            temporary.mkdir()
            for name in "abc":
                (temporary / name).write_text(f"{me} {number}\\n" * 100)
"""


@pytest.mark.parametrize("name", ["table.tsv", "folder"])
def test_writers_of_one_output_do_not_race(tmp_path: Path, name: str):
    """Four processes write one file, or folder, over and over: each gets through, one is left."""
    out = tmp_path / name
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(out), me], stderr=subprocess.PIPE)
        for me in "1234"
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said.decode()[-2000:]
    files = [out] if out.suffix else sorted(out.iterdir())
    assert len({path.read_text() for path in files}) == 1
    assert len(files[0].read_text().splitlines()) == 100
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_was_moved_away_by_a_killed_writer_comes_back(tmp_path: Path):
    out, left = tmp_path / "folder", tmp_path / ".folder.x.aside"
    (left / "old0").mkdir(parents=True)
    (left / "old0" / "a").write_text("before")
    os.utime(left, (time.time() - 60,) * 2)
    with pytest.raises(ValueError, match="stop"), aside(out):
        raise ValueError("stop")
    assert (out / "a").read_text() == "before"
    assert not left.exists()
