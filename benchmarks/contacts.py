"""Window contact of the genes of one chromosome.

The plain way does what Seq2Exp's preprocessing does: all records of the chromosome become a text
table, and every gene joins a table of its 200,000 bases with it. Vectors of both ways are compared.
With ``--format hic`` the matrix is a .hic file with VC vectors, whose records hic-straw reads.

    python benchmarks/contacts.py --size small --format hic
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cooler
import hictkpy
import numpy as np
import pandas as pd
from measure import Cost, measure, row, size_parser, table

from gexpipe.contact.powerlaw import reference_law
from gexpipe.contact.readers import open_matrix
from gexpipe.contact.rows import ContactRows, rows_from_matrix
from gexpipe.contact.window import (
    WindowContact,
    expand_window,
    inside_chromosome,
    window_contact,
)
from gexpipe.simulate.contacts import Pixels
from gexpipe.simulate.hic import write_hic

# Genes, chromosome length in bp, stored pixels (about).
INPUTS = {
    "small": (20, 5_000_000, 200_000),
    "chr22": (416, 50_818_468, 20_000_000),
    "chr1": (2_000, 248_956_422, 60_000_000),
}
STEP, WINDOW = 5000, 200_000
FORMATS = {"cool": "NONE", "hic": "VC"}  # and the balancing that is read
PLAIN_GENES = 10  # the plain way costs the same for every gene
BATCH = 16  # genes expanded at once
REPEATS = 20  # of the stored form, which takes milliseconds


def plain_read(matrix: str, out: str) -> int:
    """All records, as text."""
    if matrix.endswith(".hic"):
        pixels = straw_records(matrix)
    else:
        pixels = hictkpy.File(matrix, STEP).fetch("chr1", count_type="float64").to_df()
    pixels.to_csv(out, index=False)
    return len(pd.read_csv(out))


def straw_records(matrix: str) -> pd.DataFrame:
    """All records of a .hic file, each a Python object, as a table."""
    import hicstraw

    file = hicstraw.HiCFile(matrix)
    length = next(c.length for c in file.getChromosomes() if c.name == "chr1")
    zoom = file.getMatrixZoomData("chr1", "chr1", "observed", FORMATS["hic"], "BP", STEP)
    records = [(r.binX, r.binY, r.counts) for r in zoom.getRecords(0, length, 0, length)]
    pixels = pd.DataFrame(records, columns=["bin1_id", "bin2_id", "count"])
    pixels[["bin1_id", "bin2_id"]] //= STEP
    return pixels


def ours_read(matrix: str, genes: pd.DataFrame, length: int) -> ContactRows:
    """Contact rows from one banded read."""
    reader = open_matrix(matrix, STEP)
    balancing = FORMATS[Path(matrix).suffix.removeprefix(".")]
    sizes = {"chr1": length}
    return rows_from_matrix(reader, genes, sizes, WINDOW // 2 + STEP, [balancing], "band")


def plain_feature(records: str, genes: pd.DataFrame) -> np.ndarray:
    """Per-base contact of some genes: one table a gene, a row a base, a column a step."""
    pixels = pd.read_csv(records)
    law = reference_law(minimum=STEP)
    vectors = []
    for chrom, tss in zip(genes["chrom"], genes["tss"], strict=True):
        positions = list(range(tss - WINDOW // 2, tss + WINDOW // 2))
        base = pd.DataFrame({"chrom": [chrom] * WINDOW, "start": positions, "end": positions})
        base["tss"] = [tss] * WINDOW
        base["middle"] = (base["start"] + base["end"]) / 2
        base["own"] = np.floor(base["middle"] / STEP).astype(int)
        base["tss_bin"] = np.floor(base["tss"] / STEP).astype(int)
        base["distance"] = (base["own"] - base["tss_bin"]).abs() * STEP
        base["near"] = (base["start"] - 500 < base["tss"]) & (base["end"] + 500 > base["tss"])
        base["law"], base["reference"] = law(base["distance"]), law(base["distance"])
        base["bin1_id"] = base[["own", "tss_bin"]].min(axis=1)
        base["bin2_id"] = base[["own", "tss_bin"]].max(axis=1)
        base = base.merge(pixels, on=["bin1_id", "bin2_id"], how="left").fillna({"count": 0.0})
        covered = base[base["near"]].groupby("tss")["count"].sum()
        base.loc[base["tss"].isin(covered[covered < 0.01].index), "count"] = np.nan
        base["scaled"] = base["count"] * (base["reference"] / base["law"])
        limits = pd.DataFrame({"near": law(base["distance"]), "far": float(law(1e6))})
        base["contact"] = base["scaled"] + limits.min(axis=1)
        vectors.append(np.log10(1 + base["contact"].fillna(0.0).to_numpy()))
    return np.array(vectors)


def plain_join(records: str, genes: pd.DataFrame) -> Cost:
    """Cost of the joins alone: that of many genes less that of one."""
    many, one = measure(plain_feature, records, genes), measure(plain_feature, records, genes[:1])
    return Cost((many.cpu - one.cpu) / (len(genes) - 1), many.memory, many.result)


def stored(rows: ContactRows) -> np.ndarray:
    """41 numbers a gene, many times over."""
    for _ in range(REPEATS):
        contact = window_contact(rows, WINDOW)
    return contact.values


def expanded(rows: ContactRows) -> np.ndarray:
    """Every base of every gene, batch by batch as in training; the first vectors are returned."""
    contact = window_contact(rows, WINDOW)
    inside = inside_chromosome(rows.tss, rows.chrom_length, WINDOW)
    for begin in reversed(range(0, len(inside), BATCH)):
        here = slice(begin, begin + BATCH)
        batch = WindowContact(*(array[here] for array in contact))
        dense = expand_window(batch, inside[here], WINDOW, STEP)
    return dense[:PLAIN_GENES]


def inputs(size: str, kind: str, folder: Path) -> tuple[str, pd.DataFrame, int]:
    """A matrix with decaying counts, and genes away from the chromosome's ends."""
    count, length, stored_pixels = INPUTS[size]
    rng = np.random.default_rng(1)
    bins = -(-length // STEP)
    distance = np.minimum(rng.pareto(0.15, 2 * stored_pixels), bins - 1).astype(np.int64)
    first = rng.integers(0, bins, len(distance))
    keep = first + distance < bins
    key = np.unique(first[keep] * bins + first[keep] + distance[keep])
    counts = rng.integers(1, 50, len(key))
    path = folder / f"{size}.{kind}"
    if kind == "hic":
        write_with_vc(path, length, Pixels(bins, key // bins, key % bins, counts))
    else:
        pixels = pd.DataFrame({"bin1_id": key // bins, "bin2_id": key % bins, "count": counts})
        cooler.create_cooler(str(path), cooler.binnify(pd.Series({"chr1": length}), STEP), pixels)
    tss = np.sort(rng.integers(WINDOW, length - WINDOW, count))
    genes = pd.DataFrame({"gene_id": [f"g{n}" for n in range(count)], "chrom": "chr1", "tss": tss})
    return str(path), genes, length


def write_with_vc(path: Path, length: int, pixels: Pixels) -> None:
    """A .hic file whose VC vector holds the row sums, scaled to a mean of 1."""
    off = pixels.row != pixels.column
    sums = np.bincount(pixels.row, pixels.count, pixels.bins)
    sums += np.bincount(pixels.column[off], pixels.count[off], pixels.bins)
    vector = np.where(sums > 0, sums / sums.mean(), np.nan).astype(np.float32)
    vectors = {("VC", "chr1", STEP): vector}
    write_hic(path, {"chr1": length}, {"chr1": pixels}, [STEP], "random", vectors)


def each(cost: Cost, number: int) -> Cost:
    """Cost of one of ``number`` equal parts."""
    return Cost(cost.cpu / number, cost.memory, cost.result)


def main() -> None:
    """Measure, compare, print."""
    parser = size_parser("window contact", INPUTS)
    parser.add_argument("--format", choices=FORMATS, default="cool")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        warm = inputs("small", chosen.format, Path(folder))
        for size in chosen.size or INPUTS:
            given = warm if size == "small" else inputs(size, chosen.format, Path(folder))
            matrix, genes, length = given
            records = str(Path(folder) / f"{size}.csv")
            all_records = measure(plain_read, matrix, records, warm_up=(warm[0], records))
            band = measure(ours_read, matrix, genes, length, warm_up=warm)
            rows.append(row(size, "read", all_records, band))
            joined = plain_join(records, genes[:PLAIN_GENES])
            kept = each(measure(stored, band.result), len(genes) * REPEATS)
            dense = each(measure(expanded, band.result), len(genes))
            np.testing.assert_allclose(dense.result, joined.result, rtol=1e-6)
            rows.append(row(size, "a gene, stored", joined, kept))
            rows.append(row(size, "a gene, every base", joined, dense))
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    main()
