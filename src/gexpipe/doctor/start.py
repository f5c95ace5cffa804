"""The preflight at the head of a run: what it is about to fetch, looked at first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gexpipe.config import load_yaml, merge
from gexpipe.doctor.needs import Plan
from gexpipe.doctor.preflight import look_at_files
from gexpipe.doctor.report import RowReport
from gexpipe.errors import UserError
from gexpipe.files import write_json
from gexpipe.home import home
from gexpipe.study import Study, read_study

__all__ = ["RECORD", "look_first", "look_first_in"]

RECORD = Path("results/checks/preflight.json")


def look_first(study: Study, paths: Iterable[str], say: Callable[[str], object]) -> None:
    """Look at the files that a run is about to fetch, and stop it before it fetches any.

    A file without an answer stops nothing: a download has more patience.

    Parameters
    ----------
    study : Study
        The configuration of the run, whose folder is the working directory.
    paths : iterable of str
        Local paths of the files, as rules name them; nothing is done without any.
    say : callable
        Is given a line for every file that is odd or was not seen.

    Raises
    ------
    UserError
        A file that would stop the run.
    """
    wanted = set(paths)
    if not wanted:
        return
    reports = look_at_files(Plan(study, Path()), wanted)
    write_json(RECORD, [report.as_json() for report in reports])
    for report in reports:
        if report.state in ("odd", "unseen"):
            say(f"preflight: {_line(report)}")
    failed = [_line(report) for report in reports if report.state == "failed"]
    if failed:
        raise UserError(
            f"nothing was fetched: {len(failed)} of {len(reports)} files would stop the run "
            f"(--no-hooks goes on): {' | '.join(failed)}",
            "preflight",
        )


def look_first_in(workflow: Any, config: dict[str, Any], base: Path | None = None) -> None:
    """`look_first` at what a run of Snakemake is about to fetch; for ``onstart`` of any Snakefile.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        As Snakefiles have it. Rules of a module may have a prefix.
    config : dict
        What the Snakefile gives its module, or the merged configuration.
    base : Path, optional
        Folder of the workflow's files; by default that of this package.
    """
    from snakemake.exceptions import WorkflowError
    from snakemake.logging import logger

    jobs = [] if workflow.touch else workflow.dag.needrun_jobs()
    fetching = [job for job in jobs if job.rule.name.endswith("download")]
    paths = [f"resources/files/{job.wildcards.file}" for job in fetching]
    if not paths:
        return
    base = base or home()
    try:
        study = read_study(merge(load_yaml(base / "config" / "config.yaml"), config), base)
        look_first(study, paths, logger.warning)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def _line(report: RowReport) -> str:
    wrong = "; ".join([*report.look.wrong, *report.look.unseen, *report.look.odd])
    return f"{report.use} {report.accession}: {wrong}"
