"""Commands of the workflow's rules on the tiny configuration, to be broken one by one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.project import Project

# Rules whose commands are broken, one job of each, in the order of the stages.
RULES = {
    "download": r"--out resources/files/\S+\.bam",
    "genome": "",
    "genes": "",
    "mrna": "",
    "check": "SIM1",
    "target": "SIM1",
    "sort_bam": "ENCFF902SIM",
    "peaks": "SIM1",
    "contacts": "SIM1",
    "candidates": "SIM1",
    "activity": "SIM1",
    "scores": "SIM1",
    "elements": "SIM1",
    "examples": "SIM1",
    "sequence_store": "",
    "signal_store": "SIM1",
    "element_store": "SIM1",
    "train": "SIM1/macs3",
    "baseline": "SIM1",
    "shuffled": "SIM1/macs3",
    "metrics": r"--out results/metrics/table1\.tsv",
    "table": "table1",
    "scatter": "SIM1/macs3",
}
# First words of a rule's command.
_BEGINS = {
    "genome": "reference genome", "genes": "reference genes", "mrna": "reference mrna",
    "target": "reference target", "examples": "reference examples", "sort_bam": "peaks sort",
    "peaks": "peaks call", "contacts": "contacts rows", "candidates": "abc candidates",
    "activity": "abc activity", "scores": "abc scores", "elements": "abc elements",
    "sequence_store": "windows sequence", "signal_store": "windows signals",
    "element_store": "windows elements", "baseline": "baseline train",
    "shuffled": "evaluate predict", "metrics": "tables metrics", "table": "tables benchmark",
    "scatter": "tables scatter",
}  # fmt: skip


@dataclass
class Stage:
    """One job: its command without the log, and the files it writes."""

    rule: str
    command: str
    outputs: list[str] = field(default_factory=list)


def stages(project: Project) -> dict[str, Stage]:
    """One job of every rule of `RULES`, as Snakemake would run it."""
    done = project.run("--dry-run", "--nolock", "--printshellcmds", "--forceall", "--", "all")
    assert done.returncode == 0, done.stderr
    commands = re.findall(r"^Shell command: gexpipe (.*)$", done.stdout + done.stderr, re.M)
    found = {}
    for rule, words in RULES.items():
        begin = _BEGINS.get(rule, rule)
        fitting = [c for c in commands if c.startswith(begin + " ") and re.search(words, c)]
        assert fitting, rule
        command = re.sub(r"( > \S+ 2>&1| 2>&1 \| tee \S+)$", "", fitting[0])
        found[rule] = Stage(rule, command, _outputs(rule, command))
    return found


def _outputs(rule: str, command: str) -> list[str]:
    """What a command writes, from its options."""
    given = re.findall(r"--(?:out(?:-\w+)?|sizes|fasta) (\S+)", command) if rule == "genome" else []
    given = given or re.findall(r"--out(?:-\w+)? (\S+)", command)
    if rule == "sort_bam":
        given.append(f"{given[0]}.bai")
    if rule == "genome":
        given.append("resources/reference/genome.fa.fai")
    if rule == "train":
        names = ("best.ckpt", "last.ckpt", "history.csv", "predictions.parquet", "run.json")
        return [f"{given[0]}/{name}" for name in names]
    beside = {"peaks": "json", "contacts": "json", "table": "md"}
    if rule in beside:
        given.append(str(Path(given[0]).with_suffix(f".{beside[rule]}")))
    # Of a store, the folder.
    return [g.removesuffix("/manifest.json") for g in given]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
    }


def start(stage: Stage, folder: Path, **options: object) -> subprocess.Popen[str]:
    """Begin a stage's command in its own process group."""
    return subprocess.Popen(
        ["bash", "-c", f"exec {sys.executable} -m gexpipe {stage.command}"],
        cwd=folder, env=environment(folder), start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def run(stage: Stage, folder: Path, **options: object) -> tuple[int, str]:
    """Run a stage's command to its end: exit status and what it said."""
    process = start(stage, folder, **options)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def kill_after(stage: Stage, folder: Path, seconds: float) -> bool:
    """SIGKILL a stage and its children after some time; False when it had ended before."""
    process = start(stage, folder)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def clear(stage: Stage, folder: Path) -> None:
    """Remove a stage's outputs, as Snakemake does before it runs a job."""
    for name in stage.outputs:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def content(stage: Stage, folder: Path) -> dict[str, str]:
    """Digest of every output that is there; a store by its files. Dates and times are left out."""
    found = {}
    for name in stage.outputs:
        path = folder / name
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file())
            if (path / "manifest.json") in files:
                parts = [f"{p.relative_to(path)} {_digest(p)}" for p in files]
                found[name] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        elif path.exists():
            found[name] = _digest(path)
    return found


# What a run measures of itself: no two runs agree on it.
_MEASURED = {"seconds", "genes_per_second", "wait_share", "peak_memory", "date", "commit"}


def _digest(path: Path) -> str:
    if path.suffix == ".ckpt":
        return _checkpoint(path)
    if path.name == "history.csv":
        import pandas as pd

        table = pd.read_csv(path)
        kept = table.drop(columns=["genes_per_second", "data_wait"])
        return hashlib.sha256(kept.to_csv().encode()).hexdigest()
    if path.name == "run.json":
        record = {k: v for k, v in json.loads(path.read_text()).items() if k not in _MEASURED}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checkpoint(path: Path) -> str:
    """Digest of weights and step of a checkpoint."""
    import torch

    held = torch.load(path, map_location="cpu", weights_only=True)
    found = hashlib.sha256(json.dumps([held["step"], held["best_step"]]).encode())
    for name, value in sorted(held["model"].items()):
        found.update(name.encode() + value.contiguous().numpy().tobytes())
    return found.hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """Temporaries that were not removed."""
    return [p for p in folder.rglob(".*.aside") if p.is_dir()]


def timed(stage: Stage, folder: Path) -> float:
    """Seconds that a stage takes, after which its outputs are there."""
    began = time.monotonic()
    status, said = run(stage, folder)
    assert status == 0, f"{stage.command}\n{said}"
    return time.monotonic() - began
