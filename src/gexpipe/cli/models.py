"""``gexpipe models``: the methods and their sizes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gexpipe.cli.options import Threads
from gexpipe.log import get_logger

if TYPE_CHECKING:
    from gexpipe.methods.settings import MethodConfig

log = get_logger(__name__)
app = typer.Typer(help="List the methods with their parameter counts; check one of your own.")


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="Folder of method files.")] = Path("config/methods"),
    methods: Annotated[
        str | None, typer.Option(help="Instead of a folder: JSON, run -> method settings.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="TSV to write with --methods: run, parameters.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The list as JSON.")] = False,
) -> None:
    """One line a method file: name, parameters, architecture, label.

    With --methods and --out: the parameters of any settings, as a table.
    """
    if context.invoked_subcommand:
        return
    # A list fetches nothing: without its language model in the cache, GTA's size is not known here.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gexpipe.errors import UserError
    from gexpipe.methods.merged import read_method

    if methods is not None and out is not None:
        _write_counts(json.loads(methods), out)
        return
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError("no method files (NAME.yaml) in this folder", folder)
    listed = [_described(read_method(str(file))) for file in files]
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
        return
    typer.echo(f"{'method':<22}{'parameters':>12}  {'architecture':<18}row of table 1")
    for row in listed:
        count = row["parameters"]
        shown = "?" if row["error"] else "none" if count is None else f"{count:,}"
        typer.echo(f"{row['method']:<22}{shown:>12}  {row['architecture']:<18}{row['label']}")


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Method: NAME.yaml of one of the folders.")],
    folder: Annotated[
        list[Path], typer.Option(help="Folder of method files, beside those of packages; repeat.")
    ] = [Path("config/methods")],  # noqa: B006  # typer copies it
    length: Annotated[
        int | None, typer.Option(help="Window to check it with, bp; default: the method's.", min=2)
    ] = None,
    threads: Threads = 1,
) -> None:
    """Prove that a model keeps what training and tables rely on; one line an answer.

    Shapes, finite loss and gradients, windows without bases or signals, determinism, checkpoints,
    other window lengths, cost of a step. Exit status 1 when a promise is broken.
    """
    from dataclasses import replace

    from gexpipe.methods.merged import read_named
    from gexpipe.methods.outside import method_folders
    from gexpipe.train.process import prepare

    prepare(threads)
    from gexpipe.models.contract import check_contract

    config = read_named(name, [*folder, *method_folders()])
    if length:
        config = replace(config, inputs=replace(config.inputs, length=length))
    broken = 0
    for answer in check_contract(config):
        word = {True: "yes", False: "NO", None: "note"}[answer.kept]
        typer.echo(f"{word:<5}{answer.what:<40}{answer.found}")
        broken += answer.kept is False
    if broken:
        raise typer.Exit(1)


def _described(config: MethodConfig) -> dict[str, Any]:
    """A method with its trained parameters: None for a baseline, and where they cannot be told."""
    from gexpipe.errors import UserError

    row = {"method": config.name, "architecture": config.architecture, "label": config.label}
    try:
        return {**row, "parameters": _count(config), "error": None}
    except UserError as error:
        log.warning("%s", error)
        return {**row, "parameters": None, "error": str(error)}


def _count(config: MethodConfig) -> int | None:
    """Trained parameters; None for a baseline without a network."""
    import torch

    from gexpipe.models import build, parameters

    if not config.declared.trained:
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
