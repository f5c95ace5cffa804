"""``gexpipe``: one sub-command a stage, loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import cast

import click
import typer
from typer.main import get_command

from gexpipe import __version__, log
from gexpipe.errors import UserError
from gexpipe.files import disk_is_full

__all__ = ["STAGES", "main", "run"]

# Sub-command -> one line of help. Each lives in gexpipe.cli.<name> as a typer app called `app`;
# nothing is imported before it is asked for: `gexpipe --help` and data preparation need no torch.
STAGES: dict[str, str] = {
    "simulate": "Write a simulated genome with known regulatory truth, as a mirror of the portals.",
    "download": "Fetch one file of the sheet: verified, resumable, recorded.",
    "check": "Check that chromosome names and lengths agree between input files.",
    "reference": "Genome, gene table (TSS), mRNA features, splits and expression targets.",
    "peaks": "Call MACS3 peaks on DNase or ATAC alignments.",
    "abc": "Activity-by-Contact: candidate elements, activity, scores.",
    "contacts": "Contact rows of every TSS from .hic or .mcool, or a power law.",
    "windows": "Zarr stores of windows around each TSS: build, inspect.",
    "train": "Train one method on one cell type, one fold, one seed.",
    "predict": "Per-gene predictions (and embeddings) of a checkpoint, for any cell type.",
    "discover": "What a model looks at, against the truth, and as browser tracks.",
    "evaluate": "Per-gene predictions of a checkpoint, and metrics from predictions.",
    "gta": "GTA: bin features, prompts, the Geuvadis target, figures.",
    "baseline": "Linear and gradient-boosted baselines on the gene features.",
    "tables": "Benchmark tables and figures beside the published values.",
    "models": "List the methods with their parameter counts.",
    "doctor": "What is installed, which backends are used, and why.",
}


class LazyGroup(click.Group):
    """A click group that imports a sub-command's module only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the pipeline."""
        return list(STAGES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import ``gexpipe.cli.<name>`` and return its command."""
        if cmd_name not in STAGES:
            return None
        module = importlib.import_module(f"gexpipe.cli.{cmd_name}")
        command = get_command(module.app)
        command.help = command.help or STAGES[cmd_name]
        return cast(click.Command, command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the stages without importing them."""
        with formatter.section("Stages"):
            formatter.write_dl(list(STAGES.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gexpipe")
@click.option("--debug", is_flag=True, help="Show tracebacks and debug lines.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """From accession numbers to a gene-expression benchmark.

    Snakemake calls these commands; each can also be run by hand. `gexpipe STAGE --help` says what a
    stage reads and writes.
    """
    ctx.ensure_object(dict)["debug"] = debug
    log.setup(verbose=debug)


def _of_the_machine(error: Exception) -> str | None:
    """One line for what a disk or a permission did; None for what is a fault of the program."""
    if disk_is_full(error):
        return "no space left on the disk"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return None


def run() -> None:
    """Entry point: a `UserError` becomes one line and exit status 1."""
    debug = "--debug" in sys.argv[1:] or os.environ.get("GEXPIPE_DEBUG") == "1"
    try:
        main(standalone_mode=False)
    except UserError as error:
        if debug:
            raise
        click.echo(f"gexpipe: error: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("gexpipe: stopped", err=True)
        sys.exit(130)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except Exception as error:
        if debug:
            raise
        reason = _of_the_machine(error)
        if reason:
            click.echo(f"gexpipe: error: {reason}", err=True)
            sys.exit(1)
        kind = type(error).__name__
        hint = "this is a fault of gexpipe; run again with GEXPIPE_DEBUG=1 for a traceback"
        click.echo(f"gexpipe: {kind}: {error} ({hint})", err=True)
        sys.exit(70)


if __name__ == "__main__":
    run()
