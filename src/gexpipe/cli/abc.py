"""``gexpipe abc``: candidate elements, activity, scores and the element table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.abc.expressed import Expressed
from gexpipe.cli.options import ChromSizes, Genes
from gexpipe.contact.element import ContactModel
from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.errors import UserError
from gexpipe.files import read_json, require
from gexpipe.log import get_logger
from gexpipe.named import files_by_name

__all__ = ["app"]

logger = get_logger(__name__)

app = typer.Typer(no_args_is_help=True, help="Activity-by-Contact.")

Bams = Annotated[list[Path], typer.Option(help="BAM; repeat for replicates.")]
Reference = Annotated[
    Path | None, typer.Option(help="ABC's quantile reference; left out: RPM stays as it is.")
]
LargestShare = Annotated[
    float, typer.Option(help="Drop an element that holds more than this share of all reads.")
]
TssSlop = Annotated[int, typer.Option(help="Bases on either side of the TSS, bp.")]
DoubleSex = Annotated[
    bool, typer.Option("--double-sex", help="Count reads on X and Y twice, as ABC now does.")
]


@app.callback()
def abc() -> None:
    """Activity-by-Contact: elements, activity, scores."""


@app.command()
def candidates(
    peaks: Annotated[Path, typer.Option(help="narrowPeak with summits.")],
    bam: Bams,
    genes: Genes,
    chrom_sizes: ChromSizes,
    out: Annotated[Path, typer.Option(help="candidates.bed")],
    blacklist: Annotated[Path | None, typer.Option(help="BED of regions to drop.")] = None,
    n_strongest: Annotated[int, typer.Option(help="Regions kept, by reads.")] = 150_000,
    extend: Annotated[int, typer.Option(help="Bases on either side of a summit, bp.")] = 250,
    promoter_extend: TssSlop = 250,
    double_sex: DoubleSex = False,
) -> None:
    """Make candidate elements from peaks, read counts and promoters."""
    from gexpipe.abc import stage as run

    options = run.CandidateOptions(n_strongest, extend, promoter_extend, double_sex)
    run.make_candidates(peaks, bam, genes, chrom_sizes, blacklist, options, out)


@app.command()
def activity(
    candidates: Annotated[Path, typer.Option(help="candidates.bed")],
    dnase: Bams,
    genes: Genes,
    chrom_sizes: ChromSizes,
    out_elements: Annotated[Path, typer.Option(help="elements.parquet")],
    out_genes: Annotated[Path, typer.Option(help="genes.parquet")],
    out_quality: Annotated[Path, typer.Option(help="quality.json")],
    h3k27ac: Annotated[
        list[Path] | None, typer.Option(help="BAM; left out: activity is accessibility alone.")
    ] = None,
    qnorm_reference: Reference = None,
    tss_slop: TssSlop = 500,
    largest_share: LargestShare = 0.01,
    double_sex: DoubleSex = False,
) -> None:
    """Count reads in elements and at promoters, and turn them into activity."""
    from gexpipe.abc import stage as run

    run.measure_activity(
        run.ActivityInputs(candidates, genes, chrom_sizes, dnase, h3k27ac or [], qnorm_reference),
        tss_slop,
        largest_share,
        run.ActivityOutputs(out_elements, out_genes, out_quality),
        double_sex,
    )


def _for_each(files: list[Path], totals: list[float], option: str) -> list[float]:
    """Mapped reads of each file, from one number for all or one for each."""
    if not all(0 < total < float("inf") for total in totals):
        raise UserError(f"{totals[0]}, expected a number of reads above 0", option)
    if len(totals) == 1:
        return totals * len(files)
    if len(totals) != len(files):
        raise UserError(f"{len(totals)} numbers for {len(files)} files", option)
    return totals


@app.command("from-counts")
def from_counts(
    element_dnase: Annotated[
        list[Path],
        typer.Option(help="Counts in elements: chrom start end n; repeat for replicates."),
    ],
    promoter_dnase: Annotated[
        list[Path], typer.Option(help="Counts at TSS +- 500 bp, same form and replicates.")
    ],
    promoters: Annotated[Path, typer.Option(help="BED of the TSS regions; name = gene id.")],
    genes: Genes,
    chrom_sizes: ChromSizes,
    out_elements: Annotated[Path, typer.Option(help="elements.parquet")],
    out_genes: Annotated[Path, typer.Option(help="genes.parquet")],
    out_quality: Annotated[Path, typer.Option(help="quality.json")],
    element_h3k27ac: Annotated[list[Path] | None, typer.Option(help="As --element-dnase.")] = None,
    promoter_h3k27ac: Annotated[
        list[Path] | None, typer.Option(help="As --promoter-dnase.")
    ] = None,
    dnase_total: Annotated[
        list[float],
        typer.Option(
            help="Mapped reads, of all or each file; the default 1e6 keeps counts as RPM."
        ),
    ] = [1e6],  # noqa: B006 - typer copies the default
    h3k27ac_total: Annotated[list[float], typer.Option(help="As --dnase-total.")] = [1e6],  # noqa: B006
    qnorm_reference: Reference = None,
    tss_slop: TssSlop = 500,
    largest_share: LargestShare = 0.01,
) -> None:
    """Start from count tables of a finished run instead of BAM files."""
    from gexpipe.abc import stage as run

    elements = {"dnase": element_dnase, "h3k27ac": element_h3k27ac or []}
    at_tss = {"dnase": promoter_dnase, "h3k27ac": promoter_h3k27ac or []}
    totals = {"dnase": dnase_total, "h3k27ac": h3k27ac_total}
    for assay, files in elements.items():
        totals[assay] = _for_each(files, totals[assay], f"--{assay}-total")
        if len(files) != len(at_tss[assay]):
            raise UserError(
                f"give as many --promoter-{assay} as --element-{assay} "
                f"(found {len(at_tss[assay])} and {len(files)})",
                "gexpipe abc from-counts",
            )
    tables = run.CountTables(elements, at_tss, promoters, totals)
    run.activity_from_counts(
        tables,
        run.ActivityInputs(element_dnase[0], genes, chrom_sizes, [], [], qnorm_reference),
        tss_slop,
        largest_share,
        run.ActivityOutputs(out_elements, out_genes, out_quality),
    )


@app.command("from-lists")
def from_lists(
    elements: Annotated[Path, typer.Option(help="ABC's EnhancerList.txt.")],
    activity: Annotated[Path, typer.Option(help="ABC's GeneList.txt.")],
    genes: Genes,
    chrom_sizes: ChromSizes,
    out_candidates: Annotated[Path, typer.Option(help="candidates.bed")],
    out_elements: Annotated[Path, typer.Option(help="elements.parquet")],
    out_genes: Annotated[Path, typer.Option(help="genes.parquet")],
    out_quality: Annotated[Path, typer.Option(help="quality.json")],
) -> None:
    """Start from the lists of a finished run of ABC's pipeline."""
    from gexpipe.abc.from_abc import Lists, take_lists

    out = Lists(out_candidates, out_elements, out_genes, out_quality)
    take_lists(elements, activity, genes, chrom_sizes, out)


