"""Genes that a method predicts best and worst, drawn with what lies around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from gexpipe.crispri.known_elements import planted_elements
from gexpipe.discovery.locus import locus_figure
from gexpipe.reference.genes import read_genes
from gexpipe.tables.front import embedded
from gexpipe.tabular import read_parquet

__all__ = ["drawn_genes"]

SCORED = ["gene_id", "start", "end", "abc_score"]


def drawn_genes(
    wanted: Mapping[str, Mapping[str, str]],
    genes: Path,
    stores: Mapping[str, Path],
    scores: Mapping[str, Path],
    truth: Path | None,
    length: int,
) -> dict[str, list[str]]:
    """Pictures of some genes, as Markdown.

    Parameters
    ----------
    wanted : mapping
        Cell type -> gene id -> symbol (`gexpipe.tables.front.best_and_worst`).
    genes : Path
        Gene table.
    stores, scores : mapping
        Cell type -> window store; cell type -> ABC scores. A cell type without a store has no
        pictures, one without scores no ABC in them.
    truth : Path, optional
        Of a simulated genome: its elements are drawn.
    length : int
        Bases around the TSS.
    """
    table = read_genes(genes)
    found: dict[str, list[str]] = {}
    for cell, named in wanted.items():
        if cell not in stores:
            continue
        abc = _scores(scores[cell], list(named)) if cell in scores else {}
        found[cell] = []
        for gene, symbol in named.items():
            marks = planted_elements(truth, [cell], gene) if truth else {}
            figure = locus_figure(stores[cell], table, gene, length, {}, abc, marks)
            found[cell].append(embedded(figure, f"{symbol or gene} in {cell}"))
    return found


def _scores(path: Path, genes: list[str]) -> dict[str, pd.DataFrame]:
    """The scores of a few genes: a genome has ten million pairs."""
    chosen = [("gene_id", "in", genes)]
    table = read_parquet(path, "table of ABC scores", SCORED, filters=chosen)
    return {"ABC": table.rename(columns={"abc_score": "score"})}
