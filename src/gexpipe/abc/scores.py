"""ABC scores of all element-gene pairs, one chromosome at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gexpipe.contact.element import ContactModel, adjusted_contact, cover_genes, observed_contact
from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.contact.rows import ContactRows
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.log import progress

__all__ = [
    "Pairs",
    "SCHEMA",
    "is_measured",
    "made_with",
    "pair_up",
    "score_pairs",
    "scores_by_chromosome",
    "write_scores",
]

_MADE_WITH = b"gexpipe"

SCHEMA = pa.schema(
    [
        ("gene_id", pa.dictionary(pa.int32(), pa.string())),
        ("gene", pa.int32()),
        ("chrom", pa.dictionary(pa.int32(), pa.string())),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("element", pa.int32()),
        ("distance", pa.float64()),
        ("hic_contact", pa.float32()),
        ("contact", pa.float32()),
        ("activity", pa.float32()),
        ("abc_score", pa.float32()),
        ("is_self_promoter", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Pairs:
    """Element-gene pairs of one chromosome, sorted by gene, then by element midpoint.

    Attributes
    ----------
    gene, element : ndarray
        (P,) int64 rows of the gene and element tables.
    distance : ndarray
        (P,) float64 |midpoint - TSS|, bp; midpoints may be half a base.
    self_promoter : ndarray
        (P,) bool: the element is a promoter within ``tss_slop`` of the gene's TSS.
    """

    gene: NDArray[np.int64]
    element: NDArray[np.int64]
    distance: NDArray[np.float64]
    self_promoter: NDArray[np.bool_]


def pair_up(
    elements: pd.DataFrame, genes: pd.DataFrame, window: float, tss_slop: int = 500
) -> Pairs:
    """Pair genes and elements of one chromosome whose distance is below ``window`` bp.

    Parameters
    ----------
    elements : DataFrame
        start, end, isPromoterElement; the index is kept as element number.
    genes : DataFrame
        tss; the index is kept as gene number.
    window : float
        Largest distance, exclusive, bp.
    tss_slop : int
        See `Pairs.self_promoter`, bp.
    """
    start, end = elements["start"].to_numpy(np.int64), elements["end"].to_numpy(np.int64)
    order = np.argsort(start + end, kind="stable")
    middle = (start + end)[order] / 2.0
    tss = genes["tss"].to_numpy(np.float64)
    first = np.searchsorted(middle, tss - window, "right")
    last = np.searchsorted(middle, tss + window, "left")
    size = last - first
    gene = np.repeat(np.arange(len(genes)), size)
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    place = order[np.repeat(first, size) + within]
    distance = np.abs((start + end)[place] / 2.0 - tss[gene])
    near = (start[place] - tss_slop < tss[gene]) & (end[place] + tss_slop > tss[gene])
    own = near & elements["isPromoterElement"].to_numpy(bool)[place]
    return Pairs(genes.index.to_numpy()[gene], elements.index.to_numpy()[place], distance, own)


def is_measured(rows: ContactRows | None) -> bool:
    """Whether contact rows are of a matrix, not of a power law."""
    return rows is not None and rows.meta.get("source") != "powerlaw"


def score_pairs(
    pairs: Pairs, activity: NDArray[np.float64], contact: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Activity x contact / its sum over the gene; 1 for a gene's own promoter elements (ABC).

    A gene whose products are all zero gets NaN, as in ABC.
    """
    product = activity * contact
    total = np.bincount(pairs.gene, weights=product) if len(product) else np.zeros(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = product / total[pairs.gene]
    return np.where(pairs.self_promoter, 1.0, score)


def scores_by_chromosome(
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    rows: ContactRows | None,
    model: ContactModel,
    window: float,
    tss_slop: int = 500,
) -> Iterator[pa.Table]:
    """Score every pair, yielding one table per chromosome.

    Parameters
    ----------
    elements : DataFrame
        chrom, start, end, isPromoterElement, activity_base.
    genes : DataFrame
        gene_id, chrom, tss.
    rows : ContactRows or None
        Contact rows of these genes, in their order; None, or rows of a power law, use the power
        law at the exact distance.
    model : ContactModel
        Parameters of contact.
    window : float
        Elements nearer than this enter a gene's sum, bp.
    tss_slop : int
        Width of a gene's own promoter, bp.

    Yields
    ------
    pyarrow.Table
        Columns of `SCHEMA`. ``hic_contact`` is the measured contact before scaling (EPInformer's
        input); ``contact`` enters the score.
    """
    if rows is not None and not np.array_equal(rows.gene_id, genes["gene_id"].to_numpy(dtype=str)):
        raise UserError("the contact rows belong to another gene table: make them again")
    measured = is_measured(rows)
    activity = elements["activity_base"].to_numpy(np.float64)
    middle = (elements["start"] + elements["end"]).to_numpy(np.float64) / 2.0
    chromosomes = list(dict.fromkeys(genes["chrom"]))
    for chrom in progress(chromosomes, "ABC scores"):
        here = elements[elements["chrom"] == chrom]
        pairs = pair_up(here, genes[genes["chrom"] == chrom], window, tss_slop)
        if measured and rows is not None:
            hic = observed_contact(rows, pairs.gene, middle[pairs.element])
            hic = cover_genes(hic, pairs.distance, pairs.gene, pairs.self_promoter, model)
            contact = adjusted_contact(hic, pairs.distance, model)
        else:
            hic = contact = model.law(pairs.distance)
        score = score_pairs(pairs, activity[pairs.element], contact)
        yield _table(pairs, elements, genes, activity, hic, contact, score)


def _table(
    pairs: Pairs,
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    activity: NDArray[np.float64],
    hic: NDArray[np.float64],
    contact: NDArray[np.float64],
    score: NDArray[np.float64],
) -> pa.Table:
    def labels(values: pd.Series, rows: NDArray[np.int64]) -> pa.DictionaryArray:
        # The dictionary holds the names in use only: a chromosome has a few hundred genes.
        used, codes = np.unique(rows, return_inverse=True)
        names, inner = np.unique(values.to_numpy(dtype=str)[used], return_inverse=True)
        return pa.DictionaryArray.from_arrays(
            pa.array(inner[codes].astype(np.int32)), pa.array(names.tolist(), pa.string())
        )

    element = pairs.element
    columns = [
        labels(genes["gene_id"], pairs.gene),
        pa.array(pairs.gene.astype(np.int32)),
        labels(elements["chrom"], element),
        pa.array(elements["start"].to_numpy(np.int64)[element]),
        pa.array(elements["end"].to_numpy(np.int64)[element]),
        pa.array(element.astype(np.int32)),
        pa.array(pairs.distance),
        pa.array(hic.astype(np.float32)),
        pa.array(contact.astype(np.float32)),
        pa.array(activity[element].astype(np.float32)),
        pa.array(score.astype(np.float32)),
        pa.array(pairs.self_promoter),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def write_scores(
    tables: Iterator[pa.Table], path: str | Path, model: ContactModel, measured: bool
) -> int:
    """Write tables of `scores_by_chromosome` as one parquet file; returns the number of pairs.

    The file says with which law they were made, and whether contact was measured (`made_with`).
    """
    record = json.dumps({"measured": measured, "model": asdict(model)}, sort_keys=True)
    schema = SCHEMA.with_metadata({_MADE_WITH: record.encode()})
    pairs = 0
    with (
        aside(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for table in tables:
            writer.write_table(table.replace_schema_metadata(schema.metadata))
            pairs += table.num_rows
    return pairs


def made_with(file: pq.ParquetFile, where: str | Path) -> tuple[ContactModel, bool]:
    """Parameters of contact that scores were made with, and whether contact was measured."""
    record = (file.schema_arrow.metadata or {}).get(_MADE_WITH)
    if record is None:
        raise UserError(
            "it does not say how its contact was made: make it again with `gexpipe abc scores`",
            where,
        )
    found = json.loads(record)
    law = PowerLaw(**found["model"].pop("law"))
    return ContactModel(law=law, **found["model"]), bool(found["measured"])
