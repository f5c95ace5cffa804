"""The gene table: which genes, on which strand, with the TSS that every window is centred on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError, at_row
from gexpipe.files import aside, require
from gexpipe.log import get_logger
from gexpipe.reference.gtf import read_gtf, representative_transcripts
from gexpipe.tabular import complete, numbers, read_table

__all__ = [
    "GENE_COLUMNS",
    "find_gene",
    "find_row",
    "genes_from_gtf",
    "genes_from_table",
    "listed_ids",
    "read_genes",
    "say_dates",
    "write_table",
]

logger = get_logger(__name__)

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec"
_DATE = rf"(?i:\d{{1,2}}[-./](?:{_MONTHS})|(?:{_MONTHS})[-./]\d{{1,2}})"
# Order of the columns of results/genes/genes.tsv.
GENE_COLUMNS = ["gene_id", "symbol", "chrom", "tss", "strand", "start", "end", "source"]

# What gene tables call these columns, the best first.
GENE_ID = ("gene_id", "ENSID", "Ensembl_ID")
CHROM = ("chrom", "chr")


def genes_from_gtf(path: str | Path, chromosomes: list[str]) -> pd.DataFrame:
    """One TSS per protein-coding gene from gene models (see `representative_transcripts`).

    ``start`` and ``end`` bound all transcripts of the gene: the body that makes an element genic.
    """
    models = read_gtf(path, chromosomes)
    transcripts = models[models["feature"] == "transcript"].groupby("gene_id")
    genes = representative_transcripts(models)
    genes["start"] = genes["gene_id"].map(transcripts["start"].min())
    genes["end"] = genes["gene_id"].map(transcripts["end"].max())
    return genes[GENE_COLUMNS]


def genes_from_table(
    path: str | Path, chromosomes: list[str], tss_column: str = ""
) -> pd.DataFrame:
    """Genes of a published table: EPInformer's Xpresso table, or any CSV/TSV with such columns.

    Accepted column names (first found wins): gene_id | ENSID | Ensembl_ID; symbol | Gene name;
    chrom | chr; tss | TSS | TSS_xpresso; strand; start; end: so ABC's GeneList.txt is one, too.
    Chromosomes may lack their ``chr``. The TSS is taken as a
    0-based position, as the authors' code does. Strand may be +, -, 1 or -1; a table without
    strands is unstranded (``.``), which only matters to strand-aware options.

    Parameters
    ----------
    path : str or Path
        The table.
    chromosomes : list of str
        Chromosomes in use.
    tss_column : str, optional
        The column that holds the TSS: a table may have several. The column taken stands in
        ``source``.

    Returns
    -------
    DataFrame
        `GENE_COLUMNS`, restricted to ``chromosomes``, in the table's order.
    """
    table = read_table(path, "gene table")
    tss = _first_of(table, path, *([tss_column] if tss_column else ["tss", "TSS", "TSS_xpresso"]))
    symbol = table[_first_of(table, path, "symbol", "Gene name")]
    position = numbers(table, tss, path, whole=True)
    genes = pd.DataFrame(
        {
            "gene_id": listed_ids(table, path),
            "symbol": symbol.where(~symbol.isin(["NaN", "nan"]), ""),
            "chrom": _chromosomes(table[_first_of(table, path, *CHROM)], chromosomes, path),
            "tss": position,
            "strand": _strands(table, path),
            "start": _bound(table, "start", position, path),
            "end": _bound(table, "end", position + 1, path),
            "source": f"table:{tss}",
        }
    )
    _check_rows(genes, path)
    genes = genes[genes["chrom"].isin(chromosomes)].reset_index(drop=True)
    if genes.empty:
        found = ", ".join(table[_first_of(table, path, *CHROM)].unique()[:4])
        raise UserError(f"no gene on {', '.join(chromosomes[:5])} ...; it has {found}", path)
    return genes


def _first_of(table: pd.DataFrame, path: str | Path, *names: str) -> str:
    for name in names:
        if name in table:
            return name
    raise UserError(
        f"no column {' or '.join(names)}; it has {', '.join(map(str, table.columns[:12]))}", path
    )


def listed_ids(table: pd.DataFrame, path: str | Path) -> pd.Series:
    """Gene ids of a table as people have it.

    ABC's lists hold several genes of one Ensembl id (DGCR5, DGCR9 and DGCR10), and are unique by
    symbol: there such genes go by their symbols.
    """
    column = _first_of(table, path, *GENE_ID)
    ids = table[column]
    several = ids.duplicated(keep=False) & (column == "Ensembl_ID")
    if several.any():
        logger.info("%s: %d genes share an Ensembl id: symbols name them", path, several.sum())
        ids = ids.where(~several, table[_first_of(table, path, "symbol")])
    return ids


def _chromosomes(names: pd.Series, wanted: list[str], path: str | Path) -> pd.Series:
    """Names as the genome has them: with ``chr`` in front where only that makes them known."""
    known = names.isin(wanted)
    prefixed = ~known & ("chr" + names).isin(wanted)
    if prefixed.any():
        logger.info("%s: chr was put in front of %d chromosome names", path, int(prefixed.sum()))
    return names.where(~prefixed, "chr" + names)


def _strands(table: pd.DataFrame, path: str | Path) -> pd.Series:
    if "strand" not in table:
        return pd.Series(".", index=table.index)
    strand = table["strand"].replace({"1": "+", "-1": "-", "1.0": "+", "-1.0": "-", "": "."})
    bad = ~strand.isin(["+", "-", "."])
    if bad.any():
        where = at_row(path, int(strand.index[bad][0]))
        raise UserError(f"strand is {strand[bad].iloc[0]!r}, expected +, -, 1 or -1", where)
    return strand


def _bound(table: pd.DataFrame, name: str, default: pd.Series, path: str | Path) -> pd.Series:
    """A bound of gene bodies; the TSS where the table has none."""
    if name not in table:
        return default
    return numbers(table, name, path, missing=True, whole=True).fillna(default).astype(np.int64)


def _check_rows(genes: pd.DataFrame, path: str | Path) -> None:
    """Refuse an empty or repeated id and a body without bases; say what a spreadsheet renamed."""
    for bad, message in (
        (genes["gene_id"] == "", "the gene id is empty"),
        (genes["tss"] < 0, "the TSS is below 0"),
        ((genes["start"] < 0) | (genes["start"] >= genes["end"]), "expected 0 <= start < end"),
        (genes["gene_id"].duplicated(), "this gene stands twice"),
    ):
        if bad.any():
            at = genes[bad].iloc[0]
            found = f"{at['gene_id']} {at['chrom']} {at['start']} {at['end']}"
            raise UserError(f"{found}: {message}", at_row(path, int(genes.index[bad][0])))
    say_dates(genes["symbol"], path)


def say_dates(names: pd.Series, path: str | Path) -> None:
    """Warn of gene symbols that a spreadsheet turned into dates (SEPTIN2, MARCHF1)."""
    dates = names.str.fullmatch(_DATE)
    if dates.any():
        logger.warning(
            "%s: %d gene symbols are dates, as a spreadsheet makes them of SEPT2 or MARCH1 (%s): "
            "they match no gene",
            path, int(dates.sum()), names[dates].iloc[0],
        )  # fmt: skip


def find_row(ids: Sequence[str], symbols: Iterable[str], name: str, where: str | Path) -> int:
    """Row of the gene whose id or symbol is ``name``; an id goes before a symbol.

    Raises
    ------
    UserError
        There is none, or the symbol is that of several genes.
    """
    found = [row for row, gene_id in enumerate(ids) if gene_id == name]
    found = found or [row for row, symbol in enumerate(symbols) if symbol == name]
    if not found:
        raise UserError(f"no gene {name!r}; the first is {ids[0]}", where)
    if len(found) > 1:
        several = ", ".join(ids[row] for row in found[:5])
        raise UserError(f"{name!r} is the symbol of {several}: give the id", where)
    return found[0]


def find_gene(genes: pd.DataFrame, name: str, where: str | Path = "gene table") -> pd.Series:
    """The row of a gene table that an id or a symbol names (see `find_row`)."""
    return genes.iloc[find_row(genes["gene_id"].tolist(), genes["symbol"], name, where)]


def read_genes(path: str | Path, sizes: dict[str, int] | None = None) -> pd.DataFrame:
    """Read results/genes/genes.tsv, or ABC's GeneList.txt (whose ``source`` is then ``ABC``).

    With chromosome lengths, every TSS lies on one of the chromosomes.

    Raises
    ------
    UserError
        A missing column; with the row, a place that is none.
    """
    table = read_table(require(path, "gene table"), "gene table", separator="\t")
    if "Ensembl_ID" in table and "gene_id" not in table:
        named = table.rename(columns={"chr": "chrom"})
        table = named.assign(gene_id=listed_ids(table, path), source="ABC")
    complete(table, path, "gene table", GENE_COLUMNS)
    for column in ("tss", "start", "end"):
        table[column] = numbers(table, column, path, whole=True)
    for bad, message in (
        ((table[["tss", "start"]] < 0).any(axis=1), "is below 0 bp"),
        (table["start"] > table["end"], "ends before it starts"),
        (table["gene_id"].duplicated(), "stands twice"),
        (
            ~_on_chromosome(table, sizes),
            "has its TSS on no chromosome of the genome: another assembly?",
        ),
    ):
        if bad.any():
            at = table[bad].iloc[0]
            found = f"{at['gene_id']} ({at['chrom']}, TSS {at['tss']}, {at['start']}-{at['end']})"
            raise UserError(f"{found} {message}", at_row(path, int(table.index[bad][0])))
    return table.reset_index(drop=True)


def _on_chromosome(table: pd.DataFrame, sizes: dict[str, int] | None) -> pd.Series:
    if sizes is None:
        return pd.Series(True, index=table.index)
    return table["tss"] <= table["chrom"].map(sizes).fillna(-1)


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a TSV aside and rename it."""
    with aside(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
