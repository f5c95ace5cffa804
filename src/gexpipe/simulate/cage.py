"""CAGE tag starts (CTSS): counts spread around each TSS, plus a thin background elsewhere."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.random import stream

__all__ = ["draw_ctss", "unstranded", "write_ctss"]

_HALF = 100  # tags lie within this many bp of the TSS, inside the 384 bp that are summed
_CLEAR = 1_000


def draw_ctss(
    config: SimulationConfig, cell: str, genes: pd.DataFrame, counts: np.ndarray
) -> pd.DataFrame:
    """Tag starts of one cell.

    Parameters
    ----------
    counts : ndarray
        (genes,) tags of each gene; their sum within 192 bp of the TSS is exactly this.

    Returns
    -------
    DataFrame
        chrom, start (0-based), strand, count; sorted as a genome browser wants it.
    """
    rng = stream(config.seed, "cage", cell)
    weight = np.exp(-np.abs(np.arange(-_HALF, _HALF + 1)) / 15.0)
    weight /= weight.sum()
    parts = []
    columns = [genes[name] for name in ("chrom", "tss", "strand")]
    for chrom, tss, strand, count in zip(*columns, counts, strict=True):
        spread = rng.multinomial(count, weight)
        used = np.flatnonzero(spread)
        start = tss + used - _HALF
        parts.append(
            pd.DataFrame({"chrom": chrom, "start": start, "strand": strand, "count": spread[used]})
        )
    parts += [_background(rng, config, chrom, genes) for chrom in config.chromosomes]
    order = {name: i for i, name in enumerate(config.chromosomes)}
    table = pd.concat(parts, ignore_index=True)
    table = table.groupby(["chrom", "start", "strand"], sort=False)["count"].sum().reset_index()
    table["number"] = table["chrom"].map(order)
    return table.sort_values(["number", "start", "strand"], ignore_index=True).drop(
        columns="number"
    )


def _background(
    rng: np.random.Generator, config: SimulationConfig, chrom: str, genes: pd.DataFrame
) -> pd.DataFrame:
    length, telomere = config.chromosomes[chrom], config.genes.telomere
    start = np.unique(rng.integers(telomere, length - telomere, length // 20_000))
    tss = genes.loc[genes["chrom"] == chrom, "tss"].to_numpy()
    start = start[np.abs(start[:, None] - tss[None, :]).min(axis=1) > _CLEAR]
    strand = np.where(rng.random(len(start)) < 0.5, "+", "-")
    count = 1 + rng.poisson(0.3, len(start))
    return pd.DataFrame({"chrom": chrom, "start": start, "strand": strand, "count": count})


def write_ctss(path: Path, table: pd.DataFrame) -> None:
    """FANTOM5's CTSS columns: chrom, start, end, name, score (count), strand; gzipped."""
    end = table["start"] + 1
    name = table["chrom"] + ":" + table["start"].astype(str) + ".." + end.astype(str)
    lines = table.assign(end=end, name=name + "," + table["strand"])
    text = lines[["chrom", "start", "end", "name", "count", "strand"]].to_csv(
        sep="\t", header=False, index=False, lineterminator="\n"
    )
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as handle:
        handle.write(text.encode())


def unstranded(
    table: pd.DataFrame, sizes: dict[str, int]
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Both strands added up, as runs for a bigWig: chromosome -> (start, end, value)."""
    total = table.groupby(["chrom", "start"], as_index=False, sort=True)["count"].sum()
    runs = {}
    for chrom in sizes:
        rows = total[total["chrom"] == chrom]
        start = rows["start"].to_numpy(dtype=np.int64)
        runs[chrom] = (start, start + 1, rows["count"].to_numpy(dtype=np.float32))
    return runs
