"""Start from what ABC's own pipeline wrote: its lists of elements and genes, and its predictions.

Tables of enhancer-gene links that others made of them (EPInformer's releases) have the same
columns, some under older names, and rows without an element for genes that have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from gexpipe.abc.candidates import write_bed
from gexpipe.abc.elements import write_elements
from gexpipe.abc.quality import EXPECTED, check, element_quality
from gexpipe.abc.scores import SCHEMA
from gexpipe.abc.tables import read_activity, read_element_table
from gexpipe.errors import UserError
from gexpipe.files import aside, open_binary, write_json
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.reference.genes import read_genes
from gexpipe.reference.genome import read_sizes

__all__ = ["Lists", "read_links", "take_lists", "take_predictions"]

logger = get_logger(__name__)

# Ours -> the names that tables have, the first that is there counts; the last three may be absent.
NAMES = {
    "chrom": ("chr", "#chr", "chrom"),
    "start": ("start",),
    "end": ("end",),
    "gene": ("TargetGene",),
    "distance": ("distance",),
    "hic_contact": ("hic_contact", "powerlaw_contact"),
    "activity": ("activity_base",),
    "contact": ("hic_contact_pl_scaled_adj", "hic_contact", "powerlaw_contact"),
    "abc_score": ("ABC.Score", "powerlaw.Score"),
    "gene_id": ("TargetGeneEnsembl_ID", "ENSID"),
    "tss": ("TargetGeneTSS",),
    "is_self_promoter": ("isSelfPromoter",),
}
OPTIONAL = ("gene_id", "tss", "is_self_promoter")
_TEXT = ("chrom", "gene", "gene_id", "is_self_promoter")
_ABSENT = ["", "NA", "NaN", "nan", "None"]


@dataclass(frozen=True)
class Lists:
    """Where the outputs of `take_lists` go."""

    candidates: Path
    elements: Path
    genes: Path
    quality: Path


def take_lists(elements: Path, activity: Path, genes: Path, chrom_sizes: Path, out: Lists) -> None:
    """Write candidates, elements, gene activity and quality from ABC's two lists.

    Parameters
    ----------
    elements, activity : Path
        ``EnhancerList.txt`` and ``GeneList.txt``; every gene of the gene table is in the latter.
    genes, chrom_sizes : Path
        Gene table, chromosome lengths.
    """
    sizes, known = read_sizes(chrom_sizes), read_genes(genes)
    table = read_element_table(elements, ["class", "isPromoterElement", "activity_base"])
    table = _on_genome(table, sizes, elements)
    if "name" not in table:
        place = table["chrom"] + ":" + table["start"].astype(str) + "-" + table["end"].astype(str)
        table["name"] = table["class"] + "|" + place
    write_bed(table, out.candidates)
    write_elements(table, out.elements)
    write_elements(_of_genes(read_activity(activity), known, activity), out.genes)
    write_json(out.quality, check(element_quality(table, known, {}, {}), EXPECTED))
    logger.info("%s: %d elements", elements, len(table))


def _on_genome(table: pd.DataFrame, sizes: dict[str, int], path: Path) -> pd.DataFrame:
    """Elements of the genome's chromosomes; others are counted, places outside are refused."""
    length = table["chrom"].map(sizes)
    beyond = (table["end"] > length).to_numpy()
    if beyond.any():
        row = table[beyond].iloc[0]
        raise UserError(
            f"{row['chrom']}:{row['start']}-{row['end']} ends outside the chromosome, which has "
            f"{sizes[row['chrom']]:,} bp: another assembly?",
            path,
        )
    other = length.isna().to_numpy()
    if other.all():
        found = ", ".join(table["chrom"].unique()[:4])
        raise UserError(
            f"chromosome names do not match: it has {found}; the genome has "
            f"{', '.join(list(sizes)[:4])}",
            path,
        )
    if other.any():
        logger.warning("%s: %d elements on no chromosome of the genome", path, int(other.sum()))
    return table[~other].reset_index(drop=True)


