"""``gexpipe simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def main(
    config: Annotated[
        Path, typer.Option(help="Sizes and shares, e.g. config/simulator/demo.yaml.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write: mirror, truth, config.")],
    seed: Annotated[int | None, typer.Option(help="Instead of the configuration's seed.")] = None,
) -> None:
    """Write a simulated genome with known regulatory truth, as a mirror of the portals."""
    from gexpipe.simulate.config import load_config
    from gexpipe.simulate.genome_folder import simulate

    simulate(load_config(config), out, seed)
