"""Gene annotations of NCBI as prompts: one table of records, the paper's layout, tokens.

The records come from NCBI's flat files (https://ftp.ncbi.nlm.nih.gov/gene/DATA): ``gene_info`` for
symbol, full name, aliases and designations, ``gene_summary`` for the summary. The paper asks the
same records of Entrez, gene by gene.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.files import open_text
from gexpipe.gene_ids import without_version

__all__ = ["FIELDS", "gene_records", "layout", "read_gene_info", "read_summaries", "records_for"]

# Column of the table -> what stands in front of it in the prompt, in the order of figure 4.
FIELDS = {
    "symbol": "Official Gene Symbol",
    "name": "Official Gene Full Name",
    "aliases": "Other Gene Aliases",
    "designations": "Other Gene Designations",
    "summary": "Gene NCBI Summary Description",
}
_INFO = {
    "GeneID": "ncbi_id",
    "Symbol": "ncbi_symbol",
    "Symbol_from_nomenclature_authority": "symbol",
    "Full_name_from_nomenclature_authority": "name",
    "Synonyms": "aliases",
    "Other_designations": "designations",
    "description": "description",
    "dbXrefs": "references",
}
_NONE = "-"  # NCBI's mark of an empty field


def _rows(path: Path, what: str) -> Iterator[dict[str, str]]:
    """Rows of one of NCBI's tab-separated files, gzipped or not; its header begins with #."""
    with open_text(path) as lines:
        header = next(lines, "").lstrip("#").rstrip("\n").split("\t")
        for number, line in enumerate(lines, start=2):
            values = line.rstrip("\n").split("\t")
            if len(values) != len(header):
                found = f"{len(values)} fields, expected {len(header)}"
                raise UserError(f"{found} of {what}", f"{path}, row {number}")
            yield dict(zip(header, values, strict=True))


def read_gene_info(path: Path, taxon: str = "9606") -> pd.DataFrame:
    """Records of a species from NCBI's gene_info.

    Returns
    -------
    DataFrame
        ncbi_id, symbol, name, aliases (joined by ", "), designations (as NCBI joins them, by "|"),
        ensembl (gene id, or empty); empty text where NCBI has nothing.

    Raises
    ------
    UserError
        When a column is missing, or no row is of the species.
    """
    kept = []
    for row in _rows(path, "gene_info"):
        missing = [name for name in ("tax_id", *_INFO) if name not in row]
        if missing:
            raise UserError(f"no column {missing[0]!r} of gene_info", path)
        if row["tax_id"] == taxon:
            kept.append({ours: row[theirs] for theirs, ours in _INFO.items()})
    if not kept:
        raise UserError(f"no gene of taxon {taxon}", path)
    table = pd.DataFrame(kept).replace(_NONE, "")
    table["symbol"] = table["symbol"].where(table["symbol"] != "", table["ncbi_symbol"])
    table["name"] = table["name"].where(table["name"] != "", table["description"])
    table["aliases"] = table["aliases"].str.replace("|", ", ", regex=False)
    ensembl = table["references"].str.extract(r"Ensembl:(ENSG\d+)", expand=False)
    table["ensembl"] = ensembl.fillna("")
    return table[["ncbi_id", "symbol", "name", "aliases", "designations", "ensembl"]]


def read_summaries(path: Path) -> pd.Series:
    """Summary by NCBI gene id, from NCBI's gene_summary; the first of a gene counts."""
    found: dict[str, str] = {}
    for row in _rows(path, "gene_summary"):
        keys = {name.lower(): name for name in row}
        if not {"geneid", "summary"} <= set(keys):
            raise UserError("no columns GeneID and Summary", path)
        text = row[keys["summary"]]
        if text != _NONE:
            found.setdefault(row[keys["geneid"]], text)
    return pd.Series(found, dtype=str)


def records_for(genes: pd.DataFrame, info: pd.DataFrame, summaries: pd.Series) -> pd.DataFrame:
    """The record of every gene, by Ensembl id, else by symbol.

    Returns
    -------
    DataFrame
        gene_id, found (``ensembl``, ``symbol`` or empty), and `FIELDS`; a gene that NCBI does not
        know keeps its symbol alone.
    """
    info = info.assign(summary=info["ncbi_id"].map(summaries).fillna(""))
    by_id = info[info["ensembl"] != ""].drop_duplicates("ensembl").set_index("ensembl")
    by_symbol = info.drop_duplicates("symbol").set_index("symbol", drop=False)
    records = []
    for gene, symbol in zip(genes["gene_id"], genes["symbol"], strict=True):
        key = without_version(gene)
        if key in by_id.index:
            record, found = by_id.loc[key], "ensembl"
        elif symbol and symbol in by_symbol.index:
            record, found = by_symbol.loc[symbol], "symbol"
        else:
            record, found = pd.Series({"symbol": symbol}), ""
        fields = {name: record.get(name, "") for name in FIELDS}
        records.append({"gene_id": gene, "found": found, **fields})
    return pd.DataFrame(records)


def layout(record: Mapping[str, str], cells: str) -> str:
    """The prompt of figure 4.

    A field that the record lacks is left out with its line; the paper does not say what it does.

    Parameters
    ----------
    record : mapping
        `FIELDS`.
    cells : str
        Where expression was measured, for instance "GM12878 lymphoblastoid cells".
    """
    lines = [f"# Task: Gene Expression Prediction on {cells}."]
    lines += [f"# {title}: {record[k]}" for k, title in FIELDS.items() if record.get(k)]
    return "\n".join([*lines, "# Data:"])


def gene_records(genes: pd.DataFrame, info: Path, summaries: Path, cells: str) -> pd.DataFrame:
    """`records_for` from files, with the finished text as column ``prompt``."""
    table = records_for(genes, read_gene_info(info), read_summaries(summaries))
    table["prompt"] = [layout(dict(row), cells) for _, row in table[list(FIELDS)].iterrows()]
    return table
