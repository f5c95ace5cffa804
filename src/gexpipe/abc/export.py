"""Scores as the files that ABC's own pipeline writes, with their names and columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip
from pyarrow import csv as arrow_csv

from gexpipe.abc.elements import refuse_other_genes
from gexpipe.abc.scores import made_with
from gexpipe.contact.element import ContactModel
from gexpipe.contact.powerlaw import reference_law
from gexpipe.errors import UserError
from gexpipe.files import aside, require
from gexpipe.reference.genes import write_table

__all__ = [
    "COLUMNS",
    "FILES",
    "abc_rows",
    "gene_stats",
    "predicted",
    "write_abc_files",
]

# Ours -> ABC's name, in ABC's order.
NAMES = {
    "chrom": "chr", "start": "start", "end": "end", "name": "name", "class": "class",
    "activity": "activity_base", "dnase_normalized": "normalized_dhs",
    "activity_squared": "activity_base_squared", "symbol": "TargetGene", "tss": "TargetGeneTSS",
    "expression": "TargetGeneExpression",
    "promoter_activity_quantile": "TargetGenePromoterActivityQuantile",
    "expressed": "TargetGeneIsExpressed", "gene_id": "TargetGeneEnsembl_ID",
    "dnase_quantile": "normalized_dhs_b", "distance": "distance",
    "is_self_promoter": "isSelfPromoter", "powerlaw": "powerlaw_contact",
    "powerlaw_reference": "powerlaw_contact_reference", "hic_contact": "hic_contact",
    "scaled": "hic_contact_pl_scaled", "pseudocount": "hic_pseudocount",
    "adjusted": "hic_contact_pl_scaled_adj", "numerator": "ABC.Score.Numerator",
    "abc_score": "ABC.Score", "powerlaw_numerator": "powerlaw.Score.Numerator",
    "powerlaw_score": "powerlaw.Score",
}  # fmt: skip
COLUMNS = [*NAMES.values(), "CellType", "hic_contact_squared"]
OF_HIC = ["hic_contact", "scaled", "pseudocount", "adjusted"]
OF_ELEMENT = ["name", "class", "dnase_normalized"]
OF_GENE = [
    "symbol", "tss", "expression", "promoter_activity_quantile", "expressed", "dnase_quantile",
]  # fmt: skip
SLIM = ["chr", "start", "end", "name", "TargetGene", "TargetGeneTSS", "CellType", "ABC.Score"]
TSV = arrow_csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
ALL, SILENT, FULL, SHORT, PAIRED, STATS = FILES = (
    "EnhancerPredictionsAllPutative.tsv.gz",
    "EnhancerPredictionsAllPutativeNonExpressedGenes.tsv.gz",
    "EnhancerPredictionsFull.tsv",
    "EnhancerPredictions.tsv",
    "EnhancerPredictionsFull.bedpe",
    "GenePredictionStats.tsv",
)


def abc_rows(
    pairs: pd.DataFrame,
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    model: ContactModel,
    measured: bool,
    cell: str,
) -> pd.DataFrame:
    """Pairs of some genes under ABC's column names.

    Parameters
    ----------
    pairs : DataFrame
        Rows of predictions.parquet; all pairs of each gene, whose sum the power-law score needs.
    elements : DataFrame
        `OF_ELEMENT`, by the numbers of the pairs' column ``element``.
    genes : DataFrame
        `OF_GENE`, by the numbers of the column ``gene``.
    model : ContactModel
        What the scores were made with.
    measured : bool
        Whether contact was; if not, the columns of Hi-C are NaN and ABC.Score is that of the law.
    cell : str
        Of the column CellType.

    Returns
    -------
    DataFrame
        `COLUMNS`; a gene without a symbol is named by its id.
    """
    element, gene = pairs["element"].to_numpy(), pairs["gene"].to_numpy()
    refuse_other_genes(pairs, genes)
    if not np.array_equal(elements["start"].to_numpy()[element], pairs["start"].to_numpy()):
        raise UserError("the scores were made with another element table", "elements")
    table = pairs.reset_index(drop=True).astype({"gene_id": str, "chrom": str})
    for names, source, rows in ((OF_ELEMENT, elements, element), (OF_GENE, genes, gene)):
        for name in names:
            table[name] = source[name].to_numpy()[rows]
    table["symbol"] = table["symbol"].where(table["symbol"] != "", table["gene_id"])
    _add_contact(table, model, measured)
    _add_scores(table)
    for name in ("is_self_promoter", "expressed"):
        table[name] = np.where(table[name], "True", "False")
    named = table[list(NAMES)].rename(columns=NAMES)
    named = named.assign(CellType=cell, hic_contact_squared=named["hic_contact"] ** 2)
    # Contact and activity are stored as float32: more digits would say nothing.
    long = named.select_dtypes(np.float64).columns.drop("distance")
    return named.astype(dict.fromkeys(long, np.float32))


def _add_contact(table: pd.DataFrame, model: ContactModel, measured: bool) -> None:
    distance = table["distance"].to_numpy()
    table["powerlaw"] = model.law(distance)
    table["powerlaw_reference"] = reference_law(model.reference_gamma)(distance)
    table["scaled"] = table["hic_contact"] * table["powerlaw_reference"] / table["powerlaw"]
    at_least = float(model.law(model.pseudocount_distance))
    table["pseudocount"] = np.minimum(table["powerlaw"], at_least)
    table["adjusted"] = table["contact"]
    if not measured:
        table[OF_HIC] = np.nan


def _add_scores(table: pd.DataFrame) -> None:
    activity = table["activity"].astype(np.float64)
    table["activity_squared"] = activity**2
    table["numerator"] = activity * table["contact"]
    table["powerlaw_numerator"] = activity * table["powerlaw"]
    total = table.groupby("gene")["powerlaw_numerator"].transform("sum")
    score = table["powerlaw_numerator"] / total
    table["powerlaw_score"] = score.mask(table["is_self_promoter"], 1.0)


def predicted(table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Rows above the threshold; of promoter elements the gene's own only, as ABC filters."""
    chosen = (table["class"] != "promoter") | (table["isSelfPromoter"] == "True")
    return table[chosen & (table["ABC.Score"] > threshold)]


