"""``gexpipe init``: a folder to work in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.home import home
from gexpipe.log import get_logger

__all__ = ["app"]

log = get_logger(__name__)
app = typer.Typer(help="A folder to work in: Snakefile, configuration, sheets, profile.")

SNAKEFILE = """\
# The workflow of gexpipe as a module: its rules, under this folder's configuration. Rules of your
# own can stand below.
from gexpipe.home import snakefile


configfile: "config/config.yaml"


module gexpipe:
    snakefile:
        snakefile()
    config:
        config


use rule * from gexpipe


onstart:
    # What is about to be fetched is looked at first (docs/preflight.md); then a line a stage.
    from gexpipe.doctor.start import look_first_in
    from gexpipe.tables.progress import follow

    look_first_in(workflow, config)
    follow(workflow)
"""
CONFIG = """\
# What differs from gexpipe's own configuration; that file explains every key:
# {keys}

cells: [{cells}]
samples: config/samples.tsv
files: config/files.tsv
reference:
  files: config/reference.tsv
"""
# Sheet -> what a row of it is, for those who start from an empty one.
SHEETS = {
    "samples.tsv": "One row a cell type. published_as: whose published values stand beside it.",
    "files.tsv": (
        "One row a file. role: dnase_bam, atac_bam or atac_fragments, h3k27ac_bam, dnase_bigwig, "
        "h3k27ac_bigwig, hic, cage or rnaseq. source: encode, 4dn, fantom5, zenodo, url, or path "
        "for a file of yours, whose path is its url. format: bam, bigWig, hic, mcool, ctss, tsv."
    ),
}


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    empty: Annotated[
        bool, typer.Option("--empty", help="Sheets without cell types, their columns explained.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="A simulated genome: offline, two cores, minutes.")
    ] = False,
    tiny: Annotated[
        bool, typer.Option("--tiny", help="A smaller one: every rule in a minute, for a look.")
    ] = False,
) -> None:
    """Write a small project: a Snakefile that uses gexpipe as a module, configuration and sheets.

    The sheets hold the papers' cell types, unless --empty, --demo or --tiny says otherwise.
    """
    if empty + demo + tiny > 1:
        raise UserError("one of them at a time", "--empty, --demo, --tiny")
    if (folder / "Snakefile").exists():
        raise UserError("there is a Snakefile already; nothing was written", folder)
    workflow = home()
    (folder / "config").mkdir(parents=True, exist_ok=True)
    shutil.copytree(workflow / "profiles/default", folder / "profiles/default", dirs_exist_ok=True)
    if demo or tiny:
        _simulated(workflow, folder, "demo" if demo else "tiny")
    else:
        _sheets(workflow, folder, empty)
    _write(folder / "Snakefile", SNAKEFILE)  # last: what has it is whole
    first = "fill in config/*.tsv and config/config.yaml, then: " if empty else ""
    log.info("%s: %ssnakemake --cores 2 results/tables/table1.tsv (in that folder)", folder, first)


def _simulated(workflow: Path, folder: Path, size: str) -> None:
    from gexpipe.simulate.config import load_config
    from gexpipe.simulate.genome_folder import simulate

    simulate(load_config(workflow / f"config/simulator/{size}.yaml"), folder / "simulated")
    _write(folder / "config/config.yaml", (workflow / f"config/{size}.yaml").read_text())


def _sheets(workflow: Path, folder: Path, empty: bool) -> None:
    shutil.copy2(workflow / "config/reference.tsv", folder / "config/reference.tsv")
    for name, words in SHEETS.items():
        shipped = workflow / "config" / name
        if empty:
            columns = shipped.read_text().partition("\n")[0]
            _write(folder / "config" / name, f"{columns}\n# {words}\n")
        else:
            shutil.copy2(shipped, folder / "config" / name)
    cells = "" if empty else "K562, GM12878"
    text = CONFIG.format(keys=workflow / "config/config.yaml", cells=cells)
    _write(folder / "config/config.yaml", text)


def _write(path: Path, text: str) -> None:
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
