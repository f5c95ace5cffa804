"""EPInformer's own evaluation on CRISPRi: the tested regions themselves are a gene's elements."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from gexpipe.abc.elements import nearest, slot_interval
from gexpipe.crispri.pairs import STUDY_COLUMNS, Floats, best_overlap
from gexpipe.discovery.labels import TIMES_ABC
from gexpipe.errors import UserError
from gexpipe.log import get_logger

__all__ = ["BINS", "MEASURED", "STUDY", "region_table", "screened_pairs", "region_scores"]

logger = get_logger(__name__)

# The authors' classes: above the first, up to the second distance. Distances are multiples of half
# a base, so that a quarter of one more makes both ends what they say.
BINS = {
    "0-100 kb": (0.0, np.inf),
    "0-25 kb": (0.25, 25_000.25),
    "25-60 kb": (25_000.25, 60_000.25),
    "60-100 kb": (60_000.25, 100_000.25),
}
# Columns of ABC's predictions that the regions get: of the elements they overlap, of the nearest.
MEASURED = ["activity", "contact", "hic_contact"]
STUDY = " (the study's)"  # ends the label of what the screen's own table measured
REGION = ["gene_id", "chrom", "start", "end"]


def screened_pairs(pairs: pd.DataFrame, maximum: float) -> pd.DataFrame:
    """Pairs that count: near the TSS, of genes in the gene table that one of them regulates.

    Parameters
    ----------
    pairs : DataFrame
        See `gexpipe.crispri.pairs.crispr_pairs`.
    maximum : float
        Largest distance from the middle of the region to the TSS, bp, inclusive.
    """
    near = pairs[pairs["distance"] <= maximum]
    known = near[near["gene_id"].notna()]
    validated = known.groupby("gene_id")["regulated"].transform("any").astype(bool)
    kept = known[validated].reset_index(drop=True)
    logger.info(
        "%d tested pairs, %d within %g kb, %d of genes in the gene table; %d genes without a "
        "validated enhancer are left out; %d pairs of %d genes stay, %d act",
        len(pairs), len(near), maximum / 1000, len(known),
        known["gene_id"].nunique() - kept["gene_id"].nunique(), len(kept),
        kept["gene_id"].nunique(), kept["regulated"].sum(),
    )  # fmt: skip
    if kept.empty:
        raise UserError(f"no gene with a validated enhancer within {maximum:g} bp", "--crispr")
    return kept


def region_table(
    pairs: pd.DataFrame, abc: pd.DataFrame, genes: pd.DataFrame, slot: int
) -> pd.DataFrame:
    """The tested regions as EPInformer's element table, every one of a gene's in a slot.

    A region's activity is the largest of the candidate elements it overlaps, 0 without one: it is
    not open. Its contact is that of the gene's nearest candidate element (contact is read in bins
    far longer than a region). So the model sees features made as those it was trained on.

    Parameters
    ----------
    pairs : DataFrame
        See `screened_pairs`.
    abc : DataFrame
        ABC's predictions of these genes: gene_id, chrom, start, end, `MEASURED`.
    genes : DataFrame
        Gene table: gene_id, chrom, tss.
    slot : int
        Bases per slot; a longer region is cut around its middle.

    Returns
    -------
    DataFrame
        Columns of `gexpipe.abc.elements.element_table`, and region_start, region_end (before the
        cut), contact (ABC's). A region that was tested twice for a gene stands once.
    """
    known = genes.set_index("gene_id")
    regions = pairs[REGION].drop_duplicates().reset_index(drop=True)
    here = regions["gene_id"].map(known["chrom"]) == regions["chrom"]
    here &= regions["gene_id"].isin(abc["gene_id"])
    if not here.all():
        logger.warning("%d regions are left out: on another chromosome than their gene, or of a "
                       "gene without ABC scores", (~here).sum())  # fmt: skip
    regions = regions[here].reset_index(drop=True)
    if regions.empty:
        raise UserError("no tested region is of a gene with ABC scores: another assembly?", "--abc")
    activity, hits = best_overlap(regions, abc, "activity")
    logger.info("%d of %d regions overlap a candidate element; the others have activity 0",
                hits, len(regions))  # fmt: skip
    order = {gene: i for i, gene in enumerate(genes["gene_id"])}
    row = regions["gene_id"].map(order).to_numpy(np.int64)
    middle = (regions["start"] + regions["end"]).to_numpy() / 2
    distance = np.abs(middle - regions["gene_id"].map(known["tss"]).to_numpy(np.float64))
    start, end, offset = slot_interval(regions["start"].to_numpy(), regions["end"].to_numpy(), slot)
    contact = _nearest_contact(regions, abc)
    table = pd.DataFrame(
        {
            "gene_id": regions["gene_id"], "chrom": regions["chrom"], "start": start, "end": end,
            "slot_start": offset, "distance_kb": distance / 1000,
            "contact_log": np.log10(1 + contact["hic_contact"]), "activity": activity,
            "contact": contact["contact"], "region_start": regions["start"],
            "region_end": regions["end"],
        }
    )  # fmt: skip
    chosen, rank = nearest(row, distance, -1, np.inf, len(table))
    return table.iloc[chosen].assign(rank=rank).reset_index(drop=True)


def _nearest_contact(regions: pd.DataFrame, abc: pd.DataFrame) -> dict[str, Floats]:
    """Contacts of each region's gene with the candidate element nearest to it."""
    found = {name: np.zeros(len(regions)) for name in ("contact", "hic_contact")}
    groups = dict(iter(abc.groupby("gene_id", sort=False, observed=True)))
    for gene, rows in regions.groupby("gene_id", sort=False):
        elements = groups[gene]
        place = (elements["start"] + elements["end"]).to_numpy() / 2
        middle = (rows["start"] + rows["end"]).to_numpy() / 2
        at = np.abs(middle[:, None] - place[None, :]).argmin(axis=1)
        for name, values in found.items():
            values[rows.index] = np.nan_to_num(elements[name].to_numpy(np.float64)[at])
    return found


def _shares(values: Floats, gene: pd.Series) -> Floats:
    """Values over their sum within the gene; 0 where that is 0."""
    total = pd.Series(values).groupby(gene.to_numpy()).transform("sum").to_numpy()
    return np.divide(values, total, out=np.zeros_like(values), where=total != 0)


def region_scores(
    pairs: pd.DataFrame,
    regions: pd.DataFrame,
    links: Mapping[str, pd.DataFrame],
    attention: Collection[str],
) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Pairs whose gene every model scored, and what each predictor says of them.

    Attention, ABC (activity times contact) and their product are shares of their sum over the
    tested regions of a gene; activity, contact and distance are as they are.

    Parameters
    ----------
    pairs, regions : DataFrame
        See `screened_pairs`, `region_table`.
    links : mapping
        Label -> gene_id, chrom, start, end, score of the regions (`gexpipe.discovery.scores`).
    attention : collection of str
        Labels whose scores are attention: they are normalised, and also multiplied with ABC.

    Returns
    -------
    DataFrame
        The pairs that are left.
    dict
        Predictor -> (pairs,) scores.
    """
    if not links:
        raise UserError("no element scores are given", "--link")
    table = regions
    for label, scored in links.items():
        table = table.merge(scored[[*REGION, "score"]].rename(columns={"score": label}), on=REGION)
    names = {"region_start": "start", "region_end": "end"}
    table = table.drop(columns=["start", "end"]).rename(columns=names)
    kept = pairs.merge(table.drop(columns="chrom").drop_duplicates(["gene_id", "start", "end"]),
                       on=["gene_id", "start", "end"])  # fmt: skip
    gene = kept["gene_id"]
    if len(kept) < len(pairs):
        logger.info("%d of %d pairs are of genes that every model scored", len(kept), len(pairs))
    values = {name: kept[name].to_numpy(np.float64) for name in ["activity", "contact", *links]}
    both = values["activity"] * values["contact"]
    scores = {"ABC": _shares(both, gene), "activity": values["activity"]}
    scores |= {"contact": values["contact"], "distance": -kept["distance"].to_numpy(np.float64)}
    if all(name in kept for name in STUDY_COLUMNS):
        own = [np.nan_to_num(kept[name].to_numpy(np.float64)) for name in STUDY_COLUMNS]
        scores |= {"ABC" + STUDY: _shares(own[0] * own[1], gene)}
        scores |= {"activity" + STUDY: own[0], "contact" + STUDY: own[1]}
    for label in links:
        normal = label in attention
        scores[label] = _shares(values[label], gene) if normal else values[label]
        if normal:
            scores[label + TIMES_ABC] = _shares(scores[label] * both, gene)
    return kept, scores
