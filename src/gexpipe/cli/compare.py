"""``gexpipe compare``: why two preparations of a cell type differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexpipe.log import get_logger

if TYPE_CHECKING:
    import pandas as pd

    from gexpipe.compare.sides import Side

__all__ = ["app"]

logger = get_logger(__name__)

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A project, its results, or the folder of a run.")],
    b: Annotated[Path, typer.Argument(help="The other one.")],
    out: Annotated[Path, typer.Option(help="Table of what differs; a page stands beside it.")],
    cell: Annotated[str | None, typer.Option(help="Cell type, of A and of B.")] = None,
    cell_b: Annotated[str | None, typer.Option(help="Its name in B, where it is another.")] = None,
    genes: Annotated[
        int, typer.Option(help="Genes whose windows are read; 0 for all.", min=0)
    ] = 500,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Trained model: how much each input moves its predictions.")
    ] = None,
) -> None:
    """Say where and how much two prepared data sets differ, input by input and gene by gene."""
    from gexpipe.compare.report import write_report
    from gexpipe.compare.sides import open_side
    from gexpipe.compare.stores import store_differences
    from gexpipe.compare.tables import table_differences

    ours, theirs = open_side("A", a, cell), open_side("B", b, cell_b or cell)
    found = [*table_differences(ours, theirs), *store_differences(ours, theirs, genes)]
    shares = _shares(ours, theirs, checkpoint, genes) if checkpoint else None
    write_report(ours, theirs, found, out, shares)
    for difference in sorted(found, key=lambda d: -d.size)[:10]:
        logger.info("%s: %s", difference.what, difference.words)
    logger.info("%d inputs differ; the page is %s", len(found), out.with_suffix(".html"))


def _shares(ours: Side, theirs: Side, checkpoint: Path, genes: int) -> pd.DataFrame:
    """What each input makes of the difference between the model's predictions."""
    from gexpipe.compare.stores import drawn_genes
    from gexpipe.compare.swap import explained, swapped_predictions
    from gexpipe.data.open import open_data
    from gexpipe.data.sources import sources_of
    from gexpipe.errors import UserError
    from gexpipe.methods.settings import MethodConfig
    from gexpipe.models.checkpoint import load_checkpoint, restore

    content = load_checkpoint(checkpoint)
    config = MethodConfig.from_mapping(content["method"])
    if config.declared.reads != "windows":
        raise UserError(
            f"{config.label} reads {config.declared.reads}; inputs can be exchanged for methods on "
            "windows",
            checkpoint,
        )
    model, _ = restore(content)
    a, b = (open_data(sources_of(s.results.parent, s.cell), config) for s in (ours, theirs))
    chosen = drawn_genes(a, b, genes)
    return explained(swapped_predictions(model, a, b, chosen, list(config.inputs.signals)))