def _of_genes(activity: pd.DataFrame, genes: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Activity in the order of the gene table, by id."""
    listed = activity.assign(gene_id=without_version(activity["gene_id"])).set_index("gene_id")
    wanted = without_version(genes["gene_id"])
    absent = ~wanted.isin(listed.index).to_numpy()
    if absent.any():
        raise UserError(
            f"no row for {int(absent.sum())} of the {len(genes)} genes, such as "
            f"{genes['gene_id'].to_numpy()[absent][0]}: it is of another gene list; as gene_table "
            "(genes.source: table, tss_column: tss) it is that of the run",
            path,
        )
    found = listed.loc[wanted].reset_index(drop=True)
    return pd.concat([genes[["gene_id"]].reset_index(drop=True), found], axis=1)


def take_predictions(
    predictions: Sequence[Path], elements: Path, genes: Path, window: float, out: Path
) -> None:
    """Write predictions.parquet from ABC's pairs, or EPInformer's links.

    Pairs of genes that the gene table has not are counted; an element that the element table has
    not is refused.

    Parameters
    ----------
    predictions : sequence of Path
        ``EnhancerPredictionsAllPutative.tsv.gz`` (and the file of genes that are not expressed).
    elements, genes : Path
        elements.parquet, gene table.
    window : float
        Pairs from this distance on are left out, bp.
    """
    known, table = read_genes(genes), read_element_table(elements, ["isPromoterElement"])
    parts = [_matched(read_links(path), known, table, path) for path in predictions]
    pairs = pd.concat(parts, ignore_index=True)
    pairs = pairs[pairs["distance"] < window]
    twice = pairs.duplicated(["gene", "element"])
    if twice.any():
        logger.warning("%d pairs stand twice: the first of each counts", int(twice.sum()))
        pairs = pairs[~twice]
    if pairs.empty:
        raise UserError(f"no pair nearer than {window:,.0f} bp", predictions[0])
    order = {chrom: place for place, chrom in enumerate(dict.fromkeys(known["chrom"]))}
    pairs = pairs.assign(place=pairs["chrom"].map(order)).sort_values(["place", "gene", "element"])
    lacking = len(known) - pairs["gene"].nunique()
    logger.info("%d pairs; %d of %d genes have none", len(pairs), lacking, len(known))
    rows = pa.Table.from_pandas(pairs[SCHEMA.names], SCHEMA, preserve_index=False)
    with aside(out) as temporary:
        pq.write_table(rows.replace_schema_metadata(None), temporary, compression="zstd")


def read_links(path: Path) -> pd.DataFrame:
    """Element-gene pairs of a table of ABC's or EPInformer's; see `NAMES`.

    Coordinates are 0-based half-open, as ABC writes them. Rows without an element or a gene stand
    for genes that have none, and are counted; contact that is missing is 0, and counted.

    Raises
    ------
    UserError
        A missing column, a row that cannot be read, a place that is none.
    """
    names = _columns(path)
    # Names repeat: a number a row, and each name once.
    read = pa.concat_tables(_blocks(path, names)).unify_dictionaries()
    table = read.to_pandas(split_blocks=True, self_destruct=True)
    table = table.rename(columns={theirs: ours for ours, theirs in names.items()})
    for ours, theirs in names.items():  # one column may serve twice
        if ours not in table:
            table[ours] = table[next(o for o, t in names.items() if t == theirs and o in table)]
    for ours, theirs in names.items():
        if theirs != NAMES[ours][0] and ours in ("contact", "hic_contact", "abc_score"):
            logger.warning("%s: no %s: %s is its %s", path, NAMES[ours][0], ours, theirs)
    whole = table[["start", "end", "gene", "chrom"]].notna().all(axis=1)
    if not whole.all():
        logger.info("%s: %d rows have no element or no gene", path, int((~whole).sum()))
        table = table[whole]
    _check_links(table, path)
    for name in ("hic_contact", "contact"):
        absent = table[name].isna()
        if absent.any():
            logger.warning("%s: %d pairs without %s: 0", path, int(absent.sum()), names[name])
    filled = table.fillna({"hic_contact": 0.0, "contact": 0.0})
    return filled.astype({"start": np.int64, "end": np.int64})


def _columns(path: Path) -> dict[str, str]:
    """Ours -> the table's name, of the columns that it has."""
    with open_binary(path) as handle:
        header = handle.readline().decode("utf-8", "replace").rstrip("\r\n").split("\t")
    found = {}
    for ours, theirs in NAMES.items():
        name = next((name for name in theirs if name in header), None)
        if name is not None:
            found[ours] = name
        elif ours not in OPTIONAL:
            raise UserError(
                f"no column {' or '.join(theirs)} of a table of element-gene pairs; it has "
                f"{', '.join(header[:12])}",
                path,
            )
    return found


def _blocks(path: Path, names: dict[str, str]) -> Iterator[pa.Table]:
    word = pa.dictionary(pa.int32(), pa.string())
    types = {names[o]: word if o in _TEXT else pa.float64() for o in names}
    options = (
        arrow_csv.ReadOptions(use_threads=False, block_size=1 << 24),
        arrow_csv.ParseOptions(delimiter="\t", quote_char=False),
        arrow_csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=_ABSENT,
            strings_can_be_null=True,
        ),
    )  # fmt: skip
    try:
        with open_binary(path) as handle, arrow_csv.open_csv(handle, *options) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"not a readable table of element-gene pairs ({reason})", path) from error


