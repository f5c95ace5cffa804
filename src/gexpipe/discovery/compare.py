"""Many scores against one truth: the discovery table of a cell type."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.discovery.files import read_bases, read_links
from gexpipe.discovery.labels import SHUFFLED
from gexpipe.discovery.truth import base_labels, base_rows, element_rows, overlapping, true_pairs
from gexpipe.errors import UserError
from gexpipe.named import named
from gexpipe.schemas import EXAMPLES, LINKS, read_stage

__all__ = ["compare", "links_of", "product", "summary"]


def links_of(text: str) -> pd.DataFrame:
    """Element scores of FILE or of its column (FILE:COLUMN; FILE:-COLUMN: smaller is better).

    ``ONE*OTHER`` is `product` of two of these.
    """
    one, times, other = text.partition("*")
    if times:
        return product(links_of(one), links_of(other))
    path, _, column = text.rpartition(":") if ".parquet:" in text else (text, "", "")
    if not column:
        return read_links(Path(path))
    table = read_stage(Path(path), LINKS)
    name = column.lstrip("-")
    if name not in table:
        raise UserError(f"no column {name!r}", path)
    score = table[name].to_numpy(np.float64)
    if column.startswith("-"):  # below every score of an element that is not there
        score = 1 / (1 + score)
    return table[["gene_id", "chrom", "start", "end"]].assign(score=score)


def product(links: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Scores times those of another's overlapping elements, as EPInformer's attention times ABC.

    Parameters
    ----------
    links, other : DataFrame
        gene_id, chrom, start, end, score.

    Returns
    -------
    DataFrame
        Rows of ``links``; the largest of the other's scores among the elements of the same gene
        that share a base counts, 0 where there is none.
    """
    links = links.reset_index(drop=True)
    there = other[other["gene_id"].isin(links["gene_id"])]
    return links.assign(score=links["score"].to_numpy(np.float64) * overlapping(links, there))


def compare(
    folder: Path,
    cell: str,
    examples: Path,
    fold: int,
    split: str,
    length: int,
    links: Sequence[str],
    bases: Sequence[str],
    reach: int = 0,
) -> pd.DataFrame:
    """Measure scores against the truth of a simulated genome.

    Parameters
    ----------
    folder : Path
        Its truth.
    cell : str
        Cell type.
    examples : Path
        Example table; its genes of ``split`` in ``fold`` count.
    fold, split : int, str
        Part of a fold.
    length : int
        Window in which elements count, bp.
    links, bases : sequence of str
        ``LABEL=FILE`` (of links also ``LABEL=FILE:COLUMN``).
    reach : int
        If longer than ``length``: a window, bp, in which elements count once more, whether or not a
        score saw them (those without a score have 0).

    Returns
    -------
    DataFrame
        score (label), cell, and the columns of `element_rows`: of levels element and reach for
        ``links``, of level base for ``bases``.
    """
    table = read_stage(examples, EXAMPLES, "tss")
    genes = table.loc[table[f"fold_{fold}"] == split, ["gene_id", "chrom", "tss"]]
    genes = genes.reset_index(drop=True)
    pairs = true_pairs(folder, genes, cell, length)
    levels = {"element": pairs}
    if reach > length:
        levels["reach"] = true_pairs(folder, genes, cell, reach)
    rows = []
    for label, text in named(links, "--link", "LABEL=FILE"):
        scored_links = links_of(text)
        found = [
            row
            for level, each in levels.items()
            for row in element_rows(each, overlapping(each, scored_links), level)
        ]
        rows += [{"score": label, "cell": cell, **row} for row in found]
    for label, text in named(bases, "--base", "LABEL=FILE"):
        scored = read_bases(Path(text))
        if scored.length != length or scored.genes["gene_id"].tolist() != genes["gene_id"].tolist():
            raise UserError(f"other genes or another window than {length} bp", text)
        labels = base_labels(pairs, genes["tss"].to_numpy(), length)
        found = base_rows(scored.scores, labels)
        rows += [{"score": label, "cell": cell, **row} for row in found]
    if not rows:
        raise UserError(f"no element acts on these genes within {length} bp", folder)
    return pd.DataFrame(rows)


def summary(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean and standard deviation over runs, beside the same score on windows of other genes.

    Parameters
    ----------
    tables : sequence of DataFrame
        Outputs of `compare`, one a fold and seed; labels of controls end in `SHUFFLED`.

    Returns
    -------
    DataFrame
        score, cell, level, distance, runs, pairs, positives, prevalence, auprc, auprc_sd,
        auprc_shuffled, enrichment, effect, decoys, decoys_best.
    """
    every = pd.concat(tables, ignore_index=True)
    floor = every["score"].str.endswith(SHUFFLED)
    keys = ["score", "cell", "level", "distance"]
    values = [
        "pairs",
        "positives",
        "prevalence",
        "auprc",
        "enrichment",
        "effect",
        "decoys",
        "decoys_best",
    ]
    grouped = every[~floor].groupby(keys, sort=False)
    found = grouped[values].mean()
    found.insert(0, "runs", grouped.size())
    found.insert(values.index("auprc") + 2, "auprc_sd", grouped["auprc"].std())
    mixed = every[floor].assign(score=every["score"].str.removesuffix(SHUFFLED))
    found.insert(
        values.index("auprc") + 3, "auprc_shuffled", mixed.groupby(keys, sort=False)["auprc"].mean()
    )
    return found.reset_index()
