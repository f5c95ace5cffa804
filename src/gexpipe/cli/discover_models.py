"""Commands of ``gexpipe discover`` that look into one trained model: weights, motifs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Cells, Fasta, Genes, Seed, Threads, TrainedFold
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["motifs", "mutagenesis", "weights"]

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


def mutagenesis(
    gene: Annotated[str, typer.Argument(help="Gene id or symbol.")],
    checkpoint: Annotated[Path, typer.Option(help="best.ckpt of a run of enhancer_encoder.")],
    genome: Fasta,
    genes: Genes,
    abc: Annotated[Path, typer.Option(help="ABC's element-gene scores (predictions.parquet).")],
    out: Annotated[Path, typer.Option(help="TSV to write: motifs in the best tiles.")],
    bases: Annotated[Path, typer.Option(help="TSV to write: every mutation of the best tiles.")],
    windows: Annotated[Path, typer.Option(help="TSV to write: tiles, masked pieces.")],
    figure: Annotated[Path, typer.Option(help="PNG to write.")],
    crispr: Annotated[
        Path | None, typer.Option(help="CRISPRi table: the elements that act, if any does.")
    ] = None,
    cell: Cells = None,
    database: Annotated[Path | None, typer.Option(help="Known motifs, a MEME file.")] = None,
    max_distance: Annotated[int, typer.Option(help="Of an enhancer to the TSS, bp.")] = 100_000,
    most: Annotated[int, typer.Option(help="So many enhancers.", min=1)] = 6,
    threads: Threads = 1,
) -> None:
    """Tile a gene's enhancers, and mutate every base of the most active tile of each.

    By EPInformer's encoder. The enhancers are those that CRISPRi says act, else ABC's best. Needs
    the motifs extra.
    """
    from gexpipe.train.process import prepare

    prepare(threads)
    import pandas as pd
    import torch
    from pyfaidx import Fasta as Indexed

    from gexpipe.crispri.known_elements import gene_enhancers, tested_elements
    from gexpipe.discovery import mutagenesis as reading
    from gexpipe.discovery.enhancer_figure import draw_enhancers
    from gexpipe.discovery.motifs import read_motifs
    from gexpipe.models.checkpoint import open_checkpoint
    from gexpipe.reference.genes import find_gene, read_genes, write_table
    from gexpipe.windows.layout import encode

    model, config, _ = open_checkpoint(checkpoint, None)
    if "motifs" not in config.declared.shows:
        raise UserError(f"a {config.architecture}, which shows no motifs", checkpoint)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    table = read_genes(genes)
    found = find_gene(table, gene)
    acting = pd.DataFrame(columns=["chrom", "start", "end"])
    if crispr is not None:
        acting = tested_elements(crispr, table, cell or (), str(found["gene_id"]))["CRISPRi acts"]
    chosen = gene_enhancers(abc, found, acting, max_distance, most)
    known = read_motifs(database) if database else {}
    with Indexed(str(genome), as_raw=True) as sequences:
        if found["chrom"] not in sequences:
            raise UserError(f"no chromosome {found['chrom']!r}", genome)
        track = encode(sequences[found["chrom"]][:])
    both = config.inputs.reverse_complement > 0
    read = [
        reading.read_enhancer(model, element, track, config.inputs.length, both)
        for element in chosen.to_dict("records")
    ]
    hits = pd.concat([reading.motif_hits(each, known) for each in read], ignore_index=True)
    write_table(hits, out)
    write_table(pd.concat([each.bases() for each in read], ignore_index=True), bases)
    write_table(pd.concat([each.windows() for each in read], ignore_index=True), windows)
    kind = "act by CRISPRi" if len(acting) else "are ABC's best"
    draw_enhancers(read, hits, f"{found['symbol']}: {len(read)} elements that {kind}", figure)
    log.info("%d elements of %s that %s; %d motifs", len(read), gene, kind, len(hits))
