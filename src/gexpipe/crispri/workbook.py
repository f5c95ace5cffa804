"""The CRISPRi pairs of Fulco et al. (2019): a sheet of their supplementary workbook, as a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.crispri.pairs import STUDY_COLUMNS
from gexpipe.errors import UserError, at_row
from gexpipe.files import require
from gexpipe.log import get_logger
from gexpipe.tabular import numbers

__all__ = ["read_workbook"]

logger = get_logger(__name__)

SHEET = "Supplementary Table 6a"
REFERENCE = "Fulco et al., 2019"
HEADER = 1  # row of the header, from 0: a title stands above it
# Column of the sheet -> column of the benchmark's format; those after `Significant` may be absent.
NAMES = {
    "chr": "chrom",
    "start": "chromStart",
    "end": "chromEnd",
    "Gene": "measuredGeneSymbol",
    "Gene TSS": "startTSS",
    "Fraction change in gene expr": "EffectSize",
    "Significant": "Significant",
    "Adjusted p-value": "pValueAdjusted",
    "Activity": STUDY_COLUMNS[0],
    "Normalized HiC Contacts": STUDY_COLUMNS[1],
}
NEEDED = list(NAMES)[: list(NAMES).index("Significant") + 1]


def read_workbook(path: Path) -> pd.DataFrame:
    """Pairs of the workbook in the columns of EPCrisprBenchmark, as `crispr_pairs` reads them.

    A pair is ``Regulated`` when its change is significant and a decrease, as EPInformer's authors
    count them. Rows without a chromosome are empty rows of the sheet and are left out.

    Parameters
    ----------
    path : Path
        ``41588_2019_538_MOESM3_ESM.xlsx``: its sheet `SHEET`, whose second row is the header. The
        coordinates are of hg19, 0-based half-open.

    Returns
    -------
    DataFrame
        chrom, chromStart, chromEnd, name, EffectSize, chrTSS, startTSS, endTSS, ... as text; and,
        where the sheet has them, the study's own activity and contact.
    """
    sheet = _sheet(path)
    missing = [name for name in NEEDED if name not in sheet]
    if missing:
        found = ", ".join(map(str, sheet.columns[:12]))
        raise UserError(f"no column {missing[0]!r} in sheet {SHEET!r}; it has {found}", path)
    filled = sheet["chr"].notna() & sheet["chr"].astype(str).str.strip().ne("")
    kept = sheet[filled]
    if kept.empty:
        raise UserError(f"sheet {SHEET!r} has no pair", path)
    table = kept.rename(columns=NAMES)[[new for old, new in NAMES.items() if old in kept]]
    place = {
        name: numbers(table.astype({name: str}), name, path, whole=True)
        for name in ("chromStart", "chromEnd", "startTSS")
    }
    effect = numbers(table.astype({"EffectSize": str}), "EffectSize", path)
    significant = _flags(table["Significant"], path)
    where = table["chrom"] + ":" + place["chromStart"].astype(str)
    where = where + "-" + place["chromEnd"].astype(str)
    logger.info("%d pairs, %d significant; %d empty rows", len(kept), significant.sum(),
                len(sheet) - len(kept))  # fmt: skip
    return table.assign(
        **place, name=table["measuredGeneSymbol"].astype(str) + "|" + where,
        chrTSS=table["chrom"], endTSS=place["startTSS"] + 1, EffectSize=effect,
        Significant=significant, Regulated=significant & (effect < 0), Reference=REFERENCE,
    ).reset_index(drop=True)  # fmt: skip


def _sheet(path: Path) -> pd.DataFrame:
    """The sheet, indexed by the row's number as a person counts."""
    try:
        with pd.ExcelFile(require(path, "workbook"), engine="openpyxl") as book:
            if SHEET not in book.sheet_names:
                names = ", ".join(map(str, book.sheet_names[:20]))
                raise UserError(f"no sheet {SHEET!r}; it has {names}", path)
            sheet = pd.read_excel(book, sheet_name=SHEET, header=HEADER)
    except UserError:
        raise
    except Exception as error:  # openpyxl raises what zip and XML raise
        raise UserError(f"not a readable workbook ({error})", path) from error
    sheet.columns = [str(name).strip() for name in sheet.columns]
    sheet.index = sheet.index + HEADER + 2
    return sheet


def _flags(values: pd.Series, path: Path) -> pd.Series:
    words = values.astype(str).str.strip().str.upper()
    bad = ~words.isin(["TRUE", "FALSE", "1", "0", "1.0", "0.0"])
    if bad.any():
        where = at_row(path, int(words.index[bad][0]))
        raise UserError(f"Significant is {values[bad].iloc[0]!r}, expected TRUE or FALSE", where)
    return words.isin(["TRUE", "1", "1.0"])
