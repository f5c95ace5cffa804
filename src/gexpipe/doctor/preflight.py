"""Every file of a configuration, looked at before any of it is downloaded."""

from __future__ import annotations

import csv
import statistics
import time
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import chdir
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from gexpipe.doctor.looks import Expected, Look, look_at
from gexpipe.doctor.needs import Plan, open_plan
from gexpipe.doctor.remote import open_anywhere
from gexpipe.download.archive import archive_of, find_member, member_of
from gexpipe.download.fetch import open_client
from gexpipe.download.policy import Choice, Policy
from gexpipe.download.portals import Found, Request, same_assembly
from gexpipe.download.public import is_web, public
from gexpipe.download.resolve import resolve
from gexpipe.errors import UserError
from gexpipe.reference.cell_target import target_of
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.sheets import FileRow

__all__ = ["Preflight", "RowReport", "preflight"]

LIMIT = 110.0  # seconds for all files together
_STALLED = 15.0  # seconds without an answer
AT_ONCE = 12  # files looked at at the same time
DEPTHS = 4.0  # sizes of two replicates that differ by more than this factor are told of

# Words of ENCODE's output types that suit a role, one of them is enough.
_OUTPUTS = {
    "bam": ("alignments",),
    "bigWig": ("signal", "fold change", "p-value"),
    "bigBed": ("peaks", "footprints", "regions"),
    "hic": ("contact matrix",),
}


@dataclass
class RowReport:
    """One row of a sheet: what was expected, what was seen, what gexpipe will do about it.

    Attributes
    ----------
    use : str
        ``CELL ROLE`` or ``ROLE``.
    state : {"ok", "odd", "failed"}
        ``failed`` stops a run; ``odd`` does not, but is to be known.
    bytes : int or None
        Size of what is downloaded.
    place : str
        Where it is, without tokens.
    here : bool
        Whether it is downloaded already.
    """

    use: str
    accession: str
    format: str
    state: str = "ok"
    place: str = ""
    bytes: int | None = None
    here: bool = False
    md5: str = ""
    portal: dict[str, str] = field(default_factory=dict)
    look: Look = field(default_factory=Look)

    def settle(self) -> None:
        """Set the state from what was found."""
        self.state = "failed" if self.look.wrong else "odd" if self.look.odd else "ok"

    def line(self) -> str:
        """One line for people: what is wrong first, then what is odd, seen and done."""
        size = f"{self.bytes / 1e9:,.2f} GB" if self.bytes is not None else "size unknown"
        look = self.look
        done = f"gexpipe {', '.join(look.does)}" if look.does else ""
        portal = ", ".join(self.portal.values())
        here = "here already" if self.here else size
        parts = [*look.wrong, *look.odd, here, portal, *look.seen, done]
        return "; ".join(part for part in parts if part)


@dataclass
class Preflight:
    """The report of a configuration."""

    rows: list[RowReport]
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether a run would stop."""
        return any(row.state == "failed" for row in self.rows)

    def totals(self) -> dict[str, float]:
        """Bytes to download, bytes of sorted copies, and files without a known size."""
        wanted = [row for row in self.rows if not row.here]
        return {
            "files": len(self.rows),
            "to_download": sum(row.bytes or 0 for row in wanted),
            "sizes_unknown": sum(row.bytes is None for row in wanted),
            # While a file is sorted its parts lie beside the copy that they are merged into.
            "sorted_copies": sum(row.bytes or 0 for row in self.rows if row.look.sorts),
            "largest_sort": max((row.bytes or 0 for row in self.rows if row.look.sorts), default=0),
            "seconds": round(self.seconds, 1),
        }

    def words(self) -> list[str]:
        """The totals for people."""
        totals, states = self.totals(), [row.state for row in self.rows]
        unknown = f", {totals['sizes_unknown']} sizes unknown" if totals["sizes_unknown"] else ""
        sort = totals["sorted_copies"] + totals["largest_sort"]
        return [
            f"{len(states)} files in {totals['seconds']:.0f} s: {states.count('failed')} failed, "
            f"{states.count('odd')} odd",
            f"to download {totals['to_download'] / 1e9:,.2f} GB{unknown}; to sort alignments "
            f"{sort / 1e9:,.2f} GB of disk",
        ]

    def as_json(self) -> dict[str, Any]:
        """Rows and totals."""
        return {"rows": [asdict(row) for row in self.rows], "totals": self.totals()}


def preflight(
    workflow: Path, configfiles: Iterable[Path], folder: Path, limit: float = LIMIT
) -> Preflight:
    """Look at every file that a configuration reads, by a few small requests each.

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
    started = time.monotonic()
    plan = open_plan(workflow, configfiles, folder)
    with chdir(folder):
        uses = _uses(plan)
        rows = _rows(plan)
        reports = [RowReport(uses[row.path], row.accession, row.format) for row in rows]
        with open_client(plan.config["download"]["addresses"], _STALLED) as client:
            _look_at_all(plan, rows, reports, client, started + limit)
        _compare_replicates(plan, rows, reports)
    for report in reports:
        report.settle()
    return Preflight(reports, time.monotonic() - started)


def _uses(plan: Plan) -> dict[str, str]:
    """Local path -> roles, those of the configured cell types alone."""
    cells = set(plan.config["cells"])
    return {
        path: ", ".join(u for u in uses.split(", ") if " " not in u or u.split()[0] in cells)
        for path, uses in plan.sheets.used_as().items()
    }


