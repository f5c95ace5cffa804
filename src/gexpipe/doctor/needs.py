"""What a configuration will download and write, in bytes, before any of it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexpipe.config import load_yaml, merge
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.sheets import FileRow, Sheets
from gexpipe.study import Study, read_study

__all__ = [
    "FASTA_RATIO",
    "Download",
    "Plan",
    "downloads",
    "open_plan",
    "typical_size",
    "writes",
]

GB = 10**9
# Bytes of a human file of this format, where neither portal nor disk tells: round figures.
TYPICAL = {
    "bam": 4 * GB, "cram": 2 * GB, "tagAlign": GB, "bigWig": 3 * GB // 2, "bigBed": GB // 10,
    "hic": 30 * GB, "mcool": 15 * GB, "cool": GB, "fasta": GB, "gtf": GB // 20, "ctss": GB // 50,
    "tar": 3 * GB, "fragments": 2 * GB,
}  # fmt: skip
SMALL = GB // 50
# Genes, where no gene table was made yet: the protein-coding ones of GENCODE.
GENES = 20_000
# A .fa.gz is a quarter of its bases; a checkpoint pair with the optimiser's state of the largest
# published method stays below this.
FASTA_RATIO, RUN = 4, GB // 10
# Of a base, in a window store: compressed values and where they are known. Tracks of measured
# density take 0.6 (docs/benchmarks.md), the simulator's, of five times as many runs, 0.9.
SIGNAL_BITS = 2
# Of a bin, GTA's 33 classes.
FEATURES = 33


@dataclass(frozen=True)
class Plan:
    """A configuration and where it would be run.

    Attributes
    ----------
    study : Study
        The configuration, read.
    folder : Path
        Working directory: relative paths of the configuration start there.
    """

    study: Study
    folder: Path

    @property
    def config(self) -> dict[str, Any]:
        """The merged configuration."""
        return self.study.config

    @property
    def sheets(self) -> Sheets:
        """Its sheets."""
        return self.study.sheets

    @property
    def rows(self) -> list[FileRow]:
        """Rows of the configured cell types, and all reference rows."""
        return self.sheets.rows_of(self.config["cells"])

    @property
    def readers(self) -> dict[str, str]:
        """Methods that read bins with a language model -> its folder, or id on a hub."""
        methods = self.study.reading("bins", self.study.methods)
        return {name: self.study.language_model(name) for name in methods}


@dataclass(frozen=True)
class Download:
    """One file: its bytes, and how they are known (here, told, typical)."""

    row: FileRow
    size: int
    known: str


def open_plan(workflow: Path, configfiles: Iterable[Path], folder: Path) -> Plan:
    """Read ``workflow/config/config.yaml``, lay the other files over it, and open the sheets.

    Parameters
    ----------
    workflow : Path
        Folder of the Snakefile.
    configfiles : iterable of Path
        As given to Snakemake's ``--configfile``.
    folder : Path
        Working directory of the run (Snakemake's ``--directory``).

    Raises
    ------
    UserError
        A file is missing or does not agree with its schema.
    """
    base = require(workflow / "config/config.yaml", "configuration (give --workflow)")
    config = merge(load_yaml(base), *(load_yaml(path) for path in configfiles))
    root = workflow.resolve()  # before the folder changes
    with chdir(folder):
        return Plan(read_study(config, root), folder)


def downloads(plan: Plan, told: Callable[[FileRow], int | None]) -> list[Download]:
    """Every file that the plan reads.

    Parameters
    ----------
    told : callable
        Size that a portal or mirror tells for a row, or None.
    """
    return [_download(plan, row, told) for row in plan.rows]


def _download(plan: Plan, row: FileRow, told: Callable[[FileRow], int | None]) -> Download:
    here = plan.folder / row.path
    if here.is_file():
        return Download(row, here.stat().st_size, "here")
    size = told(row)
    if size is not None:
        return Download(row, size, "told")
    return Download(row, typical_size(row), "typical")


def typical_size(row: FileRow) -> int:
    """Bytes of a row's file where nobody tells."""
    return TYPICAL.get(row.format, SMALL)


def writes(plan: Plan, files: Iterable[Download]) -> dict[str, int]:
    """Bytes that each part of ``results/`` and ``resources/`` takes at most, as far as is known.

    Of window stores the bases are counted as they are packed, signals and masks (`SIGNAL_BITS`)
    as the densest that were measured.
    """
    config, sizes = plan.config, list(files)
    genes, length, cells = _genes(plan.folder), config["windows"]["length"], len(config["cells"])
    signals = len(config["windows"]["signals"])
    cell_bits = SIGNAL_BITS * signals + 1
    kept = length + min(length, 10_240)  # the window, and the centre a second time
    windows = {"window stores": genes * kept * (3 + cells * cell_bits) // 8}
    converted = sum(2 * f.size for f in sizes if f.row.format == "cram")
    bins = {"bin features": genes * config["gta"]["bins"] * FEATURES * 4} if plan.readers else {}
    return {
        "genome": sum(FASTA_RATIO * f.size for f in sizes if f.row.format == "fasta") + converted,
        **(windows if plan.study.reading("windows", plan.study.methods) else {}),
        **bins,
        "runs": RUN * cells * len(config["methods"]) * len(config["seeds"]),
    }


def _genes(folder: Path) -> int:
    try:
        table = require(folder / "results/genes/genes.tsv")
    except UserError:
        return GENES
    with table.open("rb") as handle:
        return sum(1 for _ in handle) - 1
