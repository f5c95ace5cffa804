"""Scores of models against CRISPRi: pooling, coverage, the product with ABC, the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.discover import app
from gexpipe.crispri.scores import COLUMNS, covered_scores, pooled, score_table
from gexpipe.crispri.table import changes_by_gene
from gexpipe.discovery.compare import links_of, product
from gexpipe.discovery.files import write_links
from gexpipe.errors import UserError
from gexpipe.reference.genes import write_table
from gexpipe.tables.plan import Line, written_lines
from tests.conftest import ROOT


def links(rows: list[tuple[str, int, int, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["gene_id", "start", "end", "score"])
    return table.assign(chrom="chr1", distance=10)


def given(abc: pd.DataFrame) -> pd.DataFrame:
    """Element scores as ABC's predictions: twice the activity, half the contact."""
    table = abc.rename(columns={"score": "abc_score"})
    return table.assign(activity=table["abc_score"] * 2, contact=table["abc_score"] / 2)


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
    given(abc).to_parquet(tmp_path / "abc.parquet")
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
            "EffectSize": -0.1,
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
    abc = given(other)
    covered, scores = covered_scores(pairs, {"one": one, "other": other}, abc)
    assert covered["gene_id"].tolist() == ["A", "A"]
    assert {name: value.tolist() for name, value in scores.items()} == {
        "ABC": [0.5, 0.0], "activity": [1.0, 0.0], "contact": [0.25, 0.0],
        "distance": [-2000.0] * 2, "one": [1.0, 0.0], "other": [0.5, 0.0],
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
            "--samples", "20", "--perturbation", "own", "--by-gene", str(files / "g.tsv"),
            "--nominated", str(files / "n.tsv"), "--pairs", str(files / "p.tsv"),
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0
    table = pd.read_csv(files / "o.tsv", sep="\t")
    overall = table[table["distance"] == "all"].set_index("predictor")
    given_first = ["ABC", "activity", "contact", "distance"]
    assert list(overall.index) == [*given_first, "own", "own x ABC", "other"]
    assert overall["pairs"].eq(4).all() and overall["tested"].eq(8).all()  # A and B of A to D
    assert overall.loc["own", "average_precision"] == 1
    assert overall.loc["other", "average_precision"] == 0.5
    assert (files / "o.png").read_bytes().startswith(b"\x89PNG")
    assert pd.read_csv(files / "g.tsv", sep="\t").empty  # two tested elements a gene are few
    called = pd.read_csv(files / "n.tsv", sep="\t").set_index(["predictor", "gene"])
    assert called.loc[("own", "A"), ["tested", "act", "called", "true", "precision"]].tolist() == [
        2, 1, 1, 1, 1.0,
    ]  # fmt: skip
    assert called.loc[("other", "B"), ["called", "precision"]].tolist() == [2, 0.5]


def test_predicted_change_is_compared_where_an_element_was_scored() -> None:
    starts = np.arange(7) * 1000
    loss = np.array([0.3, 0.1, 0.0, -0.1, 0.05, 0.2])
    lost = links([("A", int(at), int(at) + 100, x) for at, x in zip(starts, loss, strict=False)])
    pairs = pd.DataFrame({"chrom": "chr1", "start": starts, "end": starts + 50, "gene_id": "A"})
    pairs["effect"] = [*(10**-loss - 1), 0.9]  # the last element has no score
    pairs["regulated"] = pairs["effect"] < -0.15
    few = pairs[:4].assign(gene_id="B")
    found = changes_by_gene(pd.concat([pairs, few]), {"x": lost}, {"A": "KLF1"})
    assert found[["predictor", "gene", "pairs", "regulated"]].to_numpy().tolist() == [
        ["x", "KLF1", 6, 3]
    ]
    assert found["pearson"].item() == found["spearman"].item() == pytest.approx(1)
    assert changes_by_gene(pairs.assign(regulated=False), {"x": lost}, {}).empty


def test_screen_stands_beside_the_published_values(tmp_path: Path) -> None:
    tests = "dataset=crispri_flowfish; variant=PE-Activity; score=attention"
    own = {"run": "r", "test": "", "paper": "epinformer", "tables": ["text"]}
    lines = [
        Line("A", "epinformer_activity", tests, **own, known_as="epinformer", score="attention"),
        Line("P", "epinformer_hic", "variant=PE-Activity-HiC", **own, known_as="epinformer"),
    ]
    score = {"pairs": 9, "tested": 9, "regulated": 2, "average_precision": 0.8, "low": 0.7}
    pd.DataFrame(
        [
            score | {"predictor": name, "distance": distance, "high": 0.9}
            for name in ("ABC", "A", "A x ABC")
            for distance in ("all", "0-100 kb")
        ]
    ).to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    row = {"predictor": "P", "pairs": 23, "regulated": 3, "pearson": 0.5, "spearman": 0.4}
    pd.DataFrame([row | {"gene": "KLF1"}, row | {"gene": "MYC"}]).to_csv(
        tmp_path / "g.tsv", sep="\t", index=False
    )
    called = {"tested": 23, "act": 5, "called": 4, "true": 3, "precision": 0.75}
    pd.DataFrame(
        [called | {"predictor": p, "gene": g} for p in ("A", "ABC") for g in ("KLF1", "MYC")]
    ).to_csv(tmp_path / "n.tsv", sep="\t", index=False)

    def screen(lines: list[Line]) -> pd.DataFrame:
        done = CliRunner().invoke(
            app,
            [
                "screen", "--measured", f"K={tmp_path}/s.tsv", "--by-gene", f"K={tmp_path}/g.tsv",
                "--nominated", f"K={tmp_path}/n.tsv",
                "--published", str(ROOT / "config/published.tsv"), "--cell", "K=K562",
                "--cell", "unscreened=GM12878", "--title", "T", "--out", str(tmp_path / "t.tsv"),
                "--lines", written_lines(lines),
            ],
            catch_exceptions=False,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        return pd.read_csv(tmp_path / "t.tsv", sep="\t").set_index(["score", "of"])

    elsewhere = [replace(line, known_folds=[*range(1, 13)], tested=[11, 12]) for line in lines]
    assert screen(elsewhere)["published"].isna().all(), "of two folds, published are all twelve"
    table = screen(lines)
    assert table["published"].dropna().to_dict() == {
        ("A", "0-100 kb"): 0.71, ("A x ABC", "0-100 kb"): 0.756, ("P", "KLF1"): 0.88,
        ("A", "KLF1"): 0.8, ("ABC", "KLF1"): 0.29,
    }  # fmt: skip
    assert table.loc[("A", "0-100 kb"), "difference"] == pytest.approx(0.09)
    text = (tmp_path / "t.md").read_text()
    assert (
        "| A x ABC | 0-100 kb | 9 | 2 | 0.800 (0.700 to 0.900), published 0.756 (+0.044) |" in text
    )
    assert "| P | MYC | 23 | 3 | 0.500 |" in text


def test_an_unknown_label_of_a_perturbation_is_one_line(files: Path) -> None:
    with pytest.raises(UserError, match="--perturbation: no --link 'nothing'"):
        CliRunner().invoke(
            app,
            [
                "crispri", f"--link=a={files / 'b.parquet'}", "--perturbation", "nothing",
                "--abc", "x", "--crispr", "x", "--genes", str(files / "genes.tsv"),
                "--out", "o", "--by-gene", "g", "--nominated", "n", "--pairs", "p", "--figure", "f",
            ],
            catch_exceptions=False,
        )  # fmt: skip
