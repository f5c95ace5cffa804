"""What a configuration expects of the file of a row."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from gexpipe.abc.from_abc import NAMES, OPTIONAL
from gexpipe.abc.tables import AT_TSS
from gexpipe.crispri.predictors import CHROM, END, IDS, SCORES, START, SYMBOLS
from gexpipe.doctor.looks import Expected
from gexpipe.doctor.needs import Plan
from gexpipe.download.portals import same_assembly
from gexpipe.reference.cell_target import target_of
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.sheets import FileRow

__all__ = ["COLUMNS", "expected_of"]

# Columns of tables whose form is not the configuration's; of each tuple one name is enough.
_LINKS = [NAMES[ours] for ours in NAMES if ours not in OPTIONAL]
COLUMNS: dict[str, list[tuple[str, ...]]] = {
    "abc_elements": [("chr",), ("start",), ("end",), ("class",), ("activity_base",)],
    "abc_genes": [("Ensembl_ID",), AT_TSS["dnase"]],
    "abc_predictions": _LINKS,
    "barcodes": [("barcode",), ("label",)],
}


def expected_of(plan: Plan, row: FileRow) -> Expected:
    """What the configuration reads in a row's file."""
    config = plan.config
    chromosomes = list(config["reference"]["chromosomes"])
    columns = _gene_table_columns(plan) if row.role == "gene_table" else _columns(row)
    contact = config["contact"]
    return Expected(
        chromosomes, {} if row.assembly else _sizes(plan), columns, contact["resolution"],
        contact["normalization"], config["peaks"]["pairs"] if row.role == "dnase_bam" else "ends",
        config["genes"]["tss_column"] if config["genes"]["source"] == "table" else "",
    )  # fmt: skip


def _columns(row: FileRow) -> list[tuple[str, ...]]:
    """Columns that a role's table has, whatever the configuration; BEDPE has no header."""
    role, _, name = row.role.partition(":")
    if role != "predictor":
        return COLUMNS.get(row.role, [])
    column = name.partition(":")[2]
    return [CHROM, START, END, (*IDS, *SYMBOLS), (column,) if column else SCORES]


def _gene_table_columns(plan: Plan) -> list[tuple[str, ...]]:
    """Columns of the published table that the configuration reads."""
    genes, config = plan.config["genes"], plan.config
    columns: list[tuple[str, ...]] = [("gene_id", "ENSID")]
    if genes["source"] == "table":
        columns += [("chrom",), (genes["tss_column"],)]
    if genes["mrna_features"] == "table":
        columns += [(name,) for name in MRNA_FEATURES]
    for cell in config["cells"]:
        target = target_of(config["target"], plan.sheets, cell)
        if target["source"] == "table":
            columns.append((target["column"],))
    return columns


def _sizes(plan: Plan) -> Mapping[str, int]:
    """Chromosome lengths: of the genome once it is made, else those known of the assembly."""
    made = Path("resources/reference/chrom.sizes")
    if made.is_file():
        lines = made.read_text(encoding="utf-8").splitlines()
        return {name: int(size) for name, size in (line.split("\t")[:2] for line in lines)}
    if not same_assembly(plan.sheets.genome, "hg38"):
        return {}
    table = files("gexpipe.doctor").joinpath("hg38.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    return {row["chrom"]: int(row["length"]) for row in rows}
