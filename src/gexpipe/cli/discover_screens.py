"""Commands of ``gexpipe discover`` that look at experiments: screens by CRISPRi, a gene's locus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexpipe.cli.options import (
    Benchmark,
    Bootstrap,
    Cells,
    CrisprTable,
    Genes,
    Predictors,
    Published,
    Resolved,
    Seed,
    Title,
)
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.named import by_name, files_by_name

__all__ = ["crispri", "locus", "screen", "screened", "tested", "workbook"]

log = get_logger(__name__)

MaxDistance = Annotated[int, typer.Option(help="Largest distance of a region to the TSS, bp.")]


def crispri(
    link: Annotated[
        list[str],
        typer.Option(
            help="LABEL=element scores; LABEL=file:COLUMN; LABEL=file*file:COLUMN is their product."
            " Repeat; files of one label (folds, seeds) are pooled."
        ),
    ],
    crispr: CrisprTable,
    genes: Genes,
    out: Annotated[Path, typer.Option(help="TSV to write: average precision by distance.")],
    by_gene: Annotated[Path, typer.Option(help="TSV to write: predicted and measured change.")],
    nominated: Annotated[Path, typer.Option(help="TSV to write: elements called at 85 % recall.")],
    pairs: Annotated[Path, typer.Option(help="TSV to write: every pair and its scores.")],
    figure: Annotated[Path, typer.Option(help="PNG to write: precision against recall.")],
    abc: Annotated[
        Path | None, typer.Option(help="ABC's element-gene scores (predictions.parquet).")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="Table of `discover tested`, instead of --abc: its regions were scored."),
    ] = None,
    attention: Annotated[
        list[str] | None,
        typer.Option(help="With --regions: LABEL whose score is attention, normalised; repeat."),
    ] = None,
    max_distance: MaxDistance = 100_000,
    perturbation: Annotated[
        list[str] | None, typer.Option(help="LABEL whose score is a lost prediction; repeat.")
    ] = None,
    cell: Cells = None,
    reference: Annotated[str, typer.Option(help="Keep rows whose Reference holds this.")] = "",
    samples: Bootstrap = 1000,
    seed: Seed = 1,
    predictor: Predictors = None,
) -> None:
    """Element scores of models against CRISPRi, beside ABC, activity, contact and distance.

    With --regions EPInformer's own evaluation: the tested regions are a gene's elements.
    """
    from gexpipe.crispri import precision
    from gexpipe.crispri import scores as scoring
    from gexpipe.crispri import tested as regional
    from gexpipe.crispri.pairs import crispr_pairs, predicted
    from gexpipe.crispri.predictors import predictor_scores
    from gexpipe.crispri.screened_gene import pair_table
    from gexpipe.crispri.table import changes_by_gene
    from gexpipe.reference.genes import read_genes, write_table
    from gexpipe.tabular import read_parquet

    if (abc is None) == (regions is None):
        raise UserError("one of --abc and --regions is expected", "discover crispri")
    table, links = read_genes(genes), scoring.pooled(link)
    for option, labels in (("--perturbation", perturbation), ("--attention", attention)):
        unknown = set(labels or []) - set(links)
        if unknown:
            raise UserError(f"no --link {sorted(unknown)[0]!r}", option)
    screened = crispr_pairs(crispr, table, cell or (), reference)
    if abc is not None:
        known = predicted(abc, set(screened["gene_id"].dropna()), list(scoring.GIVEN.values()))
        covered, scores = scoring.covered_scores(screened, links, known)
        bins = precision.BINS
    else:
        found = read_parquet(regions or "", "table of tested regions", ["region_start", "contact"])
        near = regional.screened_pairs(screened, max_distance)
        covered, scores = regional.region_scores(near, found, links, attention or [])
        bins = regional.BINS
    scores |= predictor_scores(covered, predictor or (), table, cell or (), scores)
    measured = scoring.score_table(covered, scores, len(screened), samples, seed, bins)
    write_table(measured, out)
    lost = {label: links[label] for label in perturbation or []}
    symbols = dict(zip(table["gene_id"], table["symbol"], strict=True))
    write_table(changes_by_gene(covered, lost, symbols), by_gene)
    write_table(pair_table(covered, scores, symbols), pairs)
    called = precision.nominated(covered, scores)
    called.insert(1, "gene", called["gene_id"].map(symbols))
    write_table(called, nominated)
    title = f"{len(covered):,} of {len(screened):,} tested pairs, {covered['regulated'].sum()} act"
    scoring.draw_curves(precision.curve_table(covered, scores), measured, title, figure)
    for row in measured[measured["distance"] == next(iter(bins))].itertuples():
        log.info("%s: average precision %.3f", row.predictor, row.average_precision)


def tested(
    abc: Annotated[Path, typer.Option(help="ABC's element-gene scores (predictions.parquet).")],
    crispr: CrisprTable,
    genes: Genes,
    out: Annotated[Path, typer.Option(help="Element table to write (.parquet).")],
    cell: Cells = None,
    reference: Annotated[str, typer.Option(help="Keep rows whose Reference holds this.")] = "",
    max_distance: MaxDistance = 100_000,
    slot: Annotated[int, typer.Option(help="Bases per element, bp.")] = 2000,
) -> None:
    """Regions that CRISPRi tested, as the elements that EPInformer reads of their genes."""
    from gexpipe.crispri import tested as regional
    from gexpipe.crispri.pairs import crispr_pairs, predicted
    from gexpipe.reference.genes import read_genes
    from gexpipe.tabular import write_parquet

    table = read_genes(genes)
    pairs = crispr_pairs(crispr, table, cell or (), reference)
    near = regional.screened_pairs(pairs, max_distance)
    known = predicted(abc, set(near["gene_id"]), regional.MEASURED)
    found = regional.region_table(near, known, table, slot)
    write_parquet(found, out)
    log.info("%d regions of %d genes", len(found), found["gene_id"].nunique())


def screened(
    pairs: Annotated[Path, typer.Argument(help="Table of pairs of `discover crispri`.")],
    gene: Annotated[str, typer.Argument(help="Gene id or symbol.")],
    genes: Genes,
    out: Annotated[Path, typer.Option(help="PNG to write.")],
    title: Title = "",
    perturbation: Annotated[
        list[str] | None, typer.Option(help="Predictor that is a lost prediction; repeat.")
    ] = None,
) -> None:
    """Draw the tested elements of a gene: measured and predicted change, and what scores call."""
    from gexpipe.crispri.screened_gene import FIXED, draw_gene
    from gexpipe.reference.genes import find_gene, read_genes
    from gexpipe.tabular import read_tsv

    found = find_gene(read_genes(genes), gene)
    table = read_tsv(pairs, "table of pairs", FIXED)
    heading = f"{found['symbol']}, {title}" if title else str(found["symbol"])
    drawn = draw_gene(table, found, perturbation or [], heading, out)
    (log.info if drawn else log.warning)("%d tested elements of %s", drawn, gene)


def workbook(
    book: Annotated[Path, typer.Argument(help="Workbook of Fulco et al. (2019), .xlsx.")],
    out: Annotated[Path, typer.Option(help="TSV to write, in the columns of EPCrisprBenchmark.")],
) -> None:
    """Read the CRISPRi pairs of Fulco et al. (2019) from their supplementary workbook."""
    from gexpipe.crispri.workbook import read_workbook
    from gexpipe.reference.genes import write_table

    write_table(read_workbook(book), out)


def screen(
    measured: Annotated[list[str], typer.Option(help="CELL=table of `discover crispri`; repeat.")],
    by_gene: Annotated[list[str], typer.Option(help="CELL=its table by gene; repeat.")],
    nominated: Annotated[list[str], typer.Option(help="CELL=its table of called; repeat.")],
    published: Published,
    lines: Resolved,
    cell: Benchmark,
    title: Title,
    out: Annotated[Path, typer.Option(help="TSV to write; .md and .html forms go beside it.")],
) -> None:
    """Scores against CRISPRi beside the published values, of all cell types."""
    from gexpipe.crispri.table import screen_table, to_markdown
    from gexpipe.tables.plan import read_lines
    from gexpipe.tables.published import read_published
    from gexpipe.tables.write import write_table
    from gexpipe.tabular import read_tsv

    tables = {
        name: read_tsv(path, "table of scores", ["predictor", "distance"])
        for name, path in files_by_name(measured, "--measured", "CELL=FILE").items()
    }
    by_name_of = {"--by-gene": by_gene, "--nominated": nominated}
    changes, called = (
        {
            name: read_tsv(path, "table by gene", ["predictor", "gene"])
            for name, path in files_by_name(files, option, "CELL=FILE").items()
        }
        for option, files in by_name_of.items()
    )
    known_as = by_name(cell, "--cell", "CELL=CELL")
    beside = {name: other for name, other in known_as.items() if name in tables}
    rows, known = read_lines(lines), read_published(published)
    found = screen_table(tables, changes, called, rows, known, beside)
    write_table(found, out, to_markdown(found, title))


def locus(
    store: Annotated[Path, typer.Argument(help="Window store of the cell type.")],
    gene: Annotated[str, typer.Argument(help="Gene id or symbol.")],
    genes: Genes,
    out: Annotated[Path, typer.Option(help="PNG to write.")],
    length: Annotated[int, typer.Option(help="Bases around the TSS.", min=100)] = 100_000,
    base: Annotated[
        list[str] | None, typer.Option(help="LABEL=base scores (.zarr.zip); repeat.")
    ] = None,
    link: Annotated[
        list[str] | None, typer.Option(help="LABEL=element scores; LABEL=file:COLUMN; repeat.")
    ] = None,
    mark: Annotated[
        list[str] | None,
        typer.Option(help="LABEL=known elements: BED, or .parquet with chrom, start, end; repeat."),
    ] = None,
    crispr: Annotated[
        Path | None, typer.Option(help="CRISPRi table: measured effects on the gene are drawn.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Truth of a simulated genome: its elements are drawn.")
    ] = None,
    cell: Annotated[
        list[str] | None, typer.Option(help="CellType of --crispr and --truth; repeat.")
    ] = None,
) -> None:
    """Draw a gene's neighbourhood: genes, signals, contact, scores, known elements.

    Scores of one label are pooled over files (folds, seeds).
    """
    from gexpipe.crispri import known_elements as known
    from gexpipe.crispri.scores import pooled
    from gexpipe.discovery.files import read_bases
    from gexpipe.discovery.locus import draw_locus
    from gexpipe.reference.genes import find_gene, read_genes

    table = read_genes(genes)
    gene_id = str(find_gene(table, gene)["gene_id"])
    marked = files_by_name(mark or [], "--mark", "LABEL=FILE")
    marks = {label: known.read_marks(path) for label, path in marked.items()}
    if crispr is not None:
        marks |= known.tested_elements(crispr, table, cell or (), gene_id)
    if truth is not None:
        marks |= known.planted_elements(truth, cell or (), gene_id)
    scored = files_by_name(base or [], "--base", "LABEL=FILE")
    draw_locus(
        store, table, gene, out, length,
        {label: read_bases(path) for label, path in scored.items()},
        pooled(link or []), marks,
    )  # fmt: skip
    log.info("%s is drawn in %s", gene, out)
