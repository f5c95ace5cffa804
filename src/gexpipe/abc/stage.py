"""The ABC stage on files: what each sub-command reads, computes and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.abc.activity import add_activity, classify, gene_activity, promoter_regions
from gexpipe.abc.candidates import candidate_elements, read_peaks, write_bed
from gexpipe.abc.counts import ReadCounts, count_reads, reads_per_million
from gexpipe.abc.elements import write_elements
from gexpipe.abc.from_counts import (
    artefacts,
    library_reads,
    promoter_counts,
    read_counts,
    same_regions,
)
from gexpipe.abc.quality import EXPECTED, check, element_quality
from gexpipe.abc.quantile import read_reference
from gexpipe.abc.scores import is_measured, scores_by_chromosome, write_scores
from gexpipe.abc.tables import read_element_table
from gexpipe.contact.element import ContactModel
from gexpipe.contact.rows import ContactRows
from gexpipe.errors import UserError
from gexpipe.files import write_json
from gexpipe.intervals import read_intervals
from gexpipe.log import get_logger
from gexpipe.reference.genes import read_genes
from gexpipe.reference.genome import read_sizes

__all__ = [
    "ActivityInputs",
    "ActivityOutputs",
    "CandidateOptions",
    "CountTables",
    "activity_from_counts",
    "make_candidates",
    "make_scores",
    "measure_activity",
]

logger = get_logger(__name__)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CandidateOptions:
    """Numbers of the candidate rule; see `candidate_elements` and `count_reads`."""

    n_strongest: int
    extend: int
    promoter_extend: int
    double_sex: bool = False


@dataclass(frozen=True)
class ActivityInputs:
    """Files that activity is measured from."""

    candidates: Path
    genes: Path
    chrom_sizes: Path
    dnase: list[Path]
    h3k27ac: list[Path]
    qnorm_reference: Path | None


@dataclass(frozen=True)
class ActivityOutputs:
    """Files that activity is written to."""

    elements: Path
    genes: Path
    quality: Path


@dataclass(frozen=True)
class CountTables:
    """Count tables of a finished run, by assay (dnase, h3k27ac); none where it was not done.

    Replicates of an assay are averaged as reads per million, as those of alignments are. ``totals``
    are the mapped reads of each file.
    """

    elements: dict[str, list[Path]]
    promoter: dict[str, list[Path]]
    promoter_bed: Path
    totals: dict[str, list[float]]


@dataclass(frozen=True)
class _Measured:
    """Per assay: mean counts and RPM in elements, RPM at promoters, reads per file."""

    counts: dict[str, Floats]
    rpm: dict[str, Floats]
    promoter_rpm: dict[str, Floats]
    totals: dict[str, list[int]]


def make_candidates(
    peaks: Path,
    bams: list[Path],
    genes: Path,
    chrom_sizes: Path,
    blacklist: Path | None,
    options: CandidateOptions,
    out: Path,
) -> None:
    """Write candidate elements of a cell type as BED (see `candidate_elements`)."""
    sizes = read_sizes(chrom_sizes)
    regions = read_peaks(peaks, sizes)
    counted = [count_reads(path, [regions], sizes, options.double_sex) for path in bams]
    counts = np.mean([c.counts[0] for c in counted], axis=0)
    empty = pd.DataFrame({"chrom": [], "start": [], "end": []})
    elements = candidate_elements(
        regions,
        counts,
        sizes,
        read_intervals(blacklist, sizes=sizes) if blacklist else empty,
        promoter_regions(read_genes(genes, sizes), options.promoter_extend, sizes),
        options.n_strongest,
        options.extend,
    )
    logger.info("%d peaks, %d candidate elements", len(regions), len(elements))
    write_bed(elements, out)


def measure_activity(
    inputs: ActivityInputs,
    tss_slop: int,
    largest_share: float,
    out: ActivityOutputs,
    double_sex: bool = False,
) -> None:
    """Count reads in elements and at promoters, and write activity and quality.

    An element that alone holds more than ``largest_share`` of a file's reads is dropped;
    ``double_sex`` counts X and Y twice (see `count_reads`).
    """
    if double_sex:
        logger.info("reads on chromosomes X and Y count twice")
    sizes = read_sizes(inputs.chrom_sizes)
    genes = read_genes(inputs.genes, sizes)
    elements = read_intervals(inputs.candidates, sizes=sizes).reset_index(drop=True)
    if elements.empty:
        raise UserError("no candidate element", inputs.candidates)
    promoters = promoter_regions(genes, tss_slop, sizes)
    measured = _Measured({}, {}, {}, {})
    bad = np.zeros(len(elements), dtype=bool)
    for assay, bams in (("dnase", inputs.dnase), ("h3k27ac", inputs.h3k27ac)):
        if not bams:
            continue
        files = [count_reads(path, [elements, promoters], sizes, double_sex) for path in bams]
        measured.counts[assay], measured.rpm[assay] = reads_per_million(files, 0)
        measured.promoter_rpm[assay] = reads_per_million(files, 1)[1]
        measured.totals[assay] = [int(f.total) for f in files]
        for path, counted in zip(bams, files, strict=True):
            own = elements.assign(count=counted.counts[0])
            reads = library_reads(own, sizes, counted.total)
            bad = bad | artefacts(own, largest_share, reads, path)
    elements = _without(elements, measured, bad, largest_share, inputs.candidates)
    _write_activity(elements, genes, promoters, measured, inputs.qnorm_reference, out)


def activity_from_counts(
    tables: CountTables,
    inputs: ActivityInputs,
    tss_slop: int,
    largest_share: float,
    out: ActivityOutputs,
) -> None:
    """Write the outputs of `measure_activity` from count tables; artefact elements are dropped."""
    sizes = read_sizes(inputs.chrom_sizes)
    genes = read_genes(inputs.genes, sizes)
    promoters = read_intervals(tables.promoter_bed, ["chrom", "start", "end", "name"], sizes)
    elements = read_counts(inputs.candidates, sizes)
    measured = _Measured({}, {}, {}, {})
    bad = np.array(~elements["chrom"].isin(sizes))
    for assay, paths in tables.elements.items():
        files = []
        for path, near_tss, total in zip(
            paths, tables.promoter[assay], tables.totals[assay], strict=True
        ):
            counted = read_counts(path, sizes)
            same_regions(elements, counted, path)
            reads = library_reads(counted, sizes, total)
            bad = bad | artefacts(counted, largest_share, reads, path)
            at_tss = promoter_counts(genes, promoters, read_counts(near_tss, sizes), near_tss)
            files.append(ReadCounts([counted["count"].to_numpy(), at_tss], total))
        if files:
            measured.counts[assay], measured.rpm[assay] = reads_per_million(files, 0)
            measured.promoter_rpm[assay] = reads_per_million(files, 1)[1]
    kept = _without(elements, measured, bad, largest_share, inputs.candidates)
    regions = promoter_regions(genes, tss_slop, sizes)
    _write_activity(kept, genes, regions, measured, inputs.qnorm_reference, out)


def _without(
    elements: pd.DataFrame,
    measured: _Measured,
    bad: NDArray[np.bool_],
    largest_share: float,
    where: Path,
) -> pd.DataFrame:
    """The elements that stay; what was measured of the others is dropped too."""
    if bad.all():
        raise UserError(
            f"no element is left: each holds more than the share {largest_share:g} of all reads",
            where,
        )
    if bad.any():
        logger.info("%d of %d elements are left out", int(bad.sum()), len(bad))
    for values in (measured.counts, measured.rpm):
        values.update({assay: v[~bad] for assay, v in values.items()})
    return elements[~bad].reset_index(drop=True)


def _write_activity(
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    promoters: pd.DataFrame,
    measured: _Measured,
    qnorm_reference: Path | None,
    out: ActivityOutputs,
) -> None:
    if qnorm_reference is None:
        logger.info("no quantile reference: activity is on the scale of reads per million")
    reference = read_reference(qnorm_reference) if qnorm_reference else None
    h3k27ac = measured.rpm.get("h3k27ac")
    if h3k27ac is None:
        logger.info("no H3K27ac: activity is accessibility alone")
    table = classify(elements, genes, promoters)
    table = add_activity(table, measured.rpm["dnase"], h3k27ac, reference)
    at_tss = measured.promoter_rpm
    write_elements(table, out.elements)
    write_elements(gene_activity(genes, at_tss["dnase"], at_tss.get("h3k27ac")), out.genes)
    quality = element_quality(table, genes, measured.totals, measured.counts)
    quality["quantile_normalized"] = int(reference is not None)
    write_json(out.quality, check(quality, EXPECTED))


def make_scores(
    elements: Path,
    genes: Path,
    rows: ContactRows | None,
    model: ContactModel,
    window: int,
    tss_slop: int,
    out: Path,
) -> None:
    """Write the scores of all element-gene pairs (see `scores_by_chromosome`)."""
    table = read_element_table(elements, ["isPromoterElement", "activity_base"])
    if rows is not None and rows.reach * rows.resolution < window:
        logger.warning(
            "contact reaches %d bp, elements up to %d bp count: beyond it measured contact is 0 "
            "(contact.max_distance, abc.window)",
            rows.reach * rows.resolution, window,
        )  # fmt: skip
    tables = scores_by_chromosome(table, read_genes(genes), rows, model, window, tss_slop)
    logger.info("%d element-gene pairs", write_scores(tables, out, model, is_measured(rows)))
