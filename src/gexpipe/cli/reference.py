"""``gexpipe reference``: genome, gene table, mRNA features, splits, targets, example tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gexpipe.cli.options import CageStrand, Chromosomes, Genes, Transform, TssWindow
from gexpipe.errors import UserError
from gexpipe.log import get_logger

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Genome, genes, mRNA features, splits and targets.",
)
logger = get_logger(__name__)

Out = Annotated[Path, typer.Option(help="Output file.")]


@app.command()
def genome(
    source: Annotated[Path, typer.Option(help="FASTA, gzipped or not.")],
    fasta: Annotated[Path, typer.Option(help="Output: plain FASTA, indexed.")],
    chrom_sizes: Annotated[
        Path, typer.Option("--chrom-sizes", "--sizes", help="Output: chromosome sizes.")
    ],
) -> None:
    """Decompress and index the genome and write its chromosome sizes."""
    from gexpipe.reference.genome import prepare_genome

    prepare_genome(source, fasta, chrom_sizes)


@app.command()
def genes(
    source: Annotated[str, typer.Option(help="table, gtf or bed.")],
    table: Annotated[Path, typer.Option(help="Published gene table, GTF, or BED of genes.")],
    chromosome: Chromosomes,
    out: Out,
    tss_column: Annotated[
        str,
        typer.Option(help="Published table: the column of the TSS; else tss, TSS, TSS_xpresso."),
    ] = "",
) -> None:
    """Write the gene table: id, symbol, chromosome, TSS (0-based), strand, source."""
    from gexpipe.reference.bed_genes import genes_from_bed
    from gexpipe.reference.genes import genes_from_gtf, genes_from_table, write_table

    readers: dict[str, Any] = {
        "table": genes_from_table,
        "gtf": genes_from_gtf,
        "bed": genes_from_bed,
    }
    read = readers.get(source)
    if read is None:
        raise UserError(f"{source!r} is not {', '.join(readers)}", "--source")
    options = {"tss_column": tss_column} if source == "table" else {}
    result = read(table, chromosome, **options)
    write_table(result, out)
    logger.info("%d genes on %d chromosomes", len(result), result["chrom"].nunique())


@app.command()
def lift(
    table: Annotated[Path, typer.Option(help="bed, ctss, tsv or csv of the other assembly.")],
    chain: Annotated[Path, typer.Option(help="UCSC chain file to the wanted assembly.")],
    file_format: Annotated[str, typer.Option("--format", help="bed, ctss, tsv or csv.")],
    out: Out,
    unmapped: Annotated[Path, typer.Option(help="Output: rows that have no place, and why.")],
) -> None:
    """Carry a table of intervals over to another assembly (hg19 to hg38)."""
    from gexpipe.reference.liftover import lift_file

    lift_file(table, chain, file_format, out, unmapped)


@app.command()
def splits(
    genes: Genes,
    out: Out,
    folds: Annotated[
        Literal["papers", "balanced"],
        typer.Option(help="The papers' human chromosomes, or folds of the genes' own."),
    ] = "papers",
    own: Annotated[
        Path | None, typer.Option(help="Own parts: gene_id and part, or fold_1, fold_2, ...")
    ] = None,
) -> None:
    """Write the part (train, valid, test) of every gene in every fold."""
    from gexpipe.reference.genes import read_genes, write_table
    from gexpipe.reference.own_splits import own_splits
    from gexpipe.reference.splits import split_table

    table = read_genes(genes)
    write_table(own_splits(table, own) if own else split_table(table, folds), out)


@app.command()
def mrna(
    source: Annotated[str, typer.Option(help="table or gtf.")],
    table: Annotated[Path, typer.Option(help="Published gene table, or GTF.")],
    genes: Genes,
    out: Out,
    fasta: Annotated[Path | None, typer.Option(help="Genome; needed for gtf.")] = None,
) -> None:
    """Write the eight mRNA features of every gene."""
    from gexpipe.reference.genes import read_genes, write_table
    from gexpipe.reference.mrna import mrna_from_gtf, mrna_from_table

    known = read_genes(genes)
    ids = known["gene_id"].tolist()
    if source == "table":
        result = mrna_from_table(table, ids)
    elif fasta is None:
        raise UserError("computing mRNA features from gene models needs the genome", "--fasta")
    else:
        result = mrna_from_gtf(table, fasta, sorted(set(known["chrom"])), ids)
    write_table(result, out)
    logger.info("mRNA features of %d genes", len(result))


@app.command()
def target(
    source: Annotated[str, typer.Option(help="table, cage, rnaseq, or none: no expression.")],
    genes: Genes,
    out: Out,
    file: Annotated[
        list[Path] | None, typer.Option(help="Published table, CAGE file(s) or RNA-seq table(s).")
    ] = None,
    column: Annotated[str, typer.Option(help="Column of the published table.")] = "",
    window: TssWindow = 384,
    strand: CageStrand = "both",
    transform: Transform = "log10p1",
) -> None:
    """Write the expression target of every gene: raw value and transformed value."""
    from gexpipe.reference import targets
    from gexpipe.reference.expression import mean_tpm
    from gexpipe.reference.genes import read_genes, write_table

    if source not in ("table", "cage", "rnaseq", "none"):
        raise UserError(f"{source!r} is not table, cage, rnaseq or none", "--source")
    if (source == "none") == bool(file):
        wanted = "no file" if file else "a file"
        raise UserError(f"expected {wanted} for the source {source}", "--file")
    files, known = file or [], read_genes(genes)
    if source == "none":
        write_table(targets.absent_target(known), out)
        logger.info("no target for %d genes: they can be predicted, not trained on", len(known))
        return
    if source == "table":
        if len(files) > 1:
            raise UserError(f"one published table is used, {len(files)} are given", "--file")
        raw = targets.published_column(files[0], column, known["gene_id"].tolist())
    elif source == "rnaseq":
        raw = mean_tpm(files, known)
    else:
        raw = targets.cage_libraries(files, known, window, strand)
    table = targets.target_table(known, raw, transform)
    write_table(table, out)
    logger.info(
        "target of %d genes: mean %.3f, zero for %d, missing for %d",
        len(table),
        table["target"].mean(),
        int((table["raw"] == 0).sum()),
        int(table["raw"].isna().sum()),
    )


@app.command()
def agreement(
    genes: Genes,
    cage: Annotated[list[Path], typer.Option(help="CAGE file(s): CTSS or bigWig.")],
    rnaseq: Annotated[list[Path], typer.Option(help="RNA-seq table; repeat for replicates.")],
    out: Annotated[Path, typer.Option(help="JSON to write.")],
    window: TssWindow = 384,
    strand: CageStrand = "both",
) -> None:
    """Report slope and correlation of CAGE on RNA-seq, where a cell type has both."""
    from gexpipe.files import write_json
    from gexpipe.reference import targets
    from gexpipe.reference.agreement import agreement as compare
    from gexpipe.reference.expression import mean_tpm
    from gexpipe.reference.genes import read_genes

    known = read_genes(genes)
    tags = targets.cage_libraries(cage, known, window, strand)
    report = compare(tags, mean_tpm(rnaseq, known))
    write_json(out, report)
    logger.info("CAGE on RNA-seq: %s", ", ".join(f"{k} {v:.3g}" for k, v in report.items()))


@app.command()
def examples(
    genes: Genes,
    splits: Annotated[Path, typer.Option(help="Splits made by `reference splits`.")],
    mrna: Annotated[Path, typer.Option(help="mRNA features made by `reference mrna`.")],
    target: Annotated[Path, typer.Option(help="Targets made by `reference target`.")],
    activity: Annotated[Path, typer.Option(help="Promoter activity made by `abc activity`.")],
    out: Out,
) -> None:
    """Join everything about the genes of one cell type: features, target, folds."""
    from gexpipe.files import aside
    from gexpipe.reference.examples import example_table
    from gexpipe.reference.genes import read_genes
    from gexpipe.reference.splits import read_splits
    from gexpipe.schemas import ACTIVITY, MRNA, TARGETS, read_stage

    table = example_table(
        read_genes(genes),
        read_splits(splits),
        read_stage(mrna, MRNA),
        read_stage(target, TARGETS),
        read_stage(activity, ACTIVITY, "promoter_activity"),
    )
    with aside(out) as temporary:
        table.to_parquet(temporary, index=False)