def _rows(plan: Plan) -> list[FileRow]:
    """What a run may read: without further signals that no window has, and published archives."""
    signals = set(plan.config["windows"]["signals"].values())
    return [
        row
        for row in plan.rows
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
            report.look.wrong.append("no answer in time")
    pool.shutdown(wait=False, cancel_futures=True)


def _look_at_row(plan: Plan, row: FileRow, report: RowReport, client: httpx.Client) -> None:
    try:
        _open_and_look(plan, row, report, client)
    except UserError as error:
        report.look.wrong.append(str(error))
    except httpx.HTTPError as error:
        report.look.wrong.append(f"no answer ({error or type(error).__name__})")


def _open_and_look(plan: Plan, row: FileRow, report: RowReport, client: httpx.Client) -> None:
    here = Path(row.path)
    if here.is_file():
        report.here, report.place, report.bytes = True, row.path, here.stat().st_size
        with here.open("rb") as local:
            look_at(local, row.format, _expected(plan, row), report.look)
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
        _look_inside(handle, member, request, _expected(plan, row), report)


def _look_inside(
    handle: BinaryIO, member: str, request: Request, expected: Expected, report: RowReport
) -> None:
    if not member:
        look_at(handle, request.format, expected, report.look)
        return
    try:
        with zipfile.ZipFile(handle) as archive:
            name = find_member(archive.namelist(), member, report.place)
            report.look.seen.append(f"member {name}, {archive.getinfo(name).file_size:,} bytes")
            with archive.open(name) as inner:
                look_at(inner, request.format, expected, report.look)  # type: ignore[arg-type]
    except zipfile.BadZipFile as error:
        raise UserError(f"not a zip archive ({error})", report.place) from error


def _portal(plan: Plan, request: Request, found: Found, report: RowReport) -> None:
    """What the portal says of the file: status, assembly, kind, checksum."""
    settings = plan.config["download"]
    policy = Policy(
        *(Choice(settings[f"on_{what}"]) for what in ("archived", "revoked", "assembly"))
    )
    report.place, report.bytes = public(found.place), found.size
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


def _expected(plan: Plan, row: FileRow) -> Expected:
    config = plan.config
    chromosomes = list(config["reference"]["chromosomes"])
    columns = _gene_table_columns(plan) if row.role == "gene_table" else []
    contact = config["contact"]
    return Expected(
        chromosomes, {} if row.assembly else _sizes(plan), columns, contact["resolution"],
        contact["normalization"], config["peaks"]["pairs"] if row.role == "dnase_bam" else "ends",
    )  # fmt: skip


def _gene_table_columns(plan: Plan) -> list[tuple[str, ...]]:
    """Columns of the published table that the configuration reads."""
    genes, config = plan.config["genes"], plan.config
    columns: list[tuple[str, ...]] = [("gene_id", "ENSID")]
    if genes["source"] == "table":
        columns += [("chrom",), (genes["tss_column"],)]
    if genes["mrna_features"] == "table":
        columns += [(name,) for name in MRNA_FEATURES]
    for cell in config["cells"]:
        target = target_of(config["target"], plan.sheets, cell)
        if target["source"] == "table":
            columns.append((target["column"],))
    return columns


def _sizes(plan: Plan) -> Mapping[str, int]:
    """Chromosome lengths: of the genome once it is made, else those known of the assembly."""
    made = Path("resources/reference/chrom.sizes")
    if made.is_file():
        lines = made.read_text(encoding="utf-8").splitlines()
        return {name: int(size) for name, size in (line.split("\t")[:2] for line in lines)}
    if not same_assembly(plan.sheets.genome, "hg38"):
        return {}
    table = files("gexpipe.doctor").joinpath("hg38.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    return {row["chrom"]: int(row["length"]) for row in rows}


def _compare_replicates(plan: Plan, rows: list[FileRow], reports: list[RowReport]) -> None:
    """Tell of replicates of one role that are of different experiments, the same, or unlike."""
    by_path = {row.path: report for row, report in zip(rows, reports, strict=True)}
    groups: dict[tuple[str, str], list[RowReport]] = {}
    for cell in plan.config["cells"]:
        for role in ("dnase_bam", "atac_bam", "h3k27ac_bam"):
            own = plan.sheets.cell_files(cell, role, optional=True)
            groups[cell, role] = [by_path[row.path] for row in own]
    for group in groups.values():
        if len(group) > 1:
            _compare(group)


def _compare(group: list[RowReport]) -> None:
    experiments = {r.portal["experiment"] for r in group if "experiment" in r.portal}
    if len(experiments) > 1:
        for report in group:
            report.look.odd.append(
                f"pooled with a file of another experiment ({', '.join(sorted(experiments))})"
            )
    numbers = [r.portal.get("replicate", "") for r in group]
    for report, number in zip(group, numbers, strict=True):
        if number and len(experiments) == 1 and numbers.count(number) > 1:
            report.look.odd.append(f"{number} stands twice: another analysis of the same reads?")
    middle = statistics.median([r.bytes for r in group if r.bytes] or [0])
    for report in group:
        if report.bytes and not 1 / DEPTHS <= report.bytes / middle <= DEPTHS:
            report.look.odd.append(
                f"{report.bytes / middle:.2g} times the size of the other replicates, which all "
                "count equally"
            )
    if len(group) > 1:
        for report in group:
            report.look.does.append(f"pools {len(group)} replicates")
