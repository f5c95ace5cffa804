"""``gexpipe predict``: per-gene predictions of a checkpoint; short for ``evaluate predict``."""

from __future__ import annotations

import typer

from gexpipe.cli.evaluate import predict

app = typer.Typer(add_completion=False)
app.command()(predict)
