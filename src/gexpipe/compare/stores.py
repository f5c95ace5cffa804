"""Differences of the window stores: bases, signals, masks and contact of each gene."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gexpipe.compare.difference import Difference, of_values
from gexpipe.compare.sides import Side
from gexpipe.data.batches import Genes
from gexpipe.data.windows import CONTACT, WindowData
from gexpipe.log import progress
from gexpipe.windows.store import read_manifest

__all__ = ["drawn_genes", "open_windows", "store_differences"]

_KINDS = ("sequence", "signals")


def open_windows(side: Side, length: int, names: list[str]) -> WindowData:
    """The windows of a side as a method reads them: raw signals, contact where it lies."""
    sequence, signals, examples = (side.path(name) for name in (*_KINDS, "examples"))
    return WindowData(sequence, signals, examples, length=length, signal_names=names)


def store_differences(a: Side, b: Side, genes: int, seed: int = 0) -> Iterator[Difference]:
    """Everything that differs in windows which both have.

    Parameters
    ----------
    a, b : Side
        The two.
    genes : int
        How many of the shared genes are read, drawn by ``seed``; 0 for all.
    """
    if not all(side.has(kind) for side in (a, b) for kind in _KINDS):
        return
    stored = [read_manifest(side.path("signals"), "signals")[1] for side in (a, b)]
    yield from _declared(stored[0], stored[1])
    names = [name for name in stored[0]["signals"] if name in stored[1]["signals"]]
    length = int(min(manifest["length"] for manifest in stored))
    ours, theirs = (open_windows(side, length, [*names, CONTACT]) for side in (a, b))
    chosen = drawn_genes(ours, theirs, genes, seed)
    first, second = (_summaries(w, chosen, [*names, CONTACT]) for w in (ours, theirs))
    yield from _compared(pd.Index(chosen), first, second)


def _declared(a: dict, b: dict) -> Iterator[Difference]:
    for label, alone in (
        ("A", set(a["signals"]) - set(b["signals"])),
        ("B", set(b["signals"]) - set(a["signals"])),
    ):
        if alone:
            yield Difference("signals", f"only in {label}: {', '.join(sorted(alone))}")
    for key in ("length", "resolution"):
        if a[key] != b[key]:
            yield Difference(f"windows: {key}", f"A {a[key]}, B {b[key]}")
    for key in sorted({*a["settings"], *b["settings"]} - {"contact"}):
        x, y = a["settings"].get(key), b["settings"].get(key)
        if x != y:
            yield Difference(f"windows: {key}", f"A {x}, B {y}")


def drawn_genes(a: Genes, b: Genes, genes: int, seed: int = 0) -> list[str]:
    """Shared genes in A's order: so many, drawn by ``seed``, or all (0)."""
    other = set(b.gene_ids)
    shared = [gene for gene in a.gene_ids if gene in other]
    if genes and genes < len(shared):
        rows = np.random.default_rng(seed).choice(len(shared), genes, replace=False)
        shared = [shared[row] for row in sorted(rows)]
    return shared


def _summaries(windows: WindowData, genes: list[str], names: list[str]) -> dict[str, np.ndarray]:
    """(genes, ...) of each channel: whole codes and masks, signals in 100 bins of the window."""
    rows = {gene: row for row, gene in enumerate(windows.gene_ids)}
    kept: dict[str, list[np.ndarray]] = {"bases": [], "peaks": [], "blacklist": []}
    kept |= {name: [] for name in names}
    for gene in progress(genes, "compared", len(genes)):
        batch = windows.batch(np.array([rows[gene]])).dense()
        kept["bases"].append(batch.codes[0].numpy())
        kept["peaks"].append(np.packbits(batch.peaks[0].numpy()))
        kept["blacklist"].append(np.packbits(batch.blacklist[0].numpy()))
        for name, signal in zip(names, batch.signals[0].numpy(), strict=True):
            kept[name].append(_binned(signal))
    return {name: np.stack(values) for name, values in kept.items()}


def _binned(signal: np.ndarray, bins: int = 100) -> np.ndarray:
    edges = np.linspace(0, len(signal), bins + 1).astype(int)[:-1]
    return np.add.reduceat(signal.astype(float), edges) / (len(signal) / bins)


def _compared(
    genes: pd.Index, a: dict[str, np.ndarray], b: dict[str, np.ndarray]
) -> Iterator[Difference]:
    for name in a:
        apart = _apart(name, a[name], b[name])
        differ = apart > 0
        if not differ.any():
            continue
        count, what = int(differ.sum()), f"windows: {name}"
        by_gene = pd.Series(apart, genes)[differ]
        if name in ("bases", "peaks", "blacklist"):
            words = f"{apart[differ].mean():.1%} of the bases of these windows"
            yield Difference(what, words, count, len(genes), float(apart.mean()), by_gene)
            continue
        x, y = (pd.Series(values[name][differ].ravel()) for values in (a, b))
        found = of_values(what, x, y)
        words = found.words if found is not None else "in single bases alone"
        size = found.size if found is not None else 1e-9
        yield Difference(what, words, count, len(genes), size, by_gene)


def _apart(name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(genes,) difference: share of bases, or mean absolute difference of a signal."""
    if name == "bases":
        return (a != b).mean(axis=1)
    if name in ("peaks", "blacklist"):
        return np.unpackbits(a ^ b, axis=1).mean(axis=1)
    apart = np.abs(a - b)
    return np.where(apart <= 1e-5 * np.abs(a).max(axis=1, keepdims=True), 0, apart).mean(axis=1)
