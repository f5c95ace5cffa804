"""Commands of ``gexpipe discover`` that look into one trained model: weights, motifs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Seed, Threads, TrainedFold
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["motifs", "weights"]

log = get_logger(__name__)

TOLERANCE = 0.01  # of DeepLIFT's sums, as share of the mean difference of predictions


@takes_sources("sequence", "signals", required=("sequence", "signals"))
def weights(
    sources: Sources,
    checkpoint: Annotated[Path, typer.Option(help="best.ckpt of a run of Prism.")],
    out: Annotated[Path, typer.Option(help="PNG to write.")],
    fold: TrainedFold = None,
    gene: Annotated[
        list[str] | None,
        typer.Option(help="Gene id or symbol; repeat. Default: the first test genes."),
    ] = None,
    count: Annotated[int, typer.Option(help="Genes to draw without --gene.", min=1)] = 12,
    threads: Threads = 1,
) -> None:
    """Draw the weights of the signals that Prism learned, gene by gene."""
    from gexpipe.train.process import prepare

    prepare(threads)
    import numpy as np

    from gexpipe.data.open import open_data
    from gexpipe.discovery.weights import draw_weights, learned_weights
    from gexpipe.models.checkpoint import open_checkpoint
    from gexpipe.reference.genes import find_row

    model, config, trained = open_checkpoint(checkpoint, None)
    data = open_data(sources, config)
    chosen = [find_row(data.gene_ids, data.table["symbol"], name, "--gene") for name in gene or []]
    tested = data.split(fold or trained or 11, "test")[:count]
    rows = np.array(chosen, dtype=np.int64) if gene else tested
    found = learned_weights(model, data, rows, config.train.batch_size)
    names = data.table["symbol"].iloc[rows].tolist()
    title = f"{config.name}: learned weights, mean {found.mean():.2f}"
    draw_weights(found, names, title, out)
    log.info("weights of %d genes, mean %.3f", len(rows), found.mean())


@takes_sources("activity", "genome", required=("activity", "genome"))
def motifs(
    sources: Sources,
    checkpoint: Annotated[Path, typer.Option(help="best.ckpt of a run of enhancer_encoder.")],
    out: Annotated[Path, typer.Option(help="TSV to write.")],
    figure: Annotated[Path, typer.Option(help="PNG to write: logos.")],
    database: Annotated[Path | None, typer.Option(help="Known motifs, a MEME file.")] = None,
    split: Annotated[str, typer.Option(help="Part of the checkpoint's fold, or all.")] = "all",
    most: Annotated[int, typer.Option(help="So many elements, the most active.", min=1)] = 20_000,
    least: Annotated[int, typer.Option(help="Seqlets below which there is no pattern.")] = 100,
    attribution: Annotated[str, typer.Option(help="gradient, or deeplift.")] = "gradient",
    references: Annotated[
        int, typer.Option(help="DeepLIFT: shuffled references of an element.", min=1)
    ] = 1000,
    seed: Seed = 1,
    threads: Threads = 1,
) -> None:
    """Find the motifs that EPInformer's sequence encoder reads. Needs the motifs extra.

    By its gradients, or by DeepLIFT against dinucleotide-shuffled references; then it is said how
    far the contributions of an element are from adding up to the difference of predictions.
    """
    from gexpipe.train.process import prepare

    prepare(threads)
    import numpy as np
    import torch

    from gexpipe.data.open import open_data
    from gexpipe.discovery import motifs as finding
    from gexpipe.discovery.logos import draw_logos
    from gexpipe.discovery.shuffled_references import deep_lift
    from gexpipe.models.checkpoint import open_checkpoint
    from gexpipe.reference.genes import write_table

    kinds = ("gradient", "deeplift")
    if attribution not in kinds:
        raise UserError(f"{attribution!r}, expected {' or '.join(kinds)}", "--attribution")
    model, config, trained = open_checkpoint(checkpoint, None)
    if "motifs" not in config.declared.shows:
        raise UserError(f"a {config.architecture}, which shows no motifs", checkpoint)
    known = finding.read_motifs(database) if database else {}
    data = open_data(sources, config)
    target = data.table["target"].to_numpy()
    rows = np.arange(len(target)) if split == "all" else data.split(trained or 11, split)
    rows = np.sort(rows[np.argsort(-target[rows], kind="stable")[:most]])
    both = config.inputs.reverse_complement > 0
    gap = float("nan")
    if attribution == "deeplift":
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        lifted = deep_lift(model, data, rows, references, both, seed)
        if len(lifted.rows) < len(rows):
            log.warning("%d of %d elements have an unknown base and are left out",
                        len(rows) - len(lifted.rows), len(rows))  # fmt: skip
        gap, given = lifted.gap, (lifted.bases, lifted.contributions)
        say = log.warning if gap > TOLERANCE else log.info
        say("contributions add up to the difference from %d references within %.2g of its mean",
            references, gap)  # fmt: skip
    else:
        given = finding.attributions(model, data, rows, config.train.batch_size, both)
    found = finding.find_motifs(*given, least=least)
    table = finding.match(found, known).assign(attribution=attribution, gap=gap)
    write_table(table, out)
    draw_logos([item["matrix"] for item in found], table, figure)
    log.info("%d patterns in %d elements", len(table), len(rows))
