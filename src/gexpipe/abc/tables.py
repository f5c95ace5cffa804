"""The stage's tables of elements and of genes' activity: our parquet, or ABC's own text.

``EnhancerList.txt`` and ``GeneList.txt`` of ABC's pipeline are read as they are; DNase stands for
the accessibility that they name DHS or ATAC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.abc.activity import gene_activity
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.reference.genes import listed_ids
from gexpipe.schemas import ACTIVITY, ELEMENTS, check
from gexpipe.tabular import complete, numbers, read_parquet, read_table

__all__ = ["read_activity", "read_element_table"]

# ABC's name -> ours; of the two kinds of accessibility a table has one.
ELEMENT_NUMBERS = {
    "activity_base": "activity_base", "activity_base_no_qnorm": "activity_base_no_qnorm",
    "normalized_dhs": "dnase_normalized", "normalized_atac": "dnase_normalized",
    "normalized_h3K27ac": "h3k27ac_normalized",
    "DHS.RPM": "dnase_rpm", "ATAC.RPM": "dnase_rpm", "H3K27ac.RPM": "h3k27ac_rpm",
}  # fmt: skip
AT_TSS = {"dnase": ("DHS.RPM.TSS1Kb", "ATAC.RPM.TSS1Kb"), "h3k27ac": ("H3K27ac.RPM.TSS1Kb",)}


def _is_parquet(path: str | Path, what: str) -> bool:
    with require(path, what).open("rb") as handle:
        return handle.read(4) == b"PAR1"


def read_element_table(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Elements with class and activity: elements.parquet, or ABC's EnhancerList.txt.

    Parameters
    ----------
    path : str or Path
        The table.
    columns : sequence of str
        Columns that must be there beside chrom, start and end, by our names.

    Returns
    -------
    DataFrame
        The columns of elements.parquet, those that the table has; 0-based half-open.
    """
    wanted = ["chrom", "start", "end", *columns]
    if _is_parquet(path, "element table"):
        return check(read_parquet(path, "element table"), ELEMENTS, path, *columns)
    text = read_table(path, "element table", ["chr", "start", "end", "class"], "\t")
    table = pd.DataFrame({"chrom": text["chr"]})
    for name in ("start", "end"):
        table[name] = numbers(text, name, path, whole=True)
    for name in ("name", "class"):
        if name in text:
            table[name] = text[name]
    table["isPromoterElement"] = text["class"] == "promoter"
    _add_numbers(table, text, ELEMENT_NUMBERS, path)
    complete(table, path, "EnhancerList.txt", wanted)
    return check(table.reset_index(drop=True), ELEMENTS, path, *columns)


def read_activity(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Activity at the promoters: genes.parquet, or ABC's GeneList.txt; parameters as above.

    Of GeneList.txt the reads at TSS +- 500 bp are read, and ABC's PromoterActivityQuantile.
    """
    if _is_parquet(path, "gene activity table"):
        return check(read_parquet(path, "gene activity table"), ACTIVITY, path, *columns)
    text = read_table(path, "gene activity table", ["Ensembl_ID"], "\t")
    genes = pd.DataFrame({"gene_id": listed_ids(text, path).to_numpy()})
    found = {
        assay: numbers(text, name, path).to_numpy()
        for assay, names in AT_TSS.items()
        for name in names
        if name in text
    }
    if "dnase" not in found:
        raise UserError(f"no column {' or '.join(AT_TSS['dnase'])} of a GeneList.txt", path)
    table = gene_activity(genes, found["dnase"], found.get("h3k27ac"))
    stated = {"PromoterActivityQuantile": "promoter_activity_quantile"}
    _add_numbers(table, text.reset_index(drop=True).set_axis(table.index), stated, path)
    return check(table, ACTIVITY, path, *columns)


def _add_numbers(
    table: pd.DataFrame, text: pd.DataFrame, names: Mapping[str, str], path: str | Path
) -> None:
    for theirs, ours in names.items():
        if theirs in text:
            table[ours] = numbers(text, theirs, path).astype(np.float64)
