"""``gexpipe models``: the methods and their sizes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexpipe.log import get_logger

if TYPE_CHECKING:
    from gexpipe.methods.settings import MethodConfig

log = get_logger(__name__)
app = typer.Typer(help="List the methods with their parameter counts.")


@app.command()
def models(
    folder: Annotated[Path, typer.Option(help="Folder of method files.")] = Path("config/methods"),
    methods: Annotated[
        str | None, typer.Option(help="Instead of a folder: JSON, run -> method settings.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="TSV to write with --methods: run, parameters.")
    ] = None,
) -> None:
    """One line a method file: name, parameters, architecture, label.

    With --methods and --out: the parameters of any settings, as a table.
    """
    # A list fetches nothing: without its language model in the cache, GTA's size is not known here.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gexpipe.errors import UserError
    from gexpipe.methods.settings import read_method

    if methods is not None and out is not None:
        _write_counts(json.loads(methods), out)
        return
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError("no method files (NAME.yaml) in this folder", folder)
    typer.echo(f"{'method':<22}{'parameters':>12}  {'architecture':<18}row of table 1")
    for file in files:
        config = read_method(str(file))
        try:
            count = _count(config)
            shown = "none" if count is None else f"{count:,}"
        except UserError as error:
            log.warning("%s", error)
            shown = "?"
        typer.echo(f"{config.name:<22}{shown:>12}  {config.architecture:<18}{config.label}")


def _count(config: MethodConfig) -> int | None:
    """Trained parameters; None for a baseline without a network."""
    import torch

    from gexpipe.models import architectures, build, parameters

    if config.architecture not in architectures():
        return None
    with torch.device("meta"):  # shapes alone: no weights are drawn or held
        model = build(config.architecture, config.model, config.inputs, config.name)
    return parameters(model)


def _write_counts(methods: dict[str, dict], out: Path) -> None:
    from gexpipe.files import aside
    from gexpipe.methods.settings import MethodConfig

    with aside(out) as temporary:
        lines = ["run\tparameters"]
        for run, settings in methods.items():
            lines.append(f"{run}\t{_count(MethodConfig.from_mapping(settings)) or ''}")
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
