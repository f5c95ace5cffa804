"""Every file of a configuration, looked at before any of it is downloaded."""

from __future__ import annotations

import logging
import shutil
import time
import zipfile
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx

from gexpipe.doctor.expectations import expected_of
from gexpipe.doctor.gene_names import NAMED, compare, genes_source, names_here, names_there
from gexpipe.doctor.looks import Expected, look_at
from gexpipe.doctor.needs import FASTA_RATIO, Download, Plan, open_plan, typical_size, writes
from gexpipe.doctor.remote import NoParts, open_anywhere
from gexpipe.doctor.replicates import compare_replicates
from gexpipe.doctor.report import Disk, Preflight, RowReport
from gexpipe.doctor.stages import stages_of
from gexpipe.download.archive import archive_of, find_member, member_of
from gexpipe.download.fetch import NoAnswer, open_client
from gexpipe.download.policy import Choice, Policy
from gexpipe.download.portals import Found, Request
from gexpipe.download.public import is_web, public
from gexpipe.download.resolve import resolve
from gexpipe.errors import UserError
from gexpipe.sheets import FileRow

__all__ = ["look_at_files", "preflight"]

LIMIT = 110.0  # seconds for all files together
_STALLED = 15.0  # seconds without an answer
AT_ONCE = 12  # files looked at at the same time

# Words of ENCODE's output types that suit a role, one of them is enough.
_OUTPUTS = {
    "bam": ("alignments",),
    "bigWig": ("signal", "fold change", "p-value"),
    "bigBed": ("peaks", "footprints", "regions"),
    "hic": ("contact matrix",),
}


def preflight(
    workflow: Path, configfiles: Iterable[Path], folder: Path, limit: float = LIMIT
) -> Preflight:
    """Look at every file that a configuration reads, and add up what a run of it takes.

    Parameters
    ----------
    workflow : Path
        Folder of the Snakefile.
    configfiles : iterable of Path
        Laid over its ``config/config.yaml``.
    folder : Path
        Working directory of the run; files that are there are looked at instead of their source.
    limit : float
        Seconds after which files that were not answered for are reported as such.
    """
    started, configs = time.monotonic(), list(configfiles)
    plan = open_plan(workflow, configs, folder)
    with chdir(folder):
        rows = _rows(plan)
        reports = _look(plan, rows, started + limit)
        found = Preflight(reports, _disk(plan, rows, reports), 0.0)
    try:
        found.stages = stages_of(workflow, configs, folder, _sizes(rows, reports))
    except UserError as error:
        found.unplanned = str(error)
    found.seconds = time.monotonic() - started
    return found


def look_at_files(plan: Plan, paths: Collection[str], limit: float = LIMIT) -> list[RowReport]:
    """Look at some files of a configuration, from its working directory.

    Parameters
    ----------
    plan : Plan
        The configuration.
    paths : collection of str
        Local paths, as rules name them.
    limit : float
        Seconds for all of them.
    """
    rows = [row for path, row in plan.sheets.by_path.items() if path in paths]
    return _look(plan, rows, time.monotonic() + limit)


def _look(plan: Plan, rows: list[FileRow], end: float) -> list[RowReport]:
    uses = _uses(plan)
    reports = [RowReport(uses[row.path], row.accession, row.format) for row in rows]
    with _quiet_readers(), open_client(plan.config["download"]["addresses"], _STALLED) as client:
        _look_at_all(plan, rows, reports, client, end)
    compare_replicates(plan, rows, reports)
    _compare_genes(plan, rows, reports)
    for report in reports:
        report.settle()
    return reports


@contextmanager
def _quiet_readers() -> Iterator[None]:
    """Keep back what readers log: of the beginning of a file it says nothing."""
    logger = logging.getLogger("gexpipe.reference")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _uses(plan: Plan) -> dict[str, str]:
    """Local path -> roles, those of the configured cell types alone where there are any."""
    cells = set(plan.config["cells"])
    found = {}
    for path, uses in plan.sheets.used_as().items():
        own = [u for u in uses.split(", ") if " " not in u or u.split()[0] in cells]
        found[path] = ", ".join(own) or uses
    return found


def _rows(plan: Plan) -> list[FileRow]:
    """What a run may read: without further signals that no window has, and published archives.

    Of cell types whose imported data are read nothing is fetched; of the genome's nothing either,
    where that is so of all.
    """
    signals = set(plan.config["windows"]["signals"].values())
    prepared = plan.study.prepared
    done = set(prepared.cells) if prepared else set()
    waiting = set(plan.config["cells"]) - done
    return [
        row
        for row in (plan.sheets.rows_of(waiting) if waiting or not done else [])
        if row.role != "published_table"
        and (not row.role.startswith("signal:") or row.role in signals)
    ]


def _look_at_all(
    plan: Plan, rows: list[FileRow], reports: list[RowReport], client: httpx.Client, end: float
) -> None:
    pool = ThreadPoolExecutor(AT_ONCE)
    jobs: list[Future[None]] = [
        pool.submit(_look_at_row, plan, row, report, client)
        for row, report in zip(rows, reports, strict=True)
    ]
    for report, job in zip(reports, jobs, strict=True):
        try:
            job.result(max(0.0, end - time.monotonic()))
        except TimeoutError:
            report.look.unseen.append("no answer in time")
    pool.shutdown(wait=False, cancel_futures=True)


def _look_at_row(plan: Plan, row: FileRow, report: RowReport, client: httpx.Client) -> None:
    try:
        _open_and_look(plan, row, report, client)
    except NoAnswer as error:
        report.look.unseen.append(str(error))
    except UserError as error:
        report.look.wrong.append(str(error))
    except httpx.HTTPError as error:
        report.look.unseen.append(f"no answer ({error or type(error).__name__})")


