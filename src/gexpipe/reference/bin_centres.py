"""Which TSS the bins of a gene are centred on: the first of some sources that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gexpipe.errors import UserError
from gexpipe.gene_ids import without_version
from gexpipe.log import get_logger
from gexpipe.reference.genes import GENE_COLUMNS
from gexpipe.reference.gtf import read_gtf, representative_transcripts

__all__ = ["SOURCES", "centred_genes"]

log = get_logger(__name__)

# Name in the configuration -> source of a transcript in gene models; `genes` is the gene table.
SOURCES = {
    "mane": "MANE_Select",
    "canonical": "Ensembl_canonical",
    "longest": "longest_CDS",
    "genes": "",
}


def centred_genes(genes: pd.DataFrame, gtf: Path | None, order: Sequence[str]) -> pd.DataFrame:
    """The genes that a source knows, with the TSS of the first one.

    Parameters
    ----------
    genes : DataFrame
        Gene table of the workflow.
    gtf : Path or None
        Gene models with tags (MANE's, or GENCODE's); None where only `genes` is asked.
    order : sequence of str
        Of `SOURCES`. The paper uses MANE alone and drops genes without it.

    Returns
    -------
    DataFrame
        `GENE_COLUMNS`, in the order of ``genes``; ``source`` is the source's name here.

    Raises
    ------
    UserError
        For an unknown source, or when no gene is left.
    """
    for name in order:
        if name not in SOURCES:
            raise UserError(f"{name!r}, expected {', '.join(SOURCES)}", "config: gta.tss")
    chosen = pd.DataFrame(columns=GENE_COLUMNS)
    if gtf is not None:
        models = representative_transcripts(read_gtf(gtf, sorted(genes["chrom"].unique())))
        chosen = models.set_index("gene_id")
    plain = genes.assign(_key=without_version(genes["gene_id"]))
    rows = []
    for record in plain.to_dict("records"):
        gene: dict[str, Any] = {str(name): value for name, value in record.items()}
        key = gene.pop("_key")
        known = chosen.loc[key] if key in chosen.index else None
        for name in order:
            if name == "genes":
                rows.append({**gene, "source": name})
                break
            if known is not None and known["source"] == SOURCES[name]:
                place = {column: known[column] for column in ("chrom", "tss", "strand")}
                rows.append({**gene, **place, "source": name})
                break
    if not rows:
        raise UserError(f"no gene has a TSS from {', '.join(order)}", gtf or "config: gta.tss")
    found = pd.DataFrame(rows)[GENE_COLUMNS]
    counts = ", ".join(f"{n} {name}" for name, n in found["source"].value_counts().items())
    log.info("TSS of %d of %d genes: %s", len(found), len(genes), counts)
    return found
