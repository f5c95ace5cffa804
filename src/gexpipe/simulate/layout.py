"""Where the genes lie, and which of them are made special."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gexpipe.errors import UserError
from gexpipe.simulate.config import SimulationConfig
from gexpipe.simulate.random import stream

__all__ = ["SPECIAL", "place_genes"]

# What can be odd about a gene; one of each in the training and in the test chromosomes.
SPECIAL = ("signal_free", "n_gap", "n_partial", "low_contact")
_TEST = ("chr22", "chrX")


def place_genes(config: SimulationConfig) -> pd.DataFrame:
    """TSSs of all genes.

    Returns
    -------
    DataFrame
        gene_id, symbol, chrom, tss (0-based), strand, special (one of `SPECIAL`, "chrom_end",
        "promoter_only" or empty), sorted by chromosome in configured order, then TSS.
    """
    hosts = _special_hosts(config)
    parts = []
    for chrom, count in _share_out(config).items():
        rng = stream(config.seed, "layout", chrom)
        tss, special = _place_chromosome(config, chrom, count, rng, chrom in hosts)
        strand = np.where(rng.random(len(tss)) < 0.5, "+", "-").astype(object)
        strand[0], strand[-1] = "+", "-"  # bodies of the outermost genes point inwards
        parts.append(
            pd.DataFrame({"chrom": chrom, "tss": tss, "strand": strand, "special": special})
        )
    genes = pd.concat(parts, ignore_index=True)
    alone = stream(config.seed, "promoter only").random(len(genes)) < config.genes.promoter_only
    genes.loc[alone & (genes["special"] == ""), "special"] = "promoter_only"
    order = np.arange(len(genes)) + 1
    genes.insert(0, "gene_id", [f"ENSG{90_000_000_000 + i}" for i in order])
    genes.insert(1, "symbol", [f"SIMG{i}" for i in order])
    return genes


def _special_hosts(config: SimulationConfig) -> list[str]:
    """The longest test chromosome and the longest other one that is not for validation."""
    by_length = sorted(config.chromosomes, key=lambda name: -config.chromosomes[name])
    test = [name for name in by_length if name in _TEST]
    train = [name for name in by_length if name not in (*_TEST, "chr3", "chr21")]
    return test[:1] + train[:1]


def _share_out(config: SimulationConfig) -> dict[str, int]:
    sizes = config.chromosomes
    total = sum(sizes.values())
    counts = {name: max(3, int(config.genes.count * size / total)) for name, size in sizes.items()}
    longest = max(sizes, key=lambda name: sizes[name])
    counts[longest] += max(0, config.genes.count - sum(counts.values()))
    return counts


def _place_chromosome(
    config: SimulationConfig, chrom: str, count: int, rng: np.random.Generator, host: bool
) -> tuple[np.ndarray, np.ndarray]:
    length, settings = config.chromosomes[chrom], config.genes
    start = settings.edge
    special = np.full(count, "", dtype=object)
    special[-1] = "chrom_end"
    first = start
    if host:
        first = settings.telomere + settings.signal_free // 2
        start = settings.telomere + settings.signal_free + 5_000 - settings.spacing
        if count < 2 * len(SPECIAL):
            raise UserError(f"{chrom} gets {count} genes; at least {2 * len(SPECIAL)} are needed")
        special[: 2 * len(SPECIAL) : 2] = SPECIAL  # every other one: none disturbs the next
    else:
        special[0] = "chrom_end"
    room = length - settings.edge - start - (count - 1) * settings.spacing
    inner = np.sort(rng.random(count - 2)) * room
    middle = start + inner + settings.spacing * np.arange(1, count - 1)
    tss = np.concatenate([[first], middle, [length - settings.edge]]).astype(np.int64)
    return tss, special