def _open_and_look(plan: Plan, row: FileRow, report: RowReport, client: httpx.Client) -> None:
    here = Path(row.path)
    if here.is_file() and row.source != "path":  # of one's own files the original counts
        report.here, report.place, report.bytes = True, row.path, here.stat().st_size
        with here.open("rb") as local:
            look_at(local, row.format, expected_of(plan, row), report.look)
        if row.role in NAMED and not report.look.wrong:
            report.genes = names_here(here, row.role, plan.config)
        return
    assembly = row.assembly or plan.sheets.genome
    request = Request(row.source, row.accession, row.format, row.url, row.md5, assembly)
    asked, member = archive_of(request), member_of(request)
    found = resolve(asked, plan.config["download"]["mirror"], client, 1)
    _portal(plan, request, found, report)
    handle, size = open_anywhere(client, found.place, found.auth)
    with handle:
        report.bytes = size if size >= 0 else found.size
        if found.size is not None and size >= 0 and size != found.size:
            report.look.wrong.append(f"the server has {size} bytes, the portal lists {found.size}")
        known = len(report.look.wrong)
        _look_inside(plan, row, handle, member, report)
        _settle_failure(getattr(getattr(handle, "raw", None), "failure", None), known, report)


def _settle_failure(failure: UserError | None, known: int, report: RowReport) -> None:
    """What ended the reading counts, not what libraries made of it."""
    if failure is None:
        return
    del report.look.wrong[known:]
    if not isinstance(failure, NoParts):
        raise failure
    report.look.odd.append(f"{failure}: only its beginning was looked at")


def _look_inside(
    plan: Plan, row: FileRow, handle: BinaryIO, member: str, report: RowReport
) -> None:
    if not member:
        _look_and_name(plan, row, handle, report)
        return
    try:
        with zipfile.ZipFile(handle) as archive:
            name = find_member(archive.namelist(), member, report.place)
            report.look.seen.append(f"member {name}, {archive.getinfo(name).file_size:,} bytes")
            with archive.open(name) as inner:
                _look_and_name(plan, row, inner, report)  # type: ignore[arg-type]
    except zipfile.BadZipFile as error:
        raise UserError(f"not a zip archive ({error})", report.place) from error


def _look_and_name(plan: Plan, row: FileRow, handle: BinaryIO, report: RowReport) -> None:
    expected: Expected = expected_of(plan, row)
    look_at(handle, row.format, expected, report.look)
    if row.role in NAMED and not report.look.wrong:
        report.genes = names_there(handle, row.role, plan.config, report.place)


def _portal(plan: Plan, request: Request, found: Found, report: RowReport) -> None:
    """What the portal says of the file: status, assembly, kind, checksum."""
    settings = plan.config["download"]
    policy = Policy(
        *(Choice(settings[f"on_{what}"]) for what in ("archived", "revoked", "assembly"))
    )
    report.place, report.bytes = public(found.place), found.size
    report.here = request.source == "path"  # it is linked
    told = {"status": found.status, "assembly": found.assembly, **found.details}
    report.portal = {key: value for key, value in told.items() if value}
    report.md5 = request.md5 or found.md5
    report.look.odd += policy.check(request, found)
    if request.md5 and found.md5 and request.md5.lower() != found.md5.lower():
        raise UserError(f"the portal lists md5 {found.md5}, the sheet {request.md5}")
    if not report.md5 and is_web(found.place):
        report.look.seen.append("no checksum is listed")
    kind, words = found.details.get("output_type", ""), _OUTPUTS.get(request.format, ())
    if kind and words and not any(word in kind for word in words):
        report.look.odd.append(f"its output type is {kind!r}, expected {' or '.join(words)}")
    if "unfiltered" in kind:
        report.look.seen.append("unfiltered: duplicates and poor alignments are in it")


def _compare_genes(plan: Plan, rows: list[FileRow], reports: list[RowReport]) -> None:
    """Tell how many of the configuration's genes the other tables have."""
    source = genes_source(plan.config)
    named = [
        (row.role, report, report.genes)
        for row, report in zip(rows, reports, strict=True)
        if report.genes is not None
    ]
    genes = next((names for role, _, names in named if role == source), None)
    for role, report, names in named:
        if genes is not None and names is not genes:
            compare(role, names, source, genes, report.look)


def _disk(plan: Plan, rows: list[FileRow], reports: list[RowReport]) -> Disk:
    """What the run takes of the disk; alignments that were sorted already take nothing more."""
    pairs = list(zip(rows, reports, strict=True))
    files = [
        Download(row, report.bytes if report.bytes is not None else typical_size(row), "told")
        for row, report in pairs
    ]
    sorts = [
        report.bytes or 0
        for row, report in pairs
        if report.look.sorts and not Path(row.ready).is_file()
    ]
    waiting = [not report.here for report in reports]
    return Disk(
        sum(file.size for file, wait in zip(files, waiting, strict=True) if wait),
        sum(report.bytes is None for report in reports),
        sum(sorts), max(sorts, default=0), writes(plan, files), shutil.disk_usage(".").free,
    )  # fmt: skip


def _sizes(rows: list[FileRow], reports: list[RowReport]) -> dict[str, int]:
    """Path, as rules name it -> bytes of downloaded files and of what is made of them alone."""
    found = {}
    for row, report in zip(rows, reports, strict=True):
        found[row.path] = found[row.ready] = report.bytes or 0
        if row.role == "fasta":
            found["resources/reference/genome.fa"] = FASTA_RATIO * (report.bytes or 0)
    return found
