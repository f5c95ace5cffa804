"""What GTA reads beside the genome: MANE's models, NCBI's records, Geuvadis' expression."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.genes import Transcript, write_gtf
from gexpipe.simulate.random import stream

__all__ = ["geuvadis_cell", "write_geuvadis", "write_held_out", "write_mane", "write_ncbi"]

# Individuals of the table, and how many of them count, as 421 of Geuvadis' 462 do.
INDIVIDUALS, COUNTED = 14, 12
# Share of genes that MANE, NCBI or NCBI's summaries lack, and of those that are held out.
_WITHOUT, _HELD_OUT = 0.05, 0.16
_INFO = [
    "tax_id", "GeneID", "Symbol", "LocusTag", "Synonyms", "dbXrefs", "chromosome", "map_location",
    "description", "type_of_gene", "Symbol_from_nomenclature_authority",
    "Full_name_from_nomenclature_authority", "Nomenclature_status", "Other_designations",
    "Modification_date", "Feature_type",
]  # fmt: skip
_DOES = ("transcription", "splicing", "transport of vesicles", "cell adhesion", "translation")


def geuvadis_cell(config: SimulationConfig) -> str:
    """The cell type of the individuals' cells: the one that stands for GM12878, or the last."""
    listed = [name for name, cell in config.cells.items() if cell.listed]
    return next((n for n in listed if config.cells[n].stands_for == "GM12878"), listed[-1])


def write_mane(
    path: Path, config: SimulationConfig, genes: pd.DataFrame, transcripts: list[Transcript]
) -> None:
    """Gene models of most genes, as the annotation has them, and nothing else."""
    kept = np.flatnonzero(stream(config.seed, "mane").random(len(genes)) >= _WITHOUT)
    none = pd.DataFrame({"gene_id": []})
    write_gtf(path, genes.iloc[kept], [transcripts[row] for row in kept], none)


def write_ncbi(info: Path, summary: Path, config: SimulationConfig, genes: pd.DataFrame) -> None:
    """``gene_info`` and ``gene_summary`` in NCBI's layout, each without some genes."""
    rng = stream(config.seed, "ncbi")
    known, summed = rng.random((2, len(genes))) >= _WITHOUT
    topics = rng.choice(_DOES, len(genes))
    records, texts = [], []
    for number, gene in enumerate(genes.itertuples(index=False)):
        name, symbol = f"simulated gene {number + 1}", str(gene.symbol)
        values = dict.fromkeys(_INFO, "-") | {
            "tax_id": "9606",
            "GeneID": str(number + 1),
            "Symbol": symbol,
            "Synonyms": f"SG{number + 1}|S-{number + 1}",
            "dbXrefs": f"Ensembl:{gene.gene_id}",
            "chromosome": str(gene.chrom).removeprefix("chr"),
            "description": name,
            "type_of_gene": "protein-coding",
            "Symbol_from_nomenclature_authority": symbol,
            "Full_name_from_nomenclature_authority": name,
            "Other_designations": f"{name} product",
        }
        text = f"The protein encoded by this gene takes part in {topics[number]}."
        records += ["\t".join(values.values())] if known[number] else []
        texts += [f"9606\t{number + 1}\tSimulated\t{text}"] if summed[number] else []
    _write(info, ["#" + "\t".join(_INFO), *records])
    _write(summary, ["#tax_id\tGeneID\tsource\tsummary", *texts])


def write_geuvadis(
    table: Path,
    individuals: Path,
    config: SimulationConfig,
    genes: pd.DataFrame,
    truth: pd.DataFrame,
) -> None:
    """Expression of a gene a row and an individual a column, and the individuals that count.

    An individual's value is the gene's expression in `geuvadis_cell`, times log-normal noise, plus
    a little around zero, as in the released table, which is corrected for hidden factors.
    """
    rng, cell = stream(config.seed, "geuvadis"), geuvadis_cell(config)
    names = [f"SIMI{number:03d}" for number in range(1, INDIVIDUALS + 1)]
    level = 10 ** truth.loc[truth["cell"] == cell, "expression"].to_numpy()[:, None] - 1
    shape = (len(genes), INDIVIDUALS)
    values = level * rng.lognormal(0, 0.3, shape) + rng.normal(0, 0.02, shape)

    def lines() -> Iterator[str]:
        yield "\t".join(["TargetID", "Gene_Symbol", "Chr", "Coord", *names])
        for gene, row in zip(genes.itertuples(index=False), values, strict=True):
            place = [f"{gene.gene_id}.1", f"{gene.gene_id}.1", str(gene.chrom)[3:], str(gene.tss)]
            yield "\t".join([*place, *(f"{value:.6g}" for value in row)])

    _write(table, lines())
    individuals.write_text("\n".join(names[:COUNTED]) + "\n", encoding="utf-8")


def write_held_out(path: Path, config: SimulationConfig, genes: pd.DataFrame) -> None:
    """Genes that are held out, as the evaluation's authors list them: without a header."""
    chosen = stream(config.seed, "held out").random(len(genes)) < _HELD_OUT
    columns = ["gene_id", "chrom", "tss", "symbol", "strand"]
    genes.loc[chosen, columns].to_csv(path, header=False, index=False, lineterminator="\n")


def _write(path: Path, lines: list[str] | Iterator[str]) -> None:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as handle:
        for line in lines:
            handle.write(f"{line}\n".encode())
