"""``gexpipe models``: the methods and their sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.log import get_logger

log = get_logger(__name__)
app = typer.Typer(help="List the methods with their parameter counts.")


@app.command()
def models(
    folder: Annotated[Path, typer.Option(help="Folder of method files.")] = Path("config/methods"),
) -> None:
    """One line a method file: name, parameters, architecture, label."""
    import torch

    from gexpipe.errors import UserError
    from gexpipe.models import architectures, build, parameters
    from gexpipe.train.options import read_method

    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError("no method files (NAME.yaml) in this folder", folder)
    typer.echo(f"{'method':<22}{'parameters':>12}  {'architecture':<18}row of table 1")
    for file in files:
        config = read_method(str(file))
        count = "none"  # a baseline without a network
        if config.architecture in architectures():
            try:
                with torch.device("meta"):  # shapes alone: no weights are drawn or held
                    model = build(config.architecture, config.model, config.inputs, config.name)
                count = f"{parameters(model):,}"
            except UserError as error:
                log.warning("%s", error)
                count = "?"
        typer.echo(f"{config.name:<22}{count:>12}  {config.architecture:<18}{config.label}")
