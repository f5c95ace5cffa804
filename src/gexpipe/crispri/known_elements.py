"""Elements that are known beside the scores of a gene: of a file, of a screen, of a simulation."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from gexpipe.crispri.pairs import crispr_pairs, predicted
from gexpipe.errors import UserError
from gexpipe.intervals import data_lines, read_intervals
from gexpipe.tabular import read_parquet

__all__ = ["gene_enhancers", "planted_elements", "read_marks", "tested_elements"]

PLACE = ["chrom", "start", "end"]
PROMOTER = 1_000  # bp around the TSS in which there are no enhancers
MARK = (*PLACE, "name", "score")


def read_marks(path: Path) -> pd.DataFrame:
    """Known elements: a BED file (a fifth column is a score), or parquet; chrom, start, end."""
    table = read_parquet(path, "elements") if path.suffix == ".parquet" else _bed_marks(path)
    missing = [name for name in ("chrom", "start", "end") if name not in table]
    if missing:
        raise UserError(f"no column {missing[0]!r} of elements", path)
    return table


def _bed_marks(path: Path) -> pd.DataFrame:
    """Intervals of a BED file, with names and scores where all its rows have five columns."""
    fields = [line.rstrip().count("\t") + 1 for _, line in data_lines(path)]
    scored = bool(fields) and min(fields) >= len(MARK)
    table = read_intervals(path, MARK if scored else MARK[:3])
    if not scored:
        return table.reset_index(drop=True)
    score = pd.to_numeric(table["score"].replace(".", "nan"), errors="coerce")
    return table.assign(score=score).reset_index(drop=True)


def tested_elements(
    path: Path, genes: pd.DataFrame, cells: Collection[str], gene_id: str
) -> dict[str, pd.DataFrame]:
    """Elements that CRISPRi tested for a gene, and those that regulate it.

    Returns
    -------
    dict
        Label -> chrom, start, end, score: the measured change, as fraction of expression; 1 where
        the table has no effect sizes.
    """
    pairs = crispr_pairs(path, genes, cells)
    mine = pairs[pairs["gene_id"] == gene_id]
    mine = mine.assign(score=mine["effect"].fillna(1.0))[[*PLACE, "score", "regulated"]]
    act = mine.pop("regulated")
    return {"CRISPRi change": mine, "CRISPRi acts": mine[act]}


def gene_enhancers(
    abc: Path, gene: pd.Series, acting: pd.DataFrame, maximum: int, most: int
) -> pd.DataFrame:
    """Elements of a gene to look into: those that CRISPRi says act, else ABC's best.

    Parameters
    ----------
    abc : Path
        ABC's predictions.
    gene : Series
        gene_id, chrom, tss.
    acting : DataFrame
        chrom, start, end of elements that act on it; may be empty.
    maximum, most : int
        Largest distance from the middle to the TSS, bp; so many elements, the nearest of those
        that act, the best of ABC's (beyond 1 kb of the TSS).

    Returns
    -------
    DataFrame
        chrom, start, end, by distance.
    """
    known = acting if len(acting) else predicted(abc, {str(gene["gene_id"])}, ["abc_score"])
    distance = ((known["start"] + known["end"]) / 2 - int(gene["tss"])).abs()
    near = known.assign(distance=distance)[(known["chrom"] == gene["chrom"])]
    near = near[(near["distance"] <= maximum)]
    if not len(acting):
        near = near[near["distance"] > PROMOTER].nlargest(most, "abc_score")
    if near.empty:
        raise UserError(f"no element within {maximum:,} bp of {gene['gene_id']}", abc)
    return near.sort_values("distance").head(most)[PLACE].reset_index(drop=True)


def planted_elements(folder: Path, cells: Collection[str], gene_id: str) -> dict[str, pd.DataFrame]:
    """Elements of a simulated genome that act on a gene, and the decoys of the genome.

    Returns
    -------
    dict
        Label -> chrom, start, end, score: what the gene loses without it (log10 units); decoys
        have no score.
    """
    links = read_parquet(folder / "links.parquet", "simulated links")
    mine = links[(links["gene_id"] == gene_id) & links["cell"].isin(cells)]
    elements = read_parquet(folder / "elements.parquet", "simulated elements")
    return {
        "planted, acts": mine.rename(columns={"effect": "score"})[[*PLACE, "score"]],
        "planted decoys": elements.loc[elements["kind"] == "decoy", PLACE],
    }
