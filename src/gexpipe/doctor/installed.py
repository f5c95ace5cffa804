"""What is installed here, which backends are used, and why."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gexpipe.devices import slots, visible
from gexpipe.errors import UserError

__all__ = ["Finding", "check_scan", "examine"]

# Package -> what gexpipe uses it for. Extras may be absent.
NEEDED = {
    "snakemake": "the workflow",
    "macs3": "peaks",
    "hictkpy": "contact from .hic, raw pixels of .mcool",
    "cooler": "balancing weights of .mcool and .cool",
    "pybigtools": "bulk reads of bigWig",
    "pyBigWig": "bigBed, CAGE bigWig",
    "pyfaidx": "sequence",
    "pysam": "alignments",
    "zarr": "window stores",
}
EXTRAS = {
    "torch": "training (extra: train)",
    "lightning-fabric": "training (extra: train)",
    "transformers": "GTA's language model (extra: gta)",
    "enformer-pytorch": "Enformer (extra: enformer)",
    "borzoi-pytorch": "Borzoi and Flashzoi, with your weights (extra: borzoi)",
    "alphagenome-pt": "AlphaGenome, with your weights (extra: alphagenome)",
    "hic-straw": "second .hic reader, tested to agree (extra: straw)",
    "fanc": "balancing of matrices without weights (extra: fanc)",
    "mamba-ssm": "fused scan on GPUs (extra: mamba)",
    "snakemake-executor-plugin-slurm": "clusters (extra: slurm)",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    what : str
        Package, program or backend.
    state : {"ok", "absent", "missing", "failed"}
        ``missing`` stops something that every run needs; ``absent`` is an extra; ``failed`` is a
        check that did not pass.
    detail : str
        Version, path or reason.
    """

    what: str
    state: str
    detail: str


def _package(name: str, use: str, needed: bool) -> Finding:
    try:
        return Finding(name, "ok", f"{version(name)}: {use}")
    except PackageNotFoundError:
        return Finding(name, "missing" if needed else "absent", use)


def _bedtools() -> Finding:
    path = shutil.which("bedtools")
    use = "cross-check of interval operations through pybedtools"
    return Finding("bedtools", "ok" if path else "absent", f"{path or 'not on PATH'}: {use}")


def _compute() -> list[Finding]:
    """GPU and scan backend; only the former when torch is not installed."""
    try:
        import torch
    except ImportError:
        seen = visible()
        detail = f"{len(seen)} by nvidia-smi, torch is not installed" if seen else "none seen"
        return [Finding("GPU", "ok" if seen else "absent", detail)]
    from gexpipe.models.scan import backends

    cuda = torch.cuda.is_available()
    count, jobs = torch.cuda.device_count(), slots()
    choice = backends.choose("cuda" if cuda else "cpu")
    name = f"{count} x {torch.cuda.get_device_name()}, {jobs} jobs at a time" if cuda else ""
    name = name or f"none seen, {torch.get_num_threads()} threads"
    return [
        Finding("GPU", "ok" if cuda else "absent", name),
        Finding("scan backend", "ok", f"{choice.name}: {choice.reason}"),
    ]


def _readers() -> Finding:
    """What reads contact matrices and signals."""
    try:
        hic = f"hictkpy {version('hictkpy')}"
    except PackageNotFoundError:
        return Finding("readers", "missing", "hictkpy is not installed: no .hic can be read")
    return Finding("readers", "ok", f".hic: {hic}; .mcool, .cool: cooler; bigWig: pybigtools")


def examine(folder: Path) -> list[Finding]:
    """Everything a run depends on: Python, packages, programs, compute, free disk at ``folder``."""
    free = shutil.disk_usage(folder).free
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.machine()}"),
        *(_package(name, use, True) for name, use in NEEDED.items()),
        *(_package(name, use, False) for name, use in EXTRAS.items()),
        _bedtools(),
        _readers(),
        *_compute(),
        Finding("free disk", "ok", f"{free / 1e9:,.0f} GB at {folder.resolve()}"),
    ]


def check_scan(batch: int, length: int, width: int, state: int) -> list[Finding]:
    """The chosen scan backend beside the plain reference: a line for each array.

    Parameters
    ----------
    batch, length, width, state : int
        Genes, tokens, channels (2 d_model in a published block) and state dimensions.

    Returns
    -------
    list of Finding
        ``failed`` where the largest relative deviation is above the tolerance.
    """
    try:
        import torch
    except ImportError:
        raise UserError("torch is not installed (extra: train)", "--self-check") from None
    from gexpipe.models.scan import choose
    from gexpipe.models.scan.check import deviations

    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = f"batch {batch}, length {length}, width {width}, state {state}"
    head = Finding("scan self-check", "ok", f"{choose(device).name} on {device}: {size}")
    found = deviations(batch, length, width, state, device)
    return [head] + [
        Finding(
            f"scan {d.array}",
            "ok" if d.passed else "failed",
            f"largest relative deviation {d.relative:.1e}, at most {d.tolerance:.0e}",
        )
        for d in found
    ]
