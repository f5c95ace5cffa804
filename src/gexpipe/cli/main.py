"""``gexpipe``: one sub-command a stage, loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gexpipe import __version__, log, ranks
from gexpipe.cli.causes import of_the_machine
from gexpipe.errors import UserError

__all__ = ["STAGES", "main", "run"]

# Sub-command -> one line of help. Each lives in gexpipe.cli.<name> as a typer app called `app`;
# nothing is imported before it is asked for: `gexpipe --help` and data preparation need no torch.
STAGES: dict[str, str] = {
    "init": "A folder to work in: Snakefile, configuration, sheets, profile.",
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
    "stress": "What trained methods use, asked where the truth is known.",
    "evaluate": "Per-gene predictions of a checkpoint, and metrics from predictions.",
    "gta": "GTA: bin features, prompts, the Geuvadis target, figures.",
    "extract": "What an expression model of others (Borzoi, Enformer, your own) says at every TSS.",
    "baseline": "Baselines: linear, boosted; zero-shot and ridge on models of others.",
    "external": "Predictions of a method that gexpipe does not train, checked.",
    "tables": "Benchmark tables and figures beside the published values.",
    "benchmark": "Intervals, other cell types, the leaderboard: from predictions alone.",
    "compare": "Why two preparations of a cell type differ: input by input, gene by gene.",
    "models": "List the methods with their parameter counts.",
    "doctor": "What is installed, which backends are used, and why.",
    "export": "Prepared data or a model, with checksums and a card, for a public archive.",
    "import": "Verify such an archive and make a project use it: nothing is downloaded.",
}
# Where a sub-command lives whose name no module can have.
MODULES = {"import": "imported"}


# What a mistake on the command line raises. typer may carry a click of its own, so click's class is
# found as the base of what typer exports (BadParameter, UsageError, ClickException).
MISTAKE: Any = typer.BadParameter.__mro__[2]


# What people call by hand; the other stages are what the workflow calls.
PEOPLE: dict[str, str] = {
    "init": STAGES["init"],
    "doctor": STAGES["doctor"],
    "models": STAGES["models"],
    "models check": "Whether a model of your own keeps what training and tables rely on.",
    "predict": STAGES["predict"],
    "simulate": STAGES["simulate"],
    "export prepared": "Everything before training of a run, with checksums and a data card.",
    "export data": "Windows of a cell type as plain zarr, HDF5 or torch tensors.",
    "export model": "A trained model: safetensors, settings, metrics, model card.",
    "compare": STAGES["compare"],
    "import": STAGES["import"],
    "windows inspect": "What a window store holds; one gene's tracks as a picture.",
    "discover locus": "A gene's neighbourhood: signals, contact, scores, known elements.",
    "discover motifs": "The motifs that EPInformer's sequence encoder reads.",
}


class LazyGroup(TyperGroup):
    """A group of commands that imports a sub-command's module only when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the pipeline."""
        return list(STAGES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import ``gexpipe.cli.<name>`` and return its command."""
        if cmd_name not in STAGES:
            return None
        module = importlib.import_module(f"gexpipe.cli.{MODULES.get(cmd_name, cmd_name)}")
        command = get_command(module.app)
        command.help = command.help or STAGES[cmd_name]
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them: for people, then those of the workflow."""
        with formatter.section("Commands for people"):
            formatter.write_dl(list(PEOPLE.items()))
        with formatter.section("Stages that the workflow calls"):
            formatter.write_dl([item for item in STAGES.items() if item[0] not in PEOPLE])


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gexpipe, version {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def gexpipe(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and debug lines.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """From accession numbers to a gene-expression benchmark.

    `gexpipe COMMAND --help` says what a command reads and writes. Stages can also be run by hand.
    """
    log.setup(verbose=debug)


main = get_command(app)


def run() -> None:
    """Entry point: exit status 2 for a wrong command line, one line and 1 for a `UserError`."""
    debug = "--debug" in sys.argv[1:] or os.environ.get("GEXPIPE_DEBUG") == "1"
    try:
        # What a command returns, or the status of the `typer.Exit` that it raised.
        sys.exit(main(prog_name="gexpipe", standalone_mode=False))
    except UserError as error:
        if debug:
            raise
        ranks.say(f"gexpipe: error: {error}")
        sys.exit(1)
    except MISTAKE as error:
        error.show()
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("gexpipe: stopped", err=True)
        sys.exit(130)
    except Exception as error:
        if ranks.lost(error):
            sys.exit(ranks.LOST)
        if debug:
            raise
        reason = of_the_machine(error)
        if reason:
            ranks.say(f"gexpipe: error: {reason}")
            sys.exit(1)
        kind = type(error).__name__
        hint = "this is a fault of gexpipe; run again with GEXPIPE_DEBUG=1 for a traceback"
        ranks.say(f"gexpipe: {kind}: {error} ({hint})")
        sys.exit(70)


if __name__ == "__main__":
    run()
