"""Scores of models against CRISPRi: pooling, coverage, the product with ABC, the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.discover import app
from gexpipe.discovery.compare import links_of, product
from gexpipe.discovery.crispri import COLUMNS, covered_scores, pooled, score_table
from gexpipe.discovery.files import write_links
from gexpipe.reference.genes import write_table


def links(rows: list[tuple[str, int, int, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["gene_id", "start", "end", "score"])
    return table.assign(chrom="chr1", distance=10)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Gene A in fold 1 (two seeds), B in fold 2, C scored by one model only, D by none."""
    write_links(tmp_path / "a1.parquet", links([("A", 0, 100, 0.9), ("A", 500, 600, 0.1)]))
    write_links(tmp_path / "a2.parquet", links([("A", 0, 100, 0.5), ("A", 500, 600, 0.3)]))
    write_links(tmp_path / "b.parquet", links([("B", 0, 100, 0.2), ("B", 500, 600, 0.8)]))
    write_links(
        tmp_path / "other.parquet",
        links([(gene, start, start + 100, 0.5) for gene in "ABC" for start in (0, 500)]),
    )
    abc = links([(g, s, s + 100, v) for g in "ABCD" for s, v in ((50, 0.1), (500, 0.6))])
    abc.rename(columns={"score": "abc_score"}).to_parquet(tmp_path / "abc.parquet")
    genes = pd.DataFrame(
        {
            "gene_id": list("ABCD"),
            "symbol": list("ABCD"),
            "chrom": "chr1",
            "tss": 2000,
            "start": 2000,
        }
    )
    write_table(genes.assign(end=3000, strand="+", source="gtf"), tmp_path / "genes.tsv")
    rows = [
        {
            "chrom": "chr1", "chromStart": start, "chromEnd": start + 50, "startTSS": 2000,
            "endTSS": 2001, "measuredGeneSymbol": gene, "CellType": "K562",
            "Regulated": str((gene, start) in {("A", 10), ("B", 520), ("C", 10)}).upper(),
        }
        for gene in "ABCD"
        for start in (10, 520)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "crispr.tsv", sep="\t", index=False)
    return tmp_path


def test_seeds_are_averaged_and_folds_stand_side_by_side(files: Path) -> None:
    found = pooled([f"m={files / name}.parquet" for name in ("a1", "a2", "b")])["m"]
    assert found["gene_id"].tolist() == ["A", "A", "B", "B"]
    np.testing.assert_allclose(found["score"], [0.7, 0.2, 0.2, 0.8])


def test_product_takes_the_best_overlapping_element_of_the_same_gene() -> None:
    one = links([("A", 0, 100, 2.0), ("A", 500, 600, 3.0), ("B", 0, 100, 5.0)])
    abc = links([("A", 90, 200, 0.1), ("A", 99, 120, 0.4), ("A", 100, 110, 9.0), ("C", 0, 100, 7)])
    np.testing.assert_allclose(product(one, abc)["score"], [0.8, 0.0, 0.0])


def test_product_is_read_from_two_files(files: Path) -> None:
    found = links_of(f"{files / 'a1.parquet'}*{files / 'abc.parquet'}:abc_score")
    np.testing.assert_allclose(found["score"], [0.09, 0.06])


def test_only_genes_that_every_model_scored_count() -> None:
    pairs = pd.DataFrame(
        {
            "chrom": "chr1", "start": [10, 520, 10, 10], "end": [60, 570, 60, 60],
            "gene_id": ["A", "A", "C", None], "distance": 2000.0, "regulated": [True, False] * 2,
        }
    )  # fmt: skip
    one, other = links([("A", 0, 100, 1.0)]), links([("A", 0, 100, 0.5), ("C", 0, 100, 1.0)])
    abc = other.rename(columns={"score": "abc_score"})
    covered, scores = covered_scores(pairs, {"one": one, "other": other}, abc)
    assert covered["gene_id"].tolist() == ["A", "A"]
    assert {name: value.tolist() for name, value in scores.items()} == {
        "ABC": [0.5, 0.0], "distance": [-2000.0] * 2, "one": [1.0, 0.0], "other": [0.5, 0.0],
    }  # fmt: skip
    table = score_table(covered, scores, len(pairs), 20, 1)
    assert table.loc[table["predictor"] == "one", "average_precision"].eq(1).all()
    assert table["tested"].eq(4).all() and table["pairs"].eq(2).all()
    nothing = score_table(covered.assign(regulated=False), scores, 4, 20, 1)
    assert nothing.empty and list(nothing) == COLUMNS


def test_command_writes_table_and_figure(files: Path) -> None:
    own = [f"--link=own={files / name}.parquet" for name in ("a1", "a2", "b")]
    abc = files / "abc.parquet"
    times = [f"--link=own x ABC={files / n}.parquet*{abc}:abc_score" for n in ("a1", "a2", "b")]
    done = CliRunner().invoke(
        app,
        [
            "crispri", *own, *times, f"--link=other={files / 'other.parquet'}", "--abc", str(abc),
            "--crispr", str(files / "crispr.tsv"), "--genes", str(files / "genes.tsv"),
            "--cell", "K562", "--out", str(files / "o.tsv"), "--figure", str(files / "o.png"),
            "--samples", "20",
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0
    table = pd.read_csv(files / "o.tsv", sep="\t")
    overall = table[table["distance"] == "all"].set_index("predictor")
    assert list(overall.index) == ["ABC", "distance", "own", "own x ABC", "other"]
    assert overall["pairs"].eq(4).all() and overall["tested"].eq(8).all()  # A and B of A to D
    assert overall.loc["own", "average_precision"] == 1
    assert overall.loc["other", "average_precision"] == 0.5
    assert (files / "o.png").read_bytes().startswith(b"\x89PNG")
