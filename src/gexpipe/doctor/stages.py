"""What each stage of a run asks of the machine: read from the rules that declare it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gexpipe.errors import UserError

__all__ = ["Stage", "stages_of"]

MB = 10**6


@dataclass
class Stage:
    """The jobs of one file of rules that a run would do.

    Attributes
    ----------
    name : str
        As its file in ``workflow/rules``.
    jobs : int
        How many.
    memory_mb : int
        What the largest of them asks for at its first try, with the inputs whose size is known.
    largest : str
        The rule that asks for it.
    hours : float
        Time limits of all jobs, one after the other: an upper bound, no forecast.
    longest_hours : float
        The longest limit of one job.
    """

    name: str
    jobs: int = 0
    memory_mb: int = 0
    largest: str = ""
    hours: float = 0.0
    longest_hours: float = 0.0

    def add(self, rule: str, memory_mb: int, hours: float) -> None:
        """Count one job."""
        self.jobs += 1
        self.hours += hours
        self.longest_hours = max(self.longest_hours, hours)
        if memory_mb > self.memory_mb:
            self.memory_mb, self.largest = memory_mb, rule


def stages_of(
    workflow: Path,
    configfiles: Iterable[Path],
    folder: Path,
    sizes: Mapping[str, int],
    targets: Iterable[str] = (),
) -> list[Stage]:
    """Plan a run as a dry run does, and add up what its rules declare.

    Parameters
    ----------
    workflow : Path
        Folder of the Snakefile.
    configfiles : iterable of Path
        As given to Snakemake.
    folder : Path
        Working directory of the run.
    sizes : mapping
        Path of a file, as rules name it -> bytes; of others the size on disk, 0 where not there.
    targets : iterable of str
        What is to be made; the default target without any.

    Returns
    -------
    list of Stage
        In the order of the rules; empty for a finished run.

    Raises
    ------
    UserError
        The run cannot be planned.
    """
    found: dict[str, Stage] = {}
    for job in _jobs(workflow, configfiles, folder, targets):
        name = Path(str(job.rule.snakefile)).stem
        if job.rule.name == "all" or name == "Snakefile":
            continue  # they collect files and run nothing
        memory, minutes = _asks(job, folder, sizes)
        found.setdefault(name, Stage(name)).add(job.rule.name, memory, minutes / 60)
    return list(found.values())


def _asks(job: Any, folder: Path, sizes: Mapping[str, int]) -> tuple[int, float]:
    """Memory, MB, and time limit, minutes, of a job."""
    total = sum(sizes.get(str(path), _on_disk(folder / str(path))) for path in job.input)
    resources = job.rule.expand_resources(
        job.wildcards, SimpleNamespace(size_mb=total / MB), attempt=1
    )
    return int(resources.get("mem_mb", 0)), float(resources.get("runtime", 0))


def _on_disk(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _jobs(
    workflow: Path, configfiles: Iterable[Path], folder: Path, targets: Iterable[str]
) -> list[Any]:
    """Jobs that Snakemake would run, in the order of the rules; nothing is written or locked."""
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings import types as settings

    output = settings.OutputSettings(dryrun=True, quiet={settings.Quietness.ALL})
    configs = [path.resolve() for path in configfiles]
    try:
        with _silence(), SnakemakeApi(output) as api:
            planned = api.workflow(
                resource_settings=settings.ResourceSettings(cores=1),
                config_settings=settings.ConfigSettings(configfiles=configs),
                snakefile=workflow.resolve() / "Snakefile",
                workdir=folder.resolve(),
            )
            planned.dag(settings.DAGSettings(targets=set(targets)))
            # Snakemake prints plans and does not hand them out; these two calls precede printing.
            inner = planned._workflow
            inner._prepare_dag(
                forceall=False, ignore_incomplete=True, lock_warn_only=True, nolock=True
            )
            inner._build_dag()
            order = {rule.name: place for place, rule in enumerate(inner.rules)}
            jobs = list(inner.dag.needrun_jobs())
    except WorkflowError as error:
        raise UserError(f"the run cannot be planned ({error})", workflow / "Snakefile") from error
    return sorted(jobs, key=lambda job: order[job.rule.name])


@contextmanager
def _silence() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
