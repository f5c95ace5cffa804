"""Replicates that are looked at together: of one experiment, another, or unlike in size."""

from __future__ import annotations

import statistics

from gexpipe.doctor.needs import Plan
from gexpipe.doctor.report import RowReport
from gexpipe.sheets import FileRow

__all__ = ["compare_replicates"]

DEPTHS = 4.0  # sizes of two replicates that differ by more than this factor are told of


def compare_replicates(plan: Plan, rows: list[FileRow], reports: list[RowReport]) -> None:
    """Tell of replicates of one role that are of different experiments, the same, or unlike."""
    by_path = {row.path: report for row, report in zip(rows, reports, strict=True)}
    groups: dict[tuple[str, str], list[RowReport]] = {}
    for cell in plan.config["cells"]:
        for role in ("dnase_bam", "atac_bam", "h3k27ac_bam"):
            own = plan.sheets.cell_files(cell, role, optional=True)
            groups[cell, role] = [by_path[row.path] for row in own if row.path in by_path]
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
