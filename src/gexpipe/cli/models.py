"""``gexpipe models``: the methods and their sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List the methods with their parameter counts.")


@app.command()
def models(
    folder: Annotated[Path, typer.Option(help="Folder of method files.")] = Path("config/methods"),
) -> None:
    """One line a method file: name, parameters, architecture, label."""
    from gexpipe.errors import UserError
    from gexpipe.models import architectures, build, parameters
    from gexpipe.train.options import read_method

    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError("no method files (NAME.yaml) in this folder", folder)
    typer.echo(f"{'method':<18}{'parameters':>12}  {'architecture':<14}row of table 1")
    for file in files:
        config = read_method(str(file))
        count = "none"  # a baseline without a network
        if config.architecture in architectures():
            model = build(config.architecture, config.model, config.inputs, config.name)
            count = f"{parameters(model):,}"
        typer.echo(f"{config.name:<18}{count:>12}  {config.architecture:<14}{config.label}")
