"""How many genes of a configuration the tables and annotations beside it know, before a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pandas as pd

from gexpipe.doctor.looks import Look, decompressed
from gexpipe.errors import UserError
from gexpipe.gene_ids import without_version
from gexpipe.reference.bed_genes import genes_from_bed
from gexpipe.reference.expression import named_rows
from gexpipe.reference.genes import genes_from_table
from gexpipe.reference.geuvadis import id_column
from gexpipe.reference.gtf import coding_genes
from gexpipe.tabular import read_table

__all__ = ["NAMED", "GeneNames", "compare", "genes_source", "names_here", "names_there"]

# Bytes asked for of a table, which is then whole, and of an annotation, of which the beginning is.
MOST = {"gtf": 1 << 20, "mane": 1 << 20, "geuvadis": 1 << 20}
MOST_OF_A_TABLE = 1 << 24
FEW = 0.9  # share of the genes below which a table is pointed out

_SOURCES = {"table": "gene_table", "gtf": "gtf", "bed": "genes_bed"}


@dataclass(frozen=True)
class GeneNames:
    """Genes that a file names.

    Attributes
    ----------
    genes : DataFrame
        gene_id (without version) and symbol, one row a gene.
    whole : bool
        Whether all of the file was read.
    """

    genes: pd.DataFrame
    whole: bool

    def known(self, others: GeneNames) -> int:
        """How many of these genes another file names, by id or by symbol."""
        names = set(others.genes["gene_id"]) | set(others.genes["symbol"]) - {""}
        found = self.genes["gene_id"].isin(names) | self.genes["symbol"].isin(names)
        return int(found.sum())


def genes_source(config: Mapping[str, Any]) -> str:
    """Role of the file that the genes come from."""
    return _SOURCES[config["genes"]["source"]]


def _from_table(path: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    chromosomes, genes = config["reference"]["chromosomes"], config["genes"]
    column = genes["tss_column"] if genes["source"] == "table" else ""
    return genes_from_table(path, chromosomes, column)


def _from_rnaseq(path: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    names = named_rows(path)[1].astype(str)
    gene = names.str.extract(r"\|(ENS[A-Z]*G\d+)", expand=False)  # GENCODE's names of transcripts
    return pd.DataFrame({"gene_id": gene.fillna(names), "symbol": ""})


def _from_geuvadis(path: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    table = read_table(path)
    return pd.DataFrame({"gene_id": table[id_column(table, path)], "symbol": ""})


def _from_gtf(path: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    return coding_genes(path, config["reference"]["chromosomes"])


def _from_bed(path: Path, config: Mapping[str, Any]) -> pd.DataFrame:
    return genes_from_bed(path, config["reference"]["chromosomes"])


# Role -> how its file names genes; the readers are those of the stages.
NAMED: dict[str, Callable[[Path, Mapping[str, Any]], pd.DataFrame]] = {
    "gene_table": _from_table, "genes_bed": _from_bed, "gtf": _from_gtf, "mane": _from_gtf,
    "rnaseq": _from_rnaseq, "geuvadis": _from_geuvadis,
}  # fmt: skip


def names_here(path: Path, role: str, config: Mapping[str, Any], whole: bool = True) -> GeneNames:
    """Genes of a file on this machine."""
    genes = NAMED[role](path, config)[["gene_id", "symbol"]]
    genes = genes.assign(gene_id=without_version(genes["gene_id"])).drop_duplicates("gene_id")
    return GeneNames(genes, whole)


def names_there(handle: BinaryIO, role: str, config: Mapping[str, Any], place: str) -> GeneNames:
    """Genes of the beginning of a file at ``place``, or of all of it where it is not large.

    Raises
    ------
    UserError
        The stage that reads the file would refuse it.
    """
    handle.seek(0)
    start = handle.read(MOST.get(role, MOST_OF_A_TABLE))
    whole = not handle.read(1)
    with TemporaryDirectory(prefix="gexpipe-") as folder:
        beginning = Path(folder) / "beginning"
        beginning.write_bytes(start if whole else decompressed(start).rpartition(b"\n")[0] + b"\n")
        try:
            return names_here(beginning, role, config, whole)
        except UserError as error:
            raise UserError(str(error).replace(str(beginning), place)) from error


def compare(role: str, found: GeneNames, source: str, genes: GeneNames, look: Look) -> None:
    """Tell how many genes of the configuration a table has.

    Parameters
    ----------
    role : str
        Of the table.
    found : GeneNames
        What it names.
    source : str
        Role of the file that the configuration's genes come from.
    genes : GeneNames
        Those genes.
    look : Look
        Is added to.
    """
    if not found.whole and not genes.whole:
        look.seen.append(f"its genes and those of the {source} are compared once they are here")
        return
    if not found.whole:
        look.seen.append(
            f"of its first {len(found.genes):,} genes {found.known(genes):,} are in the {source}"
        )
        return
    number, known = len(genes.genes), genes.known(found)
    which = f"{number:,}" if genes.whole else f"first {number:,}"
    look.seen.append(f"has {known:,} of the {which} genes of the {source}")
    if not known and role in ("rnaseq", "geuvadis"):
        own, wanted = found.genes["gene_id"].iloc[0], genes.genes["gene_id"].iloc[0]
        look.wrong.append(f"none of its genes ({own} ...) is one of the {source} ({wanted} ...)")
    elif known < FEW * number and role != "mane":
        look.odd.append(f"lacks {number - known:,} of the {which} genes of the {source}")
