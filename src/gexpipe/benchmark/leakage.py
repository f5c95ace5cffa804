"""What a model may have seen of its test genes: look-alikes, paralogues, overlap, pre-training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.benchmark.likeness import nearest, read_windows, sketch
from gexpipe.benchmark.runs import Ensemble
from gexpipe.errors import UserError
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.reference.gene_sets import seen_in_training
from gexpipe.tables.metrics import score
from gexpipe.tabular import read_table

__all__ = [
    "ALL",
    "ANY",
    "LIKE",
    "Sources",
    "error_by_leakage",
    "gene_leakage",
    "look_alikes",
    "overlap",
    "paralogues",
]

logger = get_logger(__name__)

SEEN = "seen_"  # beginning of the columns of pre-trained models
# Names in the table of errors: all test genes, and those with a trace of any kind.
ALL, LIKE, ANY = "all test genes", "look-alike", "any of these"


@dataclass(frozen=True)
class Sources:
    """Where traces of test genes in training are looked for.

    Attributes
    ----------
    fasta : Path or None
        Genome, for `look_alikes`; without one nothing is said of them.
    bases, kmer : int
        Bases around the TSS that are compared, and the length of the words.
    similarity : float
        Share of a gene's words from which on a training gene is its look-alike.
    paralogues : Path or None
        Table for `paralogues`.
    seen : mapping
        Name of a pre-trained model -> BED of the regions that it was trained on.
    """

    fasta: Path | None = None
    bases: int = 10_000
    kmer: int = 16
    similarity: float = 0.1
    paralogues: Path | None = None
    seen: Mapping[str, Path] | None = None


def gene_leakage(
    genes: pd.DataFrame, parts: pd.Series, length: int, sources: Sources
) -> pd.DataFrame:
    """Validation and test genes, and what of each is among the training genes.

    Parameters
    ----------
    genes : DataFrame
        Gene table: gene_id, symbol, chrom, tss.
    parts : Series
        train, valid or test, by gene_id.
    length : int
        Length of a model's windows, bp.
    sources : Sources
        Where to look.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, part; nearest (the training gene that shares most k-mers),
        similarity (share of the gene's k-mers that it has) and look_alike; paralogue;
        overlap (bp of the window that lie in windows of training genes); seen_NAME. Columns
        without a source are missing; yes or no, and empty where it cannot be told.
    """
    part = genes["gene_id"].map(parts)
    train, asked = genes[part == "train"], genes[part.isin(["valid", "test"])]
    table = asked[["gene_id", "symbol", "chrom"]].assign(part=part[asked.index])
    if sources.fasta:
        near, similarity = look_alikes(asked, train, sources.fasta, sources.bases, sources.kmer)
        table["nearest"], table["similarity"] = near, similarity
        table["look_alike"] = _words(similarity >= sources.similarity, np.isfinite(similarity))
    if sources.paralogues:
        has = paralogues(sources.paralogues, genes)
        known = set(train["gene_id"])
        found = [bool(has.get(gene, set()) & known) for gene in asked["gene_id"]]
        table["paralogue"] = _words(np.array(found, bool))
    table["overlap"] = overlap(asked, train, length)
    for name, path in (sources.seen or {}).items():
        table[f"{SEEN}{name}"] = _words(
            asked["gene_id"].isin(seen_in_training(path, genes)).to_numpy()
        )
    return table.reset_index(drop=True)


def _words(yes: NDArray[np.bool_], known: NDArray[np.bool_] | None = None) -> NDArray[np.object_]:
    words = np.where(yes, "yes", "no").astype(object)
    if known is not None:
        words[~known] = ""
    return words


def look_alikes(
    asked: pd.DataFrame, train: pd.DataFrame, fasta: Path, bases: int, k: int
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Training gene that shares most k-mers around its TSS with each gene, and the share."""
    both = pd.concat([asked, train])
    sketches = [sketch(window, k) for window in read_windows(fasta, both, bases)]
    similarity, row = nearest(sketches[: len(asked)], sketches[len(asked) :])
    unknown = int(np.isnan(similarity).sum())
    if unknown:
        logger.warning(
            "%d of %d genes have too little sequence outside repeats to be compared",
            unknown, len(asked),
        )  # fmt: skip
    return np.append(train["gene_id"].to_numpy(object), "")[row], similarity


def overlap(asked: pd.DataFrame, train: pd.DataFrame, length: int) -> NDArray[np.int64]:
    """Bp of ``[tss - length // 2, tss + length // 2)`` that lie in windows of training genes."""
    half, found = length // 2, np.zeros(len(asked), np.int64)
    chrom, tss = asked["chrom"].to_numpy(), asked["tss"].to_numpy(np.int64)
    for name, there in train.groupby("chrom", sort=False):
        starts = np.sort(there["tss"].to_numpy(np.int64)) - half
        at = np.flatnonzero(chrom == name)
        first, last = np.maximum(tss[at] - half, 0), tss[at] + half
        found[at] = _covered(last, starts, 2 * half) - _covered(first, starts, 2 * half)
    return found


def _covered(place: NDArray[np.int64], starts: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Bp below each place that lie in windows of one width, given by their starts in order."""
    # Each window adds what the one before it does not reach.
    new = np.maximum(starts, np.append(starts[0], starts[:-1] + width))
    sizes = starts + width - new
    before = np.append(0, np.cumsum(sizes))
    last = np.searchsorted(new, place, side="right") - 1
    inside = np.clip(place - new[last], 0, sizes[last])
    return np.where(last < 0, 0, before[last] + inside)


def paralogues(path: Path, genes: pd.DataFrame) -> dict[str, set[str]]:
    """Gene id -> ids of its paralogues, both ways.

    Parameters
    ----------
    path : Path
        Tab-separated with a header. The first column holds gene ids, with or without version; the
        second their paralogues (an export of Ensembl BioMart; empty for a gene without one), or,
        called ``family``, a name that the genes of a family share.
    genes : DataFrame
        Gene table: gene_id.

    Raises
    ------
    UserError
        None of the genes is in the table.
    """
    table = read_table(path, "table of paralogues", separator="\t")
    if table.shape[1] < 2:
        raise UserError("expected two columns: gene id, and paralogue or family", path)
    gene, other = without_version(table.iloc[:, 0]), table.iloc[:, 1]
    there = gene.isin(genes["gene_id"])
    if not there.any():
        raise UserError(f"none of the {len(genes)} genes is in its first column", path)
    logger.info("%s: %d of %d rows are of genes in use", path, int(there.sum()), len(table))
    found: dict[str, set[str]] = {}
    if str(table.columns[1]).lower() == "family":
        members = gene[other != ""].groupby(other[other != ""]).agg(set)
        for family in members:
            for name in family:
                found.setdefault(name, set()).update(family - {name})
        return found
    for one, two in zip(gene, without_version(other), strict=True):
        if two and one != two:
            found.setdefault(one, set()).add(two)
            found.setdefault(two, set()).add(one)
    return found


def error_by_leakage(ensembles: Ensemble, genes: pd.DataFrame) -> pd.DataFrame:
    """Error of every method with and without the test genes of which something was seen.

    Parameters
    ----------
    ensembles : mapping
        (cell type, label) -> `gexpipe.benchmark.runs.ensemble`.
    genes : DataFrame
        Of `gene_leakage`.

    Returns
    -------
    DataFrame
        cell, label, trace (`ALL`, look-alike, paralogue, overlap, seen by NAME, `ANY`), has (yes,
        no, unknown; all for `ALL`), genes, mse, pearson; without genes there is no error.
    """
    traces = _traces(genes)
    rows = []
    for (cell, label), table in ensembles.items():
        test = table[table["split"] == "test"]
        lost = set(test["gene_id"]) - set(genes["gene_id"])
        if lost:
            raise UserError(
                f"{len(lost)} test genes of {label} in {cell} ({min(lost)}, ...) are not test "
                "genes of these splits",
                "table of splits",
            )
        groups = [(ALL, "all", test)]
        for trace, has in traces.items():
            own = test["gene_id"].map(has)
            groups += [(trace, word, test[own == word]) for word in ("no", "yes")]
            if (own == "").any():
                groups.append((trace, "unknown", test[own == ""]))
        for trace, word, part in groups:
            row = {"cell": cell, "label": label, "trace": trace, "has": word, "genes": len(part)}
            rows.append(row | _errors(part))
    return pd.DataFrame(rows)


def _traces(genes: pd.DataFrame) -> dict[str, pd.Series]:
    """Name of a trace -> yes, no or empty, by gene id."""
    table = genes.set_index("gene_id").fillna({"look_alike": ""})
    found = {}
    if "look_alike" in table:
        found[LIKE] = table["look_alike"]
    if "paralogue" in table:
        found["paralogue"] = table["paralogue"]
    found["overlap"] = table["overlap"].gt(0).map({True: "yes", False: "no"})
    for name in map(str, table.columns):
        if name.startswith(SEEN):
            found[f"seen by {name.removeprefix(SEEN)}"] = table[name]
    every = pd.DataFrame(found)
    seen, unknown = (every == "yes").any(axis=1), (every == "").any(axis=1)
    words = np.select([seen, unknown], ["yes", ""], "no")
    return {**found, ANY: pd.Series(words, index=table.index)}


def _errors(part: pd.DataFrame) -> dict[str, float]:
    if part.empty:
        return {"mse": np.nan, "pearson": np.nan}
    found = score(part["observed"].to_numpy(float), part["predicted"].to_numpy(float))
    return {name: found[name] for name in ("mse", "pearson")}
