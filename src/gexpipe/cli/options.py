"""Options that several commands have: one name, one type and one help for one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Benchmark", "Bootstrap", "Cells", "Checkpoint", "ChromSizes", "Chromosomes", "CrisprTable",
    "Examples", "Fasta", "Fold", "Genes", "Predictors", "Published", "Resolved", "Seed", "Split",
    "StoreOut", "Threads", "Title", "TrainedFold", "TssWindow", "CageStrand", "Transform",
    "store_folder",
]  # fmt: skip

# The genome and its genes.
Genes = Annotated[Path, typer.Option(help="Gene table (genes.tsv of `gexpipe reference genes`).")]
ChromSizes = Annotated[
    Path, typer.Option("--chrom-sizes", "--sizes", help="Chromosome names and lengths.")
]
Chromosomes = Annotated[list[str], typer.Option("--chromosome", help="Chromosome in use; repeat.")]
Fasta = Annotated[Path, typer.Option(help="Genome, plain FASTA.")]
TssWindow = Annotated[int, typer.Option(help="CAGE window centred on the TSS, bp.")]
CageStrand = Annotated[str, typer.Option(help="CAGE strand: both, or same.")]
Transform = Annotated[str, typer.Option(help="log10p1 or none.")]

# What a run reads.
Examples = Annotated[Path, typer.Option(help="Example table of the cell type (.parquet).")]
Checkpoint = Annotated[Path, typer.Option(help="best.ckpt of a run, or its authors' file.")]
Fold = Annotated[int, typer.Option(help="Fold of the example table, 1-12.")]
TrainedFold = Annotated[int | None, typer.Option(help="Default: the checkpoint's own.")]
Split = Annotated[str, typer.Option(help="Part of the fold.")]
Seed = Annotated[int, typer.Option(help="Seed of what is drawn.")]
Threads = Annotated[int, typer.Option("--threads", "--workers", help="CPU threads.", min=1)]

# Tables.
Title = Annotated[str, typer.Option(help="Heading of the Markdown form.")]
Published = Annotated[Path, typer.Option(help="Published values, TSV.")]
Resolved = Annotated[str, typer.Option("--lines", help="Rows as the workflow resolved them, YAML.")]
Benchmark = Annotated[
    list[str], typer.Option("--cell", help="CELL=CELL whose published values stand beside.")
]
Bootstrap = Annotated[int, typer.Option("--samples", help="Bootstrap samples.", min=1)]
CrisprTable = Annotated[Path, typer.Option(help="CRISPRi table (columns of EPCrisprBenchmark).")]
Cells = Annotated[
    list[str] | None, typer.Option("--cell", help="Keep rows of this CellType; repeat.")
]
Predictors = Annotated[
    list[str] | None,
    typer.Option(
        "--predictor",
        help="LABEL=element-gene scores of others (ENCODE-rE2G, scE2G, ABC, or BEDPE);"
        " LABEL=FILE:COLUMN names the score. Repeat.",
    ),
]

# Stores.
StoreOut = Annotated[Path, typer.Option(help="Store to write; its manifest.json is written last.")]


def store_folder(out: Path) -> Path:
    """The store's folder, also when its manifest is named (as the rules do)."""
    return out.parent if out.name == "manifest.json" else out
