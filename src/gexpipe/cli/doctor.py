"""``gexpipe doctor``: what is installed, which backends are used, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, help="What is installed, which backends are used, and why.")


@app.command()
def doctor(
    folder: Annotated[Path, typer.Option(help="Where a run would write.")] = Path(),
) -> None:
    """Print one line per package, program and backend; exit 1 when something needed is missing."""
    from gexpipe.doctor import examine

    findings = examine(folder)
    for finding in findings:
        typer.echo(f"{finding.state:8}{finding.what:34}{finding.detail}")
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)