def gene_stats(table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """ABC's GenePredictionStats of `predicted` rows; a gene without a distal one has no row."""
    keys = ["chr", "TargetGene", "TargetGeneTSS"]
    genes = table.groupby(keys)
    found = pd.DataFrame(
        {
            "geneIsExpressed": genes["TargetGeneIsExpressed"].first(),
            "geneFailed": "False",  # that is a gene whose scores are missing: it has no row here
            "nEnhancersConsidered": genes.size(),
        }
    )
    distal = table[(table["class"] != "promoter") & (table["ABC.Score"] > threshold)]
    number = distal.groupby(keys).size().rename("nDistalEnhancersPredicted")
    return found.join(number, how="inner").reset_index()


def _bedpe(table: pd.DataFrame) -> pd.DataFrame:
    """Element, TSS, name, score and no strands, for genome browsers."""
    tss, dot = table["TargetGeneTSS"], pd.Series(".", table.index)
    name = table["TargetGene"] + "_" + table["name"]
    columns = [table["chr"], table["start"], table["end"], table["chr"], tss, tss, name]
    return pd.concat([*columns, table["ABC.Score"], dot, dot], axis=1)


def _by_chromosome(file: pq.ParquetFile) -> Iterator[pd.DataFrame]:
    """Rows of one chromosome after the other: a row group may hold a part of one."""
    parts: list[pd.DataFrame] = []
    for group in range(file.num_row_groups):
        pairs = file.read_row_group(group).to_pandas()
        for _, rows in pairs.groupby("chrom", sort=False, observed=True):
            if parts and str(parts[-1]["chrom"].iloc[0]) != str(rows["chrom"].iloc[0]):
                yield pd.concat(parts, ignore_index=True)
                parts = []
            parts.append(rows)
    if parts:
        yield pd.concat(parts, ignore_index=True)


def write_abc_files(
    predictions: Path,
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    cell: str,
    threshold: float,
    folder: Path,
) -> dict[str, int]:
    """Write `FILES` into a folder; one chromosome is in memory at a time.

    ``threshold`` is of all but the two files of all pairs. Returns the rows of each file.
    """
    try:
        with pq.ParquetFile(require(predictions, "ABC predictions")) as file, ExitStack() as stack:
            model, measured = made_with(file, predictions)
            sinks = {name: _sink(stack, folder / name) for name in (ALL, SILENT)}
            rows, kept = dict.fromkeys(sinks, 0), []
            for pairs in _by_chromosome(file):
                table = abc_rows(pairs, elements, genes, model, measured, cell)
                expressed = table["TargetGeneIsExpressed"] == "True"
                for name, part in ((ALL, table[expressed]), (SILENT, table[~expressed])):
                    _append(part, sinks[name])
                    rows[name] += len(part)
                kept.append(predicted(table, threshold))
    except (OSError, ValueError, KeyError, IndexError) as error:  # pyarrow's are ValueErrors
        raise UserError(f"not ABC predictions ({error})", predictions) from error
    chosen = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=COLUMNS)
    return rows | _write_predicted(chosen, threshold, folder)


def _sink(stack: ExitStack, path: Path) -> IO[bytes]:
    raw = stack.enter_context(stack.enter_context(aside(path)).open("wb"))
    sink: Any = igzip.IGzipFile("", "wb", compresslevel=2, fileobj=raw, mtime=0)
    stack.callback(sink.close)
    sink.write(("\t".join(COLUMNS) + "\n").encode())
    return sink  # type: ignore[no-any-return]


def _append(table: pd.DataFrame, sink: IO[bytes]) -> None:
    """Add rows as text; what is missing is empty."""
    arrow_csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), sink, TSV)


def _write_predicted(chosen: pd.DataFrame, threshold: float, folder: Path) -> dict[str, int]:
    stats = gene_stats(chosen, threshold)
    for name, table in ((FULL, chosen), (SHORT, chosen[SLIM]), (STATS, stats)):
        write_table(table, folder / name)
    with aside(folder / PAIRED) as temporary:
        _bedpe(chosen).to_csv(temporary, sep="\t", header=False, index=False, lineterminator="\n")
    return dict.fromkeys((FULL, SHORT, PAIRED), len(chosen)) | {STATS: len(stats)}
