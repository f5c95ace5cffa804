"""RNA-seq quantifications as TPM per gene, known by their headers.

RSEM (ENCODE's gene quantifications), Salmon, kallisto, StringTie and featureCounts name their
columns; so does any table with a column of names and one called TPM. A table of two columns may go
without a header. What is no TPM (counts, FPKM, logarithms, negative values) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.errors import UserError, at_row
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.reference.genes import say_dates
from gexpipe.rows import split_rows
from gexpipe.tabular import MISSING, numbers, read_table

__all__ = ["gene_tpm", "mean_tpm", "named_rows"]

logger = get_logger(__name__)

# Columns that name a gene, the best first, and those that name a transcript.
GENE = (
    "gene_id", "geneid", "gene id", "ensembl_gene_id", "ensembl_id", "ensid", "gene", "gene_name",
    "gene name", "symbol", "gene_symbol", "",
)  # fmt: skip
TRANSCRIPT = ("name", "target_id", "transcript_id")
# What a second column may be called that is no TPM.
OTHER = re.compile(
    r"count|fpkm|rpkm|cpm|log|ln\b|vst|zscore|z-score|length|reads|padj|p-?value", re.I
)
MILLION = 1e6
MOST = 2.0  # TPM sum to a million; several spike-ins or annotations add a little
MANY = 1000  # genes from which the values themselves tell a logarithm
LOGARITHM = 30.0  # log2 of a million is 20


def mean_tpm(paths: Sequence[str | Path], genes: pd.DataFrame) -> np.ndarray:
    """Mean TPM per gene over replicate tables, (genes,); NaN where no table has the gene."""
    found = np.stack([gene_tpm(path, genes) for path in paths])
    known = np.isfinite(found)
    total = np.where(known, found, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return total / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def gene_tpm(path: str | Path, genes: pd.DataFrame) -> np.ndarray:
    """TPM per gene of one table.

    Genes are matched by id without version first, then by symbol. A name that stands several times
    keeps its maximum; transcripts of a gene are added; a gene that is absent gives NaN.

    Parameters
    ----------
    path : str or Path
        CSV or TSV, gzipped or not; see the module.
    genes : DataFrame
        gene_id, symbol.

    Returns
    -------
    ndarray
        (genes,) float64.
    """
    names, value = _named_values(path)
    say_dates(names, path)
    best = value.groupby(without_version(names)).max()
    best = best[best.index != ""]
    by_id = without_version(genes["gene_id"]).map(best)
    result: np.ndarray = by_id.fillna(genes["symbol"].map(best)).to_numpy(np.float64)
    if np.isnan(result).all():
        raise UserError(f"none of its names ({names.iloc[0]} ...) is a gene id or symbol", path)
    logger.info("%s: %d of %d genes have a value", path, np.isfinite(result).sum(), len(result))
    return result


def _named_values(path: str | Path) -> tuple[pd.Series, pd.Series]:
    """Names of genes and their TPM, rows without a value left out; both indexed by row."""
    table, names, column = named_rows(path)
    value = numbers(table, column, path, missing=True)
    _check_scale(value, column, path)
    if column not in ("TPM", "value"):
        logger.info("%s: TPM is column %r", path, column)
    if "Geneid" in table and column not in ("TPM", "value") and "Length" in table:
        value = _from_counts(value, numbers(table, "Length", path), path)
    known = value.notna()
    return _genes_of(names[known], value[known], path)


def named_rows(path: str | Path) -> tuple[pd.DataFrame, pd.Series, str]:
    """A table of expression, its column of names, and which column holds TPM.

    Raises
    ------
    UserError
        One column, no names, or no TPM by its header.
    """
    number, first = next(split_rows(path), (1, []))
    if len(first) < 2:
        raise UserError(
            "one column; expected a gene id or symbol and its TPM", at_row(path, number)
        )
    headed = not _is_value(first[1]) or len(first) > 2
    table = read_table(path, "table of expression") if headed else _headless(path)
    return table, *_columns(table, path)


def _is_value(field: str) -> bool:
    if field.strip() in MISSING:
        return field.strip() != ""
    try:
        float(field)
    except ValueError:
        return "," in field and field.replace(",", "").strip().isdecimal()
    return True


def _headless(path: str | Path) -> pd.DataFrame:
    rows = list(split_rows(path))
    bad = next((n for n, fields in rows if len(fields) != 2), None)
    if bad is not None:
        raise UserError("expected a name and a value, as in the first row", at_row(path, bad))
    values = [[field.strip() for field in fields] for _, fields in rows]
    return pd.DataFrame(values, columns=["gene", "value"], index=[n for n, _ in rows], dtype=str)


def _columns(table: pd.DataFrame, path: str | Path) -> tuple[pd.Series, str]:
    """Names and the column of values."""
    lower = {str(name).lower(): name for name in reversed(table.columns)}
    key = next((lower[name] for name in (*GENE, *TRANSCRIPT) if name in lower), None)
    listed = ", ".join(map(str, table.columns[:12]))
    if key is None and len(table.columns) == 2:
        key = table.columns[0]
    if key is None:
        raise UserError(f"no column of gene ids or symbols; it has {listed}", path)
    if "tpm" in lower:
        return table[key], lower["tpm"]
    others = [str(name) for name in table.columns if name != key]
    if len(others) == 1 and not OTHER.search(others[0]):
        return table[key], others[0]
    counted = others[-1:] if others[:5] == ["Chr", "Start", "End", "Strand", "Length"] else []
    if counted and len(others) == 6:  # featureCounts, of one sample
        return table[key], counted[0]
    raise UserError(f"no column TPM; it has {listed}", path)


def _check_scale(value: pd.Series, column: str, path: str | Path) -> None:
    if (value < 0).any():
        at = int(value.index[(value < 0).to_numpy()][0])
        raise UserError(f"{column} is {value[at]}: TPM are not negative", at_row(path, at))
    if OTHER.search(column) and re.search("log", column, re.I):
        raise UserError(f"column {column!r} is on a logarithmic scale, expected TPM", path)
    if len(value) >= MANY and 0 < value.max() < LOGARITHM:
        raise UserError(
            f"the largest of {len(value)} values is {value.max():.3g}: on a logarithmic scale? TPM "
            "sum to a million",
            path,
        )
    if column in ("TPM", "value") and value.sum() > MOST * MILLION:
        raise UserError(f"its values sum to {value.sum():,.0f}: TPM sum to a million", path)


def _from_counts(count: pd.Series, length: pd.Series, path: str | Path) -> pd.Series:
    """TPM of featureCounts' reads and lengths."""
    if not (length > 0).all() or not count.sum() > 0:
        raise UserError("expected lengths above 0 and some reads", path)
    rate = count / length
    logger.info("%s: reads of featureCounts, turned into TPM by their lengths", path)
    return MILLION * rate / rate.sum()


def _genes_of(names: pd.Series, value: pd.Series, path: str | Path) -> tuple[pd.Series, pd.Series]:
    """Genes instead of transcripts, where names of transcripts hold their gene (GENCODE's do)."""
    transcripts = names.str.match(r"ENS[A-Z]*T\d{6,}")
    if not transcripts.any():
        return names, value
    gene = names.str.extract(r"\|(ENS[A-Z]*G\d+)", expand=False)
    if gene[transcripts].isna().any():
        at = int(names.index[transcripts & gene.isna()][0])
        raise UserError(
            f"{names[at]} is a transcript, expected genes: give the table by gene", at_row(path, at)
        )
    total = value.groupby(gene.where(transcripts, names)).sum()
    return pd.Series(total.index, index=total.index).reset_index(drop=True), total.reset_index(
        drop=True
    )
