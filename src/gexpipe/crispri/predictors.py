"""Element-gene scores that others made, as they publish them: ENCODE-rE2G, scE2G, ABC, BEDPE."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.crispri.pairs import Floats, best_overlap
from gexpipe.errors import UserError
from gexpipe.files import open_text, require
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.named import by_name

__all__ = [
    "CHROM",
    "END",
    "IDS",
    "SCORES",
    "START",
    "SYMBOLS",
    "predictor_scores",
    "read_predictor",
]

logger = get_logger(__name__)

# Names of the columns in released files; of each the first that is there counts.
CHROM = ("chr", "#chr", "chrom", "#chrom")
START, END = ("start", "chromStart"), ("end", "chromEnd")
IDS = ("TargetGeneEnsemblID", "TargetGeneEnsembl_ID", "ENSID", "gene_id", "measuredGeneEnsemblId")
SYMBOLS = ("TargetGene", "symbol", "gene", "measuredGeneSymbol")
# ENCODE-rE2G's and scE2G's files also hold ABC's score, as one of their features.
SCORES = (
    "ENCODE-rE2G.Score", "E2G.Score.qnorm", "E2G.Score", "Score", "ABC.Score", "powerlaw.Score",
    "score",
)  # fmt: skip
CELL = "CellType"  # of releases that hold many cell types in one file
# BEDPE has no header; its name is a gene's, or as ABC writes it, GENE_intergenic|chr1:100-200.
_NAME = r"^(.+?)(?:_(?:intergenic|genic|promoter))?(?:\|.*)?$"
BEDPE = ("chrom", "start", "end", "chrom2", "start2", "end2", "gene", "score")
ROWS = 500_000  # read at a time


def predictor_scores(
    pairs: pd.DataFrame,
    items: Sequence[str],
    genes: pd.DataFrame,
    cells: Collection[str] = (),
    taken: Collection[str] = (),
) -> dict[str, Floats]:
    """What others' scores say of tested pairs: the largest among overlapping elements, else 0.

    Parameters
    ----------
    pairs, genes : DataFrame
        See `gexpipe.crispri.pairs.crispr_pairs`.
    items : sequence of str
        ``LABEL=FILE``, or ``LABEL=FILE:COLUMN`` to name the column of the score.
    cells : collection of str
        Of a file with many cell types, the rows of these.
    taken : collection of str
        Labels that other predictors have.

    Returns
    -------
    dict
        Label -> (pairs,) float64.
    """
    tested = set(pairs["gene_id"].dropna())
    scores = {}
    for label, text in by_name(items, "--predictor", "LABEL=FILE").items():
        if label in taken:
            raise UserError(f"{label!r} is the name of another predictor", "--predictor")
        path, column = _split(text)
        found = read_predictor(path, genes, tested, column, cells)
        scores[label], hits = best_overlap(pairs, found, "score")
        if not hits:
            raise UserError(
                "none of its elements overlaps a tested one of the same gene: another assembly "
                "(column assembly of config/files.tsv)?",
                path,
            )
        absent = sorted(tested - set(found["gene_id"]))
        lost = int(pairs["gene_id"].isin(absent).sum())
        shown = f", such as {', '.join(absent[:3])}" if absent else ""
        logger.info(
            "%s: %d of %d tested pairs overlap an element; %d of %d tested genes are not in the "
            "file%s: their %d pairs score 0", label, hits, len(pairs), len(absent), len(tested),
            shown, lost,
        )  # fmt: skip
    return scores


def _split(text: str) -> tuple[Path, str]:
    """File, and the column behind the last colon; none where the whole is a file."""
    path, colon, column = text.rpartition(":")
    return (Path(path), column) if colon and not Path(text).exists() else (Path(text), "")


def read_predictor(
    path: Path,
    genes: pd.DataFrame,
    wanted: Collection[str],
    column: str = "",
    cells: Collection[str] = (),
) -> pd.DataFrame:
    """Elements of some genes and their scores.

    Genes are matched by Ensembl id (its version does not count), else by symbol. A missing score
    is 0. Rows without a gene of the gene table are counted.

    Parameters
    ----------
    path : Path
        TSV with a header (the columns of ENCODE-rE2G, scE2G or ABC, or of these names), or BEDPE
        without one (element, TSS, gene, score); gzipped or not. 0-based half-open coordinates.
    genes : DataFrame
        Gene table (gene_id, symbol).
    wanted : collection of str
        Gene ids to keep.
    column : str
        Column of the score; by default the first of `SCORES` that is there. Larger means a link is
        more likely, 0 is no link.
    cells : collection of str
        See `predictor_scores`.

    Returns
    -------
    DataFrame
        gene_id, chrom, start, end, score.
    """
    parts, rows, unknown = [], 0, 0
    named: dict[str, None] = {}  # cell types of the whole file, which may be sorted by them
    for table, name in _parts(path, column):
        gene = _genes(table, genes)
        rows, unknown = rows + len(table), unknown + int(gene.isna().sum())
        if CELL in table:
            named |= dict.fromkeys(table[CELL])
        kept = table.assign(gene_id=gene)[gene.isin(wanted)]
        parts.append(_checked(kept, name, path))
    found = _of_cell(pd.concat(parts, ignore_index=True), list(named), cells, path)
    logger.info("%s: %d rows, %d of genes that the gene table has not", path, rows, unknown)
    return found


def _parts(path: Path, column: str) -> Iterator[tuple[pd.DataFrame, str]]:
    """Parts of the file, columns under our names, and what the score was called."""
    above, fields = _first(path)
    headless = len(fields) >= len(BEDPE) and all(fields[i].isdecimal() for i in (1, 2, 4, 5))
    if headless and column:
        raise UserError(f"column {column!r} is asked of a BEDPE file, which has no header", path)
    wanted = ("chrom", "start", "end", "gene", "score")
    place = (
        {name: BEDPE.index(name) for name in wanted} if headless else _columns(fields, column, path)
    )
    names = {number: name for name, number in sorted(place.items(), key=lambda item: item[1])}
    name = "score" if headless else fields[place["score"]]
    logger.info("%s: the score is column %s", path, name)
    with open_text(path) as handle:
        try:
            for part in pd.read_csv(
                handle, sep="\t", dtype=str, chunksize=ROWS, keep_default_na=False,
                skiprows=above, header=None if headless else 0, usecols=list(names),
            ):  # fmt: skip
                table = part.set_axis(list(names.values()), axis=1)
                if headless:
                    table["gene"] = table["gene"].str.extract(_NAME, expand=False)
                yield table, name
        except ValueError as error:  # pandas' parser errors are ValueErrors
            raise UserError(f"not a readable table ({error})", path) from error


def _first(path: Path) -> tuple[int, list[str]]:
    """Comments (##) and blank lines above the first row, and the fields of that."""
    with open_text(require(path, "file of element-gene scores")) as handle:
        for number, line in enumerate(handle):
            if line.strip() and not line.startswith(("##", "track", "browser")):
                return number, [field.strip() for field in line.rstrip("\r\n").split("\t")]
    raise UserError("this file of element-gene scores is empty", path)


def _columns(header: Sequence[str], column: str, path: Path) -> dict[str, int]:
    """Where the columns stand."""
    names: Mapping[str, Sequence[str]] = {
        "chrom": CHROM, "start": START, "end": END, "gene_id": IDS, "gene": SYMBOLS,
        "score": (column,) if column else SCORES, CELL: (CELL,),
    }  # fmt: skip
    found = {
        ours: header.index(next(name for name in known if name in header))
        for ours, known in names.items()
        if set(known) & set(header)
    }
    needed = ["chrom", "start", "end", *([] if "gene_id" in found else ["gene"]), "score"]
    for ours in needed:
        if ours not in found:
            raise UserError(
                f"no column {' or '.join(names[ours])} of element-gene scores; it has "
                f"{', '.join(header[:30])}",
                path,
            )
    return found


def _of_cell(
    table: pd.DataFrame, named: Sequence[str], cells: Collection[str], path: Path
) -> pd.DataFrame:
    """Rows of the cell types asked for, where the file names several; without that column."""
    if len(named) > 1:
        if not set(named) & set(cells):
            asked = " or ".join(cells) or "a single one"
            raise UserError(f"its CellType is {', '.join(named[:4])} ...; expected {asked}", path)
        table = table[table[CELL].isin(cells)].reset_index(drop=True)
    return table.drop(columns=CELL, errors="ignore")


def _genes(table: pd.DataFrame, genes: pd.DataFrame) -> pd.Series:
    """Gene ids of the gene table; NaN where it has not the gene."""
    plain = dict(zip(without_version(genes["gene_id"]), genes["gene_id"], strict=True))
    symbols = dict(zip(genes["symbol"], genes["gene_id"], strict=True))
    found = pd.Series(np.nan, table.index, dtype=object)
    for column in ("gene_id", "gene"):
        if column in table:
            named = without_version(table[column])
            found = found.fillna(named.map(plain)).fillna(table[column].map(symbols))
    return found


def _checked(table: pd.DataFrame, name: str, path: Path) -> pd.DataFrame:
    """gene_id, chrom, start, end, score as numbers."""
    values = {ours: pd.to_numeric(table[ours], errors="coerce") for ours in ("start", "end")}
    score = table["score"].replace(["", "NA", "NaN", "nan", "None", "."], "0")
    values["score"] = pd.to_numeric(score, errors="coerce")
    for ours, value in values.items():
        bad = ~np.isfinite(value)
        if bad.any():
            raise UserError(f"{ours} is {table[ours][bad].iloc[0]!r}, expected a number", path)
    if (values["score"] < 0).any():
        raise UserError(
            f"{name} is {values['score'].min():g}: a pair without an element has score 0, so "
            "scores are expected from 0 up, larger for a likelier link",
            path,
        )
    cell = [CELL] if CELL in table else []
    return table[["gene_id", "chrom", *cell]].assign(**values)
