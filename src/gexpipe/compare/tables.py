"""Differences of the tables: genes, TSSs, targets, features, elements, contact, records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gexpipe.compare.difference import Difference, of_values
from gexpipe.compare.sides import Side
from gexpipe.contact.rows import read_rows
from gexpipe.reference.examples import FEATURES

__all__ = ["table_differences"]

# Column of the links -> what it is called here.
_OF_A_LINK = {
    "distance_kb": "distance of elements",
    "contact_log": "contact of elements",
    "activity": "activity of elements",
}
_OF_AN_ELEMENT = ("dnase_rpm", "h3k27ac_rpm", "activity_base")
# Keys of the records whose values are compared.
_RECORDS = {
    "contacts record": ("file", "normalization", "resolution", "max_distance", "source"),
    "peaks record": ("files", "arguments", "peaks"),
    "quality": ("dnase_files", "h3k27ac_files", "dnase_mapped_reads", "h3k27ac_mapped_reads"),
}


def table_differences(a: Side, b: Side) -> Iterator[Difference]:
    """Everything that differs in tables and records which both have."""
    yield from _accessions(a, b)
    yield from _records(a, b)
    ours, theirs = a.examples, b.examples
    yield from _gene_sets(ours, theirs)
    yield from _given(of_values("TSS", ours["tss"], theirs["tss"], "bp"))
    yield from _texts("strand", ours["strand"], theirs["strand"])
    yield from _given(of_values("target", ours["target"], theirs["target"]))
    for name in FEATURES:
        if name in ours and name in theirs:
            yield from _given(of_values(f"feature {name}", ours[name], theirs[name]))
        elif name in ours or name in theirs:
            yield Difference(f"feature {name}", f"only in {'A' if name in ours else 'B'}")
    for fold in (c for c in ours.columns if c.startswith("fold_") and c in theirs):
        yield from _texts(f"split {fold}", ours[fold], theirs[fold])
    if a.has("links") and b.has("links"):
        yield from _links(*(pd.read_parquet(side.path("links")) for side in (a, b)))
    if a.has("elements") and b.has("elements"):
        yield from _elements(*(pd.read_parquet(side.path("elements")) for side in (a, b)))
    if a.has("contacts") and b.has("contacts"):
        yield from _contacts(a, b)


def _given(found: Difference | None) -> Iterator[Difference]:
    if found is not None:
        yield found


def _accessions(a: Side, b: Side) -> Iterator[Difference]:
    ours, theirs = a.accessions, b.accessions
    if not ours or not theirs or ours == theirs:
        return
    words = [
        f"only {label}: {', '.join(sorted(alone))}"
        for label, alone in (("A", ours - theirs), ("B", theirs - ours))
        if alone
    ]
    yield Difference("files", "; ".join(words))


def _records(a: Side, b: Side) -> Iterator[Difference]:
    for name, keys in _RECORDS.items():
        ours, theirs = a.record(name), b.record(name)
        if not ours or not theirs:
            continue
        for key in keys:
            x, y = _said(ours, key), _said(theirs, key)
            if x != y:
                yield Difference(f"{name.removesuffix(' record')}: {key}", f"A {x}, B {y}")


def _said(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    value = value["value"] if isinstance(value, dict) and "value" in value else value
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _gene_sets(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[Difference]:
    for label, alone in (("A", a.index.difference(b.index)), ("B", b.index.difference(a.index))):
        if len(alone):
            shown = ", ".join(alone[:3]) + (", ..." if len(alone) > 3 else "")
            share = len(alone) / max(len(a), len(b))
            yield Difference("genes", f"{len(alone):,} only in {label}: {shown}", size=share)


def _texts(what: str, a: pd.Series, b: pd.Series) -> Iterator[Difference]:
    shared = a.index.intersection(b.index)
    differ = (a[shared] != b[shared]).to_numpy()
    if differ.any():
        count = int(differ.sum())
        apart = pd.Series(1.0, index=shared[differ])
        yield Difference(what, "another value", count, len(shared), count / len(shared), apart)


def _links(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[Difference]:
    """Elements of each gene: how many, which, and the numbers of those that both have."""
    genes = a["gene_id"].drop_duplicates()
    genes = pd.Index(genes[genes.isin(b["gene_id"])])
    ours, theirs = (t.groupby("gene_id").size().reindex(genes).astype(float) for t in (a, b))
    yield from _given(of_values("elements of a gene, how many", ours, theirs))
    fewer = ours.combine(theirs, min)
    keys = ["gene_id", "chrom", "start", "end"]
    both = a.merge(b, on=keys, suffixes=("", "_b"))
    both = both[both["gene_id"].isin(genes)]
    shared = both.groupby("gene_id").size().reindex(genes, fill_value=0)
    other = fewer - shared  # of those that both could have
    moved = other[other > 0]
    if len(moved):
        words = f"{int(other.sum()):,} elements are others, by their place"
        share = float(other.sum() / max(fewer.sum(), 1))
        yield Difference("elements of a gene, which", words, len(moved), len(genes), share, moved)
    both.index = pd.Index(both["gene_id"] + ":" + both["element"].astype(str))
    for column, what in _OF_A_LINK.items():
        found = of_values(what, both[column], both[f"{column}_b"])
        if found is not None:
            apart = found.by_gene.groupby(
                found.by_gene.index.str.partition(":").get_level_values(0)
            )
            worst = apart.max()
            yield Difference(what, found.words, len(worst), len(genes), found.size, worst)


def _elements(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[Difference]:
    """Candidate elements of the cell type, whose read counts tell of replicates."""
    keys = ["chrom", "start", "end"]
    first, second = (t.set_index(keys) for t in (a, b))
    shared = first.index.intersection(second.index)
    alone = len(first) + len(second) - 2 * len(shared)
    if alone:
        words = f"{len(first):,} and {len(second):,}, of which {len(shared):,} are the same"
        yield Difference("candidate elements", words, size=alone / (len(first) + len(second)))
    for column in _OF_AN_ELEMENT:
        if column in first and column in second:
            ours, theirs = (t.loc[shared, column].reset_index(drop=True) for t in (first, second))
            found = of_values(f"candidate elements: {column}", ours, theirs)
            if found is not None:  # of elements, not of genes
                yield Difference(found.what, found.words, size=found.size)


def _contacts(a: Side, b: Side) -> Iterator[Difference]:
    """Contact with the TSS, bin by bin, where both have the same bins."""
    ours, theirs = (read_rows(side.path("contacts")) for side in (a, b))
    if ours.values.shape[1] != theirs.values.shape[1]:
        return
    place = {gene: row for row, gene in enumerate(theirs.gene_id)}
    rows = [(i, place[g]) for i, g in enumerate(ours.gene_id) if g in place]
    genes = pd.Index([ours.gene_id[i] for i, _ in rows])
    x, y = (
        v.astype(float)
        for v in (ours.values[[i for i, _ in rows]], theirs.values[[j for _, j in rows]])
    )
    missing = [pd.Series(np.isnan(v).sum(axis=1).astype(float), genes) for v in (x, y)]
    yield from _given(of_values("contact, missing bins", missing[0], missing[1]))
    sums = [pd.Series(np.nansum(v, axis=1), genes) for v in (x, y)]
    yield from _given(of_values("contact of a TSS, summed", sums[0], sums[1]))
