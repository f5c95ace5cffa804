"""``gexpipe doctor``: what is installed, which backends are used, and why."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, help="What is installed, which backends are used, and why.")


@app.command()
def doctor(
    folder: Annotated[Path, typer.Option(help="Where a run would write.")] = Path(),
    configfile: Annotated[
        list[Path] | None,
        typer.Option(help="Also check what this configuration needs; repeat as for Snakemake."),
    ] = None,
    workflow: Annotated[
        Path | None, typer.Option(help="Folder of the Snakefile; default: this one, or gexpipe's.")
    ] = None,
    self_check: Annotated[
        bool, typer.Option("--self-check", help="Compare the scan with the plain reference.")
    ] = False,
    look: Annotated[
        bool, typer.Option("--preflight", help="Look at every file of the configuration.")
    ] = False,
    heal: Annotated[
        bool, typer.Option("--heal", help="Remove outputs in --folder that are empty or cut off.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
    length: Annotated[int, typer.Option(help="Self-check: tokens.", min=1)] = 2000,
    width: Annotated[int, typer.Option(help="Self-check: channels.", min=1)] = 64,
    batch: Annotated[int, typer.Option(help="Self-check: genes.", min=1)] = 2,
    state: Annotated[int, typer.Option(help="Self-check: state dimensions.", min=1)] = 16,
) -> None:
    """Print one line per package, program and backend; exit 1 when something needed is missing.

    With --configfile: portals, downloads and disk of that configuration; exit 1 when a portal that
    is needed does not answer, or the disk is too small.

    With --preflight: one line per file of the configuration (the shipped one without --configfile),
    from its portal's record and its first bytes; exit 1 when one would stop a run.

    With --heal: one line per output that a power cut broke; it is removed, so that the next run
    makes it again.

    With --self-check: one line per value and gradient of the scan; exit 1 when one deviates.
    """
    from gexpipe.doctor.installed import check_scan, examine
    from gexpipe.home import home

    workflow = workflow or (Path() if Path("config/config.yaml").exists() else home())
    if heal:
        _heal(folder)
        return
    if look:
        _preflight(workflow, configfile or [], folder, as_json)
        return
    findings = check_scan(batch, length, width, state) if self_check else examine(folder)
    if configfile and not self_check:
        from gexpipe.doctor.plan import examine_plan

        findings += examine_plan(workflow, configfile, folder)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    for finding in findings if not as_json else []:
        typer.echo(f"{finding.state:8}{finding.what:36}{finding.detail}")
    if any(finding.state in ("missing", "failed") for finding in findings):
        raise typer.Exit(1)


def _heal(folder: Path) -> None:
    from gexpipe.whole import broken_outputs

    found = broken_outputs(folder)
    for path, wrong in found.items():
        path.unlink()
        typer.echo(f"removed {path}: {wrong}")
    typer.echo(f"{len(found)} broken outputs")


def _preflight(workflow: Path, configfiles: list[Path], folder: Path, as_json: bool) -> None:
    from gexpipe.doctor.preflight import preflight

    report = preflight(workflow, configfiles, folder)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    for row in report.rows if not as_json else []:
        typer.echo(f"{row.state:8}{row.use:28} {row.accession:24} {row.line()}")
    if not as_json:
        for line in report.words():
            typer.echo(line)
    if report.failed:
        raise typer.Exit(1)
