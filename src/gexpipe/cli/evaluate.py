"""``gexpipe evaluate``: predictions of a checkpoint, metrics of predictions, CRISPR benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import Checkpoint, Predictors, Threads
from gexpipe.cli.sources import takes_sources
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.log import get_logger

app = typer.Typer(no_args_is_help=True, help="Per-gene predictions, and metrics from them.")
log = get_logger(__name__)


@app.command()
@takes_sources(
    "sequence",
    "signals",
    "elements",
    "bins",
    "bin_signals",
    "prompts",
    "gene_activity",
    "links",
)
def predict(
    context: typer.Context,
    sources: Sources,
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option(help="Parquet file to write; a TSV with --vcf or --eqtl.")],
    embeddings: Annotated[
        Path | None,
        typer.Option(help="File to write (.npz): gene_id, and the vector before the head."),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="Method configuration that the authors' checkpoint holds.")
    ] = None,
    fold: Annotated[
        int | None, typer.Option(help="Default: the checkpoint's own, 11 for the authors'.")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Parts of the fold; repeat. Default: valid, test.")
    ] = None,
    shuffle_windows: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            help="Control: every gene gets the window of another gene of its part.",
        ),
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Signal to give as zeros; repeat.")] = None,
    length: Annotated[
        int | None, typer.Option(help="Bases around the TSS, instead of those trained on.", min=2)
    ] = None,
    weighted: Annotated[
        bool, typer.Option("--weighted", help="Prism: predict from signals times learned weights.")
    ] = False,
    threads: Threads = 1,
    vcf: Annotated[
        Path | None,
        typer.Option(help="VCF or BCF: predict each gene with the alleles of individuals (TSV)."),
    ] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="Individual of --vcf; repeat. Default: all.")
    ] = None,
    genome: Annotated[
        Path | None, typer.Option(help="With --vcf or --eqtl: indexed FASTA of the stores.")
    ] = None,
    eqtl: Annotated[
        Path | None,
        typer.Option(
            help="Table of eQTLs (gene_id, slope, and chrom, pos, ref, alt or variant): single"
            " variants beside their slopes."
        ),
    ] = None,
) -> None:
    """Predict the genes of the checkpoint's fold, from any cell type's stores.

    With --vcf or --eqtl the alleles' bases are put into the windows; OUT is a TSV, of --eqtl
    OUT.eqtl.tsv (pairs) and OUT.agreement.tsv come beside it.
    """
    from gexpipe.devices import hold
    from gexpipe.train.process import prepare

    context.with_resource(hold())
    prepare(threads)
    from gexpipe.methods.merged import read_method
    from gexpipe.prediction.files import Changes, predict_files

    if vcf is None and sample:
        raise UserError("individuals are those of a --vcf", "--sample")
    settings, parts = read_method(method) if method else None, tuple(split or ())
    if vcf is None and eqtl is None:
        changes = Changes(tuple(drop or ()), length, weighted, shuffle_windows)
        predict_files(checkpoint, settings, sources, changes, fold, parts, out, embeddings)
        return
    others = any((embeddings, drop, length, weighted)) or shuffle_windows is not None
    if genome is None or others:
        raise UserError(
            "give --genome, and no --embeddings, --drop, --length, --weighted or "
            "--shuffle-windows beside it",
            "--vcf and --eqtl",
        )
    from gexpipe.prediction.variants import predict_variants, write_variants

    found = predict_variants(
        checkpoint, settings, sources, genome, vcf, tuple(sample or ()), eqtl, fold, parts
    )
    write_variants(found, out)


@app.command()
def metrics(
    predictions: Annotated[list[Path], typer.Option(help="Prediction files; repeat.")],
    out: Annotated[Path, typer.Option(help="TSV to write.")],
    split: Annotated[str, typer.Option(help="Part of the fold to score.")] = "test",
) -> None:
    """MSE, MAE, Pearson, Spearman and n of each prediction file."""
    from gexpipe.files import aside
    from gexpipe.tables.metrics import metric_table

    table = metric_table(predictions, split)
    with aside(out) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


@app.command()
def crispr(
    predictions: Annotated[Path, typer.Option(help="Element-gene scores (predictions.parquet).")],
    crispr: Annotated[Path, typer.Option(help="CRISPRi table (columns of EPCrisprBenchmark).")],
    genes: Annotated[Path, typer.Option(help="Gene table (genes.tsv).")],
    out: Annotated[Path, typer.Option(help="TSV to write: average precision by distance.")],
    curve: Annotated[
        Path | None, typer.Option(help="TSV to write: precision and recall at every threshold.")
    ] = None,
    column: Annotated[str, typer.Option(help="Score column; larger = more likely.")] = "abc_score",
    cell: Annotated[
        list[str] | None, typer.Option(help="Keep rows of this CellType; repeat.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Bootstrap samples.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 1,
    predictor: Predictors = None,
) -> None:
    """Average precision of element-gene scores against CRISPRi; distance alone beside it."""
    from gexpipe.crispri.pairs import crispr_pairs, overlap_scores
    from gexpipe.crispri.precision import benchmark, curve_table
    from gexpipe.crispri.predictors import predictor_scores
    from gexpipe.reference.genes import read_genes, write_table

    known = read_genes(genes)
    pairs = crispr_pairs(crispr, known, cell or ())
    scores = {
        column: overlap_scores(pairs, predictions, column),
        "distance": -pairs["distance"].to_numpy(),
    }
    scores |= predictor_scores(pairs, predictor or (), known, cell or (), scores)
    table = benchmark(pairs, scores, samples, seed)
    write_table(table, out)
    if curve is not None:
        write_table(curve_table(pairs, scores), curve)
    for row in table[table["distance"] == "all"].itertuples():
        log.info("%s: average precision %.3f", row.predictor, row.average_precision)