@app.command("from-predictions")
def from_predictions(
    predictions: Annotated[
        list[Path],
        typer.Option(help="EnhancerPredictionsAllPutative.tsv.gz, EPInformer's links; repeat."),
    ],
    elements: Annotated[Path, typer.Option(help="elements.parquet")],
    genes: Genes,
    out: Annotated[Path, typer.Option(help="predictions.parquet")],
    window: Annotated[int, typer.Option(help="Elements nearer than this count, bp.")] = 5_000_000,
) -> None:
    """Take the scores of a finished run of ABC's pipeline."""
    from gexpipe.abc.from_abc import take_predictions

    take_predictions(predictions, elements, genes, window, out)


@app.command("summit-bins")
def summit_bins(
    peaks: Annotated[Path, typer.Option(help="narrowPeak of H3K27ac, with summits.")],
    dnase: Bams,
    chrom_sizes: ChromSizes,
    out: Annotated[Path, typer.Option(help="Bins with their activity (.parquet).")],
    h3k27ac: Annotated[
        list[Path] | None, typer.Option(help="BAM; left out: activity is accessibility alone.")
    ] = None,
    blacklist: Annotated[
        Path | None, typer.Option(help="BED of regions without background bins.")
    ] = None,
    offsets: Annotated[
        str, typer.Option(help="Bins lie at summit + offset x stride; offsets by commas.")
    ] = "-1,0,1",
    stride: Annotated[int, typer.Option(help="Distance of neighbouring bins, bp.", min=1)] = 156,
    width: Annotated[int, typer.Option(help="Width of a bin, bp.", min=2)] = 256,
    most: Annotated[int, typer.Option(help="Peaks kept, by signal; 0: all.", min=0)] = 0,
    negatives: Annotated[
        float, typer.Option(help="Places away from peaks, as a share of the peaks.", min=0, max=1)
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the draw of these places.", min=0)] = 42,
) -> None:
    """Lay bins around H3K27ac summits for EPInformer's sequence encoder, with their activity."""
    from gexpipe.abc.summits import BinOptions, measure_bins

    try:
        places = tuple(int(part) for part in offsets.split(","))
    except ValueError:
        raise UserError(f"{offsets!r}, expected whole numbers by commas", "--offsets") from None
    options = BinOptions(places, stride, width, most, negatives, seed)
    measure_bins(peaks, dnase, h3k27ac or [], chrom_sizes, blacklist, options, out)


@app.command()
def scores(
    elements: Annotated[Path, typer.Option(help="elements.parquet, or ABC's EnhancerList.txt.")],
    genes: Genes,
    out: Annotated[Path, typer.Option(help="predictions.parquet")],
    contacts: Annotated[
        Path | None, typer.Option(help="Contact rows (.npz); left out: the power law.")
    ] = None,
    window: Annotated[int, typer.Option(help="Elements nearer than this count, bp.")] = 5_000_000,
    tss_slop: TssSlop = 500,
    gamma: Annotated[float, typer.Option(help="Exponent of the power law.")] = PowerLaw.gamma,
    scale: Annotated[float, typer.Option(help="Scale of the power law.")] = PowerLaw.scale,
    gamma_reference: Annotated[
        float, typer.Option(help="Exponent that measured contact is scaled to.")
    ] = ContactModel.reference_gamma,
    pseudocount_distance: Annotated[
        float, typer.Option(help="Distance whose power law is the pseudocount, bp.")
    ] = ContactModel.pseudocount_distance,
) -> None:
    """Score every element-gene pair: activity x contact over the gene's sum."""
    from gexpipe.abc import stage as run
    from gexpipe.contact.rows import read_rows

    rows = read_rows(contacts) if contacts else None
    # ABC's law is flat below 5 kb whatever the resolution of the matrix.
    model = ContactModel(PowerLaw(gamma, scale), gamma_reference, pseudocount_distance)
    run.make_scores(elements, genes, rows, model, window, tss_slop, out)


@app.command()
def elements(
    predictions: Annotated[Path, typer.Option(help="predictions.parquet")],
    genes: Genes,
    out: Annotated[Path, typer.Option(help="Element table (.parquet).")],
    min_distance: Annotated[int, typer.Option(help="Nearest element, exclusive, bp.")] = 1_000,
    max_distance: Annotated[int, typer.Option(help="Farthest element, inclusive, bp.")] = 100_000,
    max_elements: Annotated[int, typer.Option(help="Elements per gene, nearest first.")] = 60,
    slot: Annotated[int, typer.Option(help="Bases per element given to the encoder.")] = 2_000,
    blank_farthest: Annotated[
        bool, typer.Option(help="No bases, distance 0 for an element at exactly --max-distance.")
    ] = True,
) -> None:
    """Choose each gene's elements for EPInformer."""
    from gexpipe.abc.elements import element_table, read_near, refuse_other_genes, write_elements
    from gexpipe.reference.genes import read_genes

    pairs = read_near(require(predictions), max_distance)
    limits = (min_distance, max_distance, max_elements, slot, blank_farthest)
    known = read_genes(genes)
    refuse_other_genes(pairs, known)
    table = element_table(pairs, known, *limits)
    write_elements(table, out)


@app.command()
def export(
    predictions: Annotated[Path, typer.Option(help="predictions.parquet")],
    elements: Annotated[Path, typer.Option(help="elements.parquet, or ABC's EnhancerList.txt.")],
    activity: Annotated[
        Path, typer.Option(help="genes.parquet of the activity stage, or ABC's GeneList.txt.")
    ],
    genes: Genes,
    out_folder: Annotated[Path, typer.Option(help="Folder of ABC's files, as its Predictions.")],
    cell: Annotated[str, typer.Option(help="Cell type, for the column CellType.")] = "",
    threshold: Annotated[
        float, typer.Option(help="Pairs with a score above it are in the files of predictions.")
    ] = 0.027,
    expression: Annotated[
        list[Path] | None, typer.Option(help="RNA-seq table; repeat for replicates.")
    ] = None,
    expression_cutoff: Annotated[
        float, typer.Option(help="A gene with as much TPM is expressed.")
    ] = Expressed.tpm,
    promoter_activity_quantile_cutoff: Annotated[
        float, typer.Option(help="Without expression, one with as much promoter activity is.")
    ] = Expressed.quantile,
) -> None:
    """Write scores as the files of ABC's own pipeline, with its names and columns."""
    import pandas as pd

    from gexpipe.abc.export import OF_ELEMENT, write_abc_files
    from gexpipe.abc.tables import read_activity, read_element_table
    from gexpipe.reference.expression import mean_tpm
    from gexpipe.reference.genes import read_genes

    known = read_element_table(elements, OF_ELEMENT)
    measured = read_activity(activity, ["promoter_activity_quantile", "dnase_quantile"])
    table = read_genes(genes)
    if measured["gene_id"].tolist() != table["gene_id"].tolist():
        raise UserError("its genes are not those of the gene table", activity)
    table = pd.concat([table, measured.drop(columns="gene_id")], axis=1)
    table["expression"] = mean_tpm(expression, table) if expression else float("nan")
    expressed = Expressed(expression_cutoff, promoter_activity_quantile_cutoff)
    table["expressed"] = expressed(table)
    rows = write_abc_files(predictions, known, table, cell, threshold, out_folder)
    for name, number in rows.items():
        logger.info("%d rows in %s", number, out_folder / name)


@app.command()
def quality(
    activity: Annotated[Path, typer.Option(help="quality.json of the activity stage.")],
    out: Annotated[Path, typer.Option(help="TSV: measure, value, expected range, ok.")],
    peaks: Annotated[Path | None, typer.Option(help="Record of peak calling (.json).")] = None,
    contacts: Annotated[Path | None, typer.Option(help="Record of contact rows (.json).")] = None,
) -> None:
    """Write the quality table of one cell type."""
    from gexpipe.abc.quality_table import cell_quality
    from gexpipe.reference.genes import write_table

    records = [read_json(path) if path else None for path in (peaks, contacts)]
    write_table(cell_quality(read_json(activity), *records), out)


@app.command()
def quality_table(
    cell: Annotated[list[str], typer.Option(help="CELL=FILE, a table of `abc quality`; repeat.")],
    out: Annotated[Path, typer.Option(help="TSV: one row a cell type.")],
) -> None:
    """Join the quality tables of all cell types."""
    from gexpipe.abc.quality_table import joined_quality, read_quality
    from gexpipe.reference.genes import write_table

    files = files_by_name(cell, "--cell", "CELL=FILE")
    write_table(joined_quality({name: read_quality(path) for name, path in files.items()}), out)


@app.command()
def replicates(
    column: Annotated[str, typer.Option(help="FILE:COLUMN of the published reads per million.")],
    counts: Annotated[
        list[str], typer.Option(help="NAME=FILE:COLUMN of a replicate's reads; repeat.")
    ],
    out: Annotated[Path, typer.Option(help="Every set of replicates, best first.")],
    key: Annotated[str, typer.Option(help="Columns that name an element, by commas.")] = "name",
) -> None:
    """Say by correlation of which replicates a published column of reads was made."""
    from gexpipe.compare.columns import read_column
    from gexpipe.compare.replicates import likely_replicates
    from gexpipe.named import by_name
    from gexpipe.tables.write import write_table

    keys = key.split(",")
    files = by_name(counts, "--counts", "NAME=FILE:COLUMN")
    read = {name: read_column(place, keys) for name, place in files.items()}
    table = likely_replicates(read_column(column, keys), read)
    heading = f"# {column}: which replicates\n\n"
    write_table(table, out, heading + table.to_markdown(index=False, floatfmt=".6f") + "\n")
    best = table.iloc[0]
    logger.info("%s, r = %.6f, error %.2g", best["replicates"], best["r"], best["error"])
