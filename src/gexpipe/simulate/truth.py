"""The truth beside the data: elements, links and the parts of expression."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gexpipe.simulate.expression import Expression

__all__ = ["write_truth"]

_README = """\
Truth of a simulated genome (coordinates 0-based half-open; expression in log10(1 + CAGE)).

elements.parquet  one row per element. kind: promoter, proximal, enhancer (act) or decoy (open,
                  never acts); zone: promoter, near, mid or distal; activity_CELL, and the expected
                  read levels open_CELL (DNase) and acetylated_CELL (H3K27ac).
artefacts.bed     stretches with far too many reads; they never act.
links.parquet     one row per gene, acting element and cell with activity > 0: effect is what the
                  gene loses, in log10 units, when the element's activity becomes zero; below
                  zero where it gains, 0 where another element stands in.
genes.parquet     one row per gene and cell: base + promoter_activity + promoter_motif + near +
                  mid + distal + mrna + noise = model; count = rint(10 ** max(model, 0) - 1);
                  expression = log10(1 + count). special names genes made odd on purpose.
crispri.tsv       elements 1-100 kb from expressed genes, perturbed one by one, with error.
motifs.meme       the motifs that are planted in the sequence.
model.json        log10 units a unit of near and mid strength, distances of the slots, how the two
                  elements of a slot act together, further tracks.
contacts.parquet  where near and mid elements act by contact: contact of each TSS' bin with those
                  around it, by offset in bins.
"""


def write_truth(
    folder: Path,
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    truth: Expression,
    artefacts: pd.DataFrame,
) -> None:
    """Write the three tables, the artefacts and a README into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    table = _elements(elements)
    table.to_parquet(folder / "elements.parquet", index=False)
    _links(genes, table, truth).to_parquet(folder / "links.parquet", index=False)
    columns = ["gene_id", "symbol", "chrom", "tss", "strand", "special"]
    per_cell = truth.genes.merge(genes[columns], on="gene_id", how="left", validate="many_to_one")
    rest = [name for name in truth.genes if name not in columns]
    per_cell[columns + rest].to_parquet(folder / "genes.parquet", index=False)
    artefacts.to_csv(folder / "artefacts.bed", sep="\t", header=False, index=False)
    (folder / "README").write_text(_README, encoding="utf-8")


def _elements(elements: pd.DataFrame) -> pd.DataFrame:
    table = elements.rename(columns={"kind": "zone"}).drop(columns=["gene", "centre"])
    names = {"promoter": "promoter", "near": "proximal", "mid": "proximal", "distal": "enhancer"}
    kind = table["zone"].map(names).where(table["acts"], "decoy")
    table.insert(3, "kind", kind)
    return table.drop(columns="acts")


def _links(genes: pd.DataFrame, table: pd.DataFrame, truth: Expression) -> pd.DataFrame:
    links = truth.links
    gene = genes.iloc[links["gene"].to_numpy()].reset_index(drop=True)
    element = table.iloc[links["element"].to_numpy()].reset_index(drop=True)
    rest = links[["distance", "contact", "activity", "effect"]].reset_index(drop=True)
    head = {
        "gene_id": gene["gene_id"],
        "chrom": element["chrom"],
        "start": element["start"],
        "end": element["end"],
        "cell": links["cell"].to_numpy(),
        "zone": links["kind"].to_numpy(),
    }
    return pd.concat([pd.DataFrame(head), rest], axis=1)