def _check_links(table: pd.DataFrame, path: Path) -> None:
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    bad = (start % 1 != 0) | (end % 1 != 0) | (start < 0) | (start >= end)
    for name in ("distance", "activity", "abc_score"):
        values = table[name].to_numpy(np.float64)
        # A gene whose products are all zero has no score.
        missing = np.isnan(values) & (name != "abc_score")
        bad |= missing | (values < 0) | np.isinf(values)
    if bad.any():
        row = table[bad].iloc[0]
        raise UserError(
            f"{row['gene']} {row['chrom']} {row['start']:g} {row['end']:g} distance "
            f"{row['distance']:g} activity {row['activity']:g} score {row['abc_score']:g}: "
            "expected 0 <= start < end, and numbers from 0",
            path,
        )


def _matched(
    links: pd.DataFrame, genes: pd.DataFrame, elements: pd.DataFrame, path: Path
) -> pd.DataFrame:
    """Pairs with the row numbers of their genes and elements."""
    gene = _gene_rows(links, genes)
    known = gene >= 0
    if not known.any():
        raise UserError(
            f"none of its genes ({links['gene'].iloc[0]}, ...) is in the gene table "
            f"({genes['gene_id'].iloc[0]}, ...)",
            path,
        )
    if not known.all():
        names = links["gene"][~known].nunique()
        logger.info("%s: %d genes are not in the gene table", path, names)
    links, gene = links[known], gene[known]
    index = pd.MultiIndex.from_frame(elements[["chrom", "start", "end"]])
    links = links.assign(chrom=links["chrom"].astype(str))
    element = index.get_indexer(pd.MultiIndex.from_frame(links[["chrom", "start", "end"]]))
    if (element < 0).any():
        row = links[element < 0].iloc[0]
        raise UserError(
            f"{int((element < 0).sum())} pairs are of elements that the element table has not, "
            f"such as {row['chrom']}:{row['start']}-{row['end']}: of another run?",
            path,
        )
    _say_other_tss(links, genes["tss"].to_numpy()[gene], path)
    own = _own_promoters(links, genes["tss"].to_numpy()[gene], elements, element)
    ids = genes["gene_id"].to_numpy()[gene]
    return links.assign(gene=gene, element=element, gene_id=ids, is_self_promoter=own)


def _gene_rows(links: pd.DataFrame, genes: pd.DataFrame) -> np.ndarray:
    """Row of each pair's gene, -1 for none: by id, else by TargetGene as an id or a symbol."""
    ids = {name: row for row, name in enumerate(without_version(genes["gene_id"]))}
    symbols: dict[str, int] = {}
    if "symbol" in genes:
        once = ~genes["symbol"].duplicated(keep=False) & (genes["symbol"] != "")
        symbols = dict(zip(genes["symbol"][once], np.flatnonzero(once), strict=True))
    found = np.full(len(links), -1, dtype=np.int64)
    for column, names in (("gene_id", ids), ("gene", ids), ("gene", symbols)):
        if column in links:
            known = links[column].cat
            row_of = without_version(pd.Series(known.categories)).map(names).fillna(-1)
            rows = np.append(row_of.to_numpy(np.int64), -1)[known.codes]  # code -1: missing
            found = np.where(found < 0, rows, found)
    return found


def _say_other_tss(links: pd.DataFrame, tss: np.ndarray, path: Path) -> None:
    if "tss" not in links:
        return
    other = links["gene"][(links["tss"].to_numpy() != tss) & links["tss"].notna().to_numpy()]
    if len(other):
        logger.warning(
            "%s: %d genes have another TSS than in the gene table: distances are this table's",
            path, other.nunique(),
        )  # fmt: skip


def _own_promoters(
    links: pd.DataFrame, tss: np.ndarray, elements: pd.DataFrame, element: np.ndarray
) -> np.ndarray:
    """Whether an element is its gene's own promoter: as the table says, else as ABC finds it."""
    if "is_self_promoter" in links:
        return links["is_self_promoter"].isin(["True", "TRUE", "true", "1", "1.0"]).to_numpy(bool)
    near = (links["start"] - 500 < tss) & (links["end"] + 500 > tss)
    return near.to_numpy(bool) & elements["isPromoterElement"].to_numpy(bool)[element]
