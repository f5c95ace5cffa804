"""ABC scores of all element-gene pairs within 5 Mb of one chromosome, power-law contact.

The plain way joins tables, as ABC's ``predict.py`` does: all pairs, one column after another, a
group sum joined back, a gzipped text table. Scores of both ways are compared.

With ``--size genome`` only our way runs, on the size of the K562 table over all chromosomes, and
the memory of the whole process is told, imports included.

    python benchmarks/abc_scores.py --size small
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from measure import Cost, chosen_sizes, measure, row, table

from gexpipe.abc.scores import scores_by_chromosome, write_scores
from gexpipe.contact.element import ContactModel

# Elements, genes, chromosome length in bp; the middle one is that of the published chr22 run.
INPUTS = {
    "small": (2_000, 60, 20_000_000),
    "chr22": (17_732, 517, 50_818_468),
    "chr1": (60_000, 2_000, 248_956_422),
    "genome": (116_669, 18_377, 3_031_042_417),
}
CHROMOSOMES = 23  # of the genome, equally long
WINDOW = 5_000_000
BLOCK = 50  # genes joined at once, which bounds the memory of the cross join


def plain(elements: pd.DataFrame, genes: pd.DataFrame, out: str) -> tuple[int, float]:
    """Join, compute columns, group, join back, write text."""
    law = ContactModel().law
    parts = []
    for begin in range(0, len(genes), BLOCK):
        pairs = elements.merge(genes.iloc[begin : begin + BLOCK], on="chrom", how="inner")
        pairs["distance"] = ((pairs["start"] + pairs["end"]) / 2 - pairs["tss"]).abs()
        parts.append(pairs[pairs["distance"] < WINDOW])
    pairs = pd.concat(parts, ignore_index=True)
    near = (pairs["start"] - 500 < pairs["tss"]) & (pairs["end"] + 500 > pairs["tss"])
    pairs["isSelfPromoter"] = near & pairs["isPromoterElement"]
    pairs["contact"] = law(pairs["distance"])
    pairs["numerator"] = pairs["activity_base"] * pairs["contact"]
    total = pairs.groupby("gene_id")["numerator"].sum().rename("total").reset_index()
    pairs = pairs.merge(total, on="gene_id")
    pairs["score"] = pairs["numerator"] / pairs["total"]
    pairs.loc[pairs["isSelfPromoter"], "score"] = 1.0
    pairs.to_csv(out, sep="\t", index=False, compression="gzip", float_format="%.6f")
    return len(pairs), float(pairs["score"].sum())


def ours(elements: pd.DataFrame, genes: pd.DataFrame, out: str) -> tuple[int, float]:
    """The package's way, written as parquet."""
    model = ContactModel()
    found = scores_by_chromosome(elements, genes, None, model, WINDOW)
    count = write_scores(found, out, model, measured=False)
    return count, pq.ParquetFile(out).metadata.num_rows


def total_score(path: str) -> float:
    """Sum of all scores of a parquet file, read outside the measured call."""
    column = pq.read_table(path, columns=["abc_score"])["abc_score"]
    return float(column.to_numpy().astype(np.float64).sum())


def inputs(size: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Elements of 500 bp with log-normal activity, a tenth promoters; genes anywhere."""
    elements, genes, length = INPUTS[size]
    number = CHROMOSOMES if size == "genome" else 1
    length //= number
    rng = np.random.default_rng(1)
    places = np.arange(0, number * length - 500, 600)
    start = np.sort(rng.choice(places, elements, replace=False))
    tss = np.sort(rng.integers(0, number * length, genes))
    return (
        pd.DataFrame(
            {
                "chrom": names(start // length),
                "start": start % length,
                "end": start % length + 500,
                "isPromoterElement": rng.random(elements) < 0.1,
                "activity_base": rng.lognormal(0, 1, elements),
            }
        ),
        pd.DataFrame(
            {
                "gene_id": [f"g{number:05d}" for number in range(genes)],
                "chrom": names(tss // length),
                "tss": tss % length,
            }
        ),
    )


def names(chromosomes: np.ndarray) -> list[str]:
    """chr1 for 0, and so on."""
    return [f"chr{number + 1}" for number in chromosomes.tolist()]


def alone(size: str, cost: Cost) -> list:
    """A line of the table without a plain way."""
    none = float("nan")
    what = f"score and write {cost.result[0]:,} pairs, {cost.whole:.0f} MB in all"
    return [size, what, none, cost.cpu, none, none, cost.memory, none]


def main() -> None:
    """Measure, compare, print."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("plain.tsv.gz", "ours.parquet")]
        warm = (*inputs("small"), paths[1])
        for size in chosen_sizes("ABC scores", INPUTS):
            given = inputs(size)
            if size == "genome":
                rows.append(alone(size, measure(ours, *given, paths[1], warm_up=warm)))
                continue
            joined = measure(plain, *given, paths[0])
            direct = measure(ours, *given, paths[1], warm_up=warm)
            assert joined.result[0] == direct.result[0]
            np.testing.assert_allclose(total_score(paths[1]), joined.result[1], rtol=1e-5)
            what = f"score and write, {direct.whole:.0f} MB in all"
            rows.append(row(size, what, joined, direct))
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
