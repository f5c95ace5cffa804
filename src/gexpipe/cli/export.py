"""``gexpipe export``: what a run made, for a public archive: a folder, checksums, a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError
from gexpipe.log import get_logger

log = get_logger(__name__)
app = typer.Typer(
    no_args_is_help=True,
    help="Prepared data or a trained model, for a public archive; windows as plain tensors.",
)

Project = Annotated[Path, typer.Option(help="Working directory of the run.")]
Configs = Annotated[
    list[Path] | None,
    typer.Option(help="As given to Snakemake; default: config/config.yaml of the folder."),
]
Workflow = Annotated[
    Path | None, typer.Option(help="Folder of the Snakefile; default: this one, or gexpipe's.")
]
Out = Annotated[Path, typer.Option(help="Folder to write; it must not be there yet.")]
Pack = Annotated[
    str,
    typer.Option(help="folder; zip or tar: one file of it, too.", callback=lambda v: _known(v)),
]
Title = Annotated[str, typer.Option(help="First line of its card.")]
Licence = Annotated[str, typer.Option(help="Under which terms you give it away, for its card.")]


@app.command()
def prepared(
    out: Out,
    folder: Project = Path(),
    configfile: Configs = None,
    workflow: Workflow = None,
    pack: Pack = "folder",
    title: Title = "",
    licence: Licence = "",
) -> None:
    """Everything before training of a run: stores, tables, configuration, sheets, data card.

    `gexpipe import` makes another project read it instead of downloading and preparing.
    """
    from gexpipe.archive.prepared import export_prepared
    from gexpipe.doctor.stages import stages_of

    plan, root, configs = _plan(folder, configfile, workflow)
    waiting = stages_of(root, configs, folder, {}, ["prepare"])
    if waiting:
        jobs = ", ".join(f"{stage.name} {stage.jobs}" for stage in waiting)
        raise UserError(
            f"not everything is prepared with this configuration (jobs left: {jobs}): "
            "`snakemake prepare` first",
            folder,
        )
    words = {"title": title, "licence": licence}
    files = export_prepared(folder, plan.config, plan.sheets, root, out, words)
    _packed(out, pack, files)


@app.command()
def data(
    cell: Annotated[str, typer.Option(help="Cell type.")],
    out: Out,
    form: Annotated[str, typer.Option("--format", help="zarr, hdf5 or torch.")] = "zarr",
    length: Annotated[
        int, typer.Option(help="Central bases of the windows, bp; 0: all that are stored.")
    ] = 0,
    folder: Project = Path(),
    configfile: Configs = None,
    workflow: Workflow = None,
    pack: Pack = "folder",
    title: Title = "",
    licence: Licence = "",
) -> None:
    """The windows of a cell type as plain arrays (genes, length), with genes, target and folds.

    For programs that do not know gexpipe; `gexpipe import` takes `export prepared` only.
    """
    from gexpipe.archive.cards import plain_card
    from gexpipe.archive.plain import Windows, export_plain

    plan, _, _ = _plan(folder, configfile, workflow)
    plan.sheets.check_cell(cell)
    words = {"title": title, "licence": licence}
    card = plain_card(folder, plan.config, plan.sheets, cell, words)
    windows = Windows(
        cell,
        folder / "results/windows/sequence.zarr",
        folder / f"results/windows/{cell}.zarr",
        folder / f"results/examples/{cell}.parquet",
        length,
    )
    _packed(out, pack, export_plain(windows, form, out, card, words))


@app.command()
def model(
    run: Annotated[
        Path, typer.Argument(help="results/runs/CELL/METHOD/foldF/seedS, or a checkpoint.")
    ],
    out: Out,
    cell: Annotated[str, typer.Option(help="Cell type, where the folder does not say it.")] = "",
    pack: Pack = "folder",
    title: Title = "",
    licence: Licence = "",
) -> None:
    """A trained model: weights as safetensors, settings, metrics, predictions, model card."""
    from gexpipe.archive.model import export_model

    words = {"title": title, "licence": licence, **({"cell": cell} if cell else {})}
    _packed(out, pack, export_model(run, out, words))


def _plan(folder: Path, configfile: list[Path] | None, workflow: Path | None):  # type: ignore[no-untyped-def]
    """The configuration of a run, the workflow's folder and the configuration files."""
    from gexpipe.doctor.needs import open_plan
    from gexpipe.home import home

    own = folder / "config/config.yaml"
    root = workflow or home()
    configs = configfile or ([own] if own.is_file() else [])
    return open_plan(root, configs, folder), root, configs


def _known(form: str) -> str:
    from gexpipe.archive.folder import FORMS

    if form not in FORMS:
        raise UserError(f"{form!r} is not one of {', '.join(FORMS)}", "--pack")
    return form


def _packed(out: Path, form: str, files: int) -> None:
    from gexpipe.archive.folder import pack

    made = pack(out, form)
    log.info("%s: %d files, their checksums in SHA256SUMS", made, files)
