"""EPInformer's element table against the encoding of its own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from gexpipe.abc.elements import element_table, slot_interval
from tests.goldens import arrays, cases


def encoded_genes() -> list[Any]:
    """One parameter a gene of every case: the folder, and the gene's name in its arrays."""
    folders = cases("EPInformer promoter-enhancer encoding")
    return [
        pytest.param((folder, key.removesuffix("/tss")), id=f"{number}-{key.removesuffix('/tss')}")
        for number, folder in enumerate(folders)
        for key in arrays(folder)
        if key.endswith("/tss")
    ]


@pytest.fixture(params=encoded_genes())
def encoded(request: pytest.FixtureRequest) -> tuple[dict[str, np.ndarray], str]:
    """Arrays of a case, and one of its genes."""
    folder, gene = request.param
    return arrays(folder), gene


def links(golden: dict[str, np.ndarray], gene: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = {n: golden[f"{gene}/links_{n}"] for n in ("start", "end", "distance")}
    columns["activity"] = golden[f"{gene}/links_activity_base"]
    columns["hic_contact"] = golden[f"{gene}/links_hic_contact"]
    pairs = pd.DataFrame(columns).dropna().astype({"start": int, "end": int})
    genes = pd.DataFrame({"gene_id": [gene], "chrom": [str(golden[f"{gene}/chrom"])]})
    return pairs.assign(gene=0, element=np.arange(len(pairs))), genes


def one_hot(sequence: np.ndarray) -> np.ndarray:
    upper = np.char.upper(sequence.tobytes().decode())
    return np.array([[base == letter for letter in "ACGT"] for base in str(upper)], dtype=np.uint8)


def test_table_equals_the_published_encoding(encoded):
    golden, gene = encoded
    pairs, genes = links(golden, gene)
    table = element_table(pairs, genes, blank_farthest=False)
    number = len(table)
    intervals = table[["start", "end"]].to_numpy().reshape(-1, 2)
    np.testing.assert_array_equal(intervals, golden[f"{gene}/enh_intervals_encoded"])
    np.testing.assert_array_equal(table["activity"], golden[f"{gene}/activity"][:number])
    np.testing.assert_allclose(table["distance_kb"] * 1000, golden[f"{gene}/distance"][:number])
    everything = element_table(pairs, genes, most=10_000, blank_farthest=False)
    published = golden[f"{gene}/feat_contact_log"]
    np.testing.assert_allclose(everything["contact_log"], published, rtol=1e-12, atol=1e-15)


def test_the_published_loader_blanks_what_lies_at_100_kb(encoded):
    golden, gene = encoded
    pairs, genes = links(golden, gene)
    edge = np.flatnonzero(golden[f"{gene}/distance"] >= 100_000)
    table = element_table(pairs, genes)
    assert (table["end"] == table["start"]).to_numpy().nonzero()[0].tolist() == edge.tolist()
    assert table["distance_kb"].iloc[edge].tolist() == [0.0] * len(edge)
    np.testing.assert_array_equal(table["activity"], golden[f"{gene}/activity"][: len(table)])


def test_slots_hold_the_published_sequence(encoded):
    golden, gene = encoded
    pairs, genes = links(golden, gene)
    genome = golden[f"fasta/{genes['chrom'][0]}"]
    slots = np.zeros((60, 2000, 4), dtype=np.uint8)
    for row in element_table(pairs, genes, blank_farthest=False).itertuples():
        code = one_hot(genome[row.start : row.end])
        slots[row.rank, row.slot_start : row.slot_start + len(code)] = code
    np.testing.assert_array_equal(slots, golden[f"{gene}/pe_code"][1:])


def test_slot_interval():
    start, end = np.array([100, 100, 100]), np.array([600, 2100, 2103])
    first, last, offset = slot_interval(start, end, 2000)
    assert first.tolist() == [100, 100, 101]
    assert last.tolist() == [600, 2100, 2101]
    assert offset.tolist() == [750, 0, 0]


def test_the_nearest_elements_of_each_gene_are_kept():
    pairs = pd.DataFrame(
        {
            "gene": [1, 0, 0, 0, 0, 1],
            "element": range(6),
            "start": 0,
            "end": 10,
            "distance": [5e3, 1e3, 9e4, 2e3, 3e3, 1e5 + 0.5],
            "hic_contact": 9.0,
            "activity": 1.0,
        }
    )
    genes = pd.DataFrame({"gene_id": ["a", "b"], "chrom": ["chr1", "chr1"]})
    table = element_table(pairs, genes, most=2)
    assert table["gene_id"].tolist() == ["a", "a", "b"]
    assert table["element"].tolist() == [3, 4, 0]
    assert table["rank"].tolist() == [0, 1, 0]
    assert table["contact_log"].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("blank", [True, False])
def test_an_element_at_the_farthest_distance(blank):
    pairs = pd.DataFrame({"gene": 0, "element": [0, 1], "start": [5, 900], "end": [25, 920]})
    pairs = pairs.assign(distance=[99_999.5, 1e5], hic_contact=9.0, activity=2.0)
    genes = pd.DataFrame({"gene_id": ["a"], "chrom": ["chr1"]})
    table = element_table(pairs, genes, blank_farthest=blank)
    assert table["distance_kb"].tolist() == [99.9995, 0.0 if blank else 100.0]
    assert (table["end"] - table["start"]).tolist() == [20, 0 if blank else 20]
    assert table["contact_log"].tolist() == [1.0, 1.0]
    assert table["activity"].tolist() == [2.0, 2.0]
