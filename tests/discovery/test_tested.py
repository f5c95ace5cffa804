"""The tested regions as elements: Fulco's workbook, features, shares of a gene, the commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.discover import app
from gexpipe.crispri.pairs import crispr_pairs
from gexpipe.crispri.precision import benchmark
from gexpipe.crispri.tested import BINS, region_scores, region_table, screened_pairs
from gexpipe.crispri.workbook import SHEET, read_workbook
from gexpipe.discovery.files import write_links
from gexpipe.errors import UserError
from gexpipe.reference.genes import write_table

# The enhancers of KLF1 in the workbook (hg19), as EPInformer's notebook 3 prints them, and the
# repressor downstream of it; activity and contact are made up.
KLF1 = [
    (12958325, 12958825, -0.057784, True), (12977965, 12978745, -0.026087, True),
    (12992085, 12992645, -0.161863, True), (12999705, 13000205, -0.169294, True),
    (13001505, 13002192, -0.124012, True), (13019305, 13019805, 0.041943, True),
    (12951265, 12951825, -0.013502, False),
]  # fmt: skip


def write_book(path: Path, sheet: pd.DataFrame, name: str = SHEET) -> Path:
    """A sheet below a title, as the journal has it."""
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        pd.DataFrame({"About": ["..."]}).to_excel(book, sheet_name="Index", index=False)
        sheet.to_excel(book, sheet_name=name, index=False, startrow=1)
        book.sheets[name]["A1"] = "Supplementary Table 6a. Data for E-G pairs in K562"
    return path


@pytest.fixture
def sheet() -> pd.DataFrame:
    table = pd.DataFrame(KLF1, columns=["start", "end", "Fraction change in gene expr", "Sig"])
    table.insert(0, "chr", "chr19")
    table = table.assign(**{
        "class": "intergenic", "Gene": "KLF1", "Gene TSS": 12998017, "Adjusted p-value": 0.01,
        "Significant": table.pop("Sig"), "Activity": 2.0, "Normalized HiC Contacts": 0.5,
    })  # fmt: skip
    return pd.concat([table, pd.DataFrame(index=[99])])  # an empty row at the end


def test_the_workbook_is_read_as_a_screen(tmp_path: Path, sheet: pd.DataFrame) -> None:
    path = write_book(tmp_path / "book.xlsx", sheet)
    done = CliRunner().invoke(app, ["workbook", str(path), "--out", str(tmp_path / "o.tsv")])
    assert done.exit_code == 0, done.output
    genes = pd.DataFrame({"gene_id": ["ENSG00000105610"], "symbol": ["KLF1"]})
    pairs = crispr_pairs(tmp_path / "o.tsv", genes, ["K562"])
    assert pairs["regulated"].tolist() == [True] * 5 + [False] * 2, "a gain is no enhancer"
    authors = [39442.0, 19662.0, 5652.0, 1938.0, 3831.5]
    np.testing.assert_allclose(pairs["distance"][:5], authors, atol=0.5)
    assert pairs["study_activity"].eq(2).all() and pairs["study_contact"].eq(0.5).all()
    assert pairs["effect"][2] == -0.161863 and len(pairs) == 7


def test_the_benchmark_of_2025_has_these_pairs_on_hg38(shared: Path) -> None:
    table = shared / "data/crispr/EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
    genes = pd.DataFrame({"gene_id": ["ENSG00000105610"], "symbol": ["KLF1"]})
    pairs = crispr_pairs(table, genes, ["K562"], "Fulco et al., 2019")
    mine = screened_pairs(pairs, 100_000)
    found = dict(zip(mine["start"] + 110814, mine["effect"].round(6), strict=True))  # hg19
    assert [found.get(start) for start, *_ in KLF1] == [
        -0.057784, -0.026087, None, -0.169294, None, 0.041943, -0.013502,
    ]  # fmt: skip
    assert mine["gene_id"].unique().tolist() == ["ENSG00000105610"]
    assert mine["regulated"].sum() == 3, "of five; two lie in promoters, which it leaves out"


def test_a_workbook_that_is_none_is_one_line(tmp_path: Path, sheet: pd.DataFrame) -> None:
    (tmp_path / "no.xlsx").write_text("no")
    with pytest.raises(UserError, match=r"no.xlsx: not a readable workbook"):
        read_workbook(tmp_path / "no.xlsx")
    other = write_book(tmp_path / "other.xlsx", sheet, "Supplementary Table 5")
    with pytest.raises(UserError, match=f"no sheet '{SHEET}'; it has Index, Supplementary Table 5"):
        read_workbook(other)
    bare = write_book(tmp_path / "bare.xlsx", sheet.drop(columns="Gene TSS"))
    with pytest.raises(UserError, match="no column 'Gene TSS' in sheet"):
        read_workbook(bare)
    sheet.loc[1, "start"] = 12.5
    with pytest.raises(UserError, match=r"row 4: chromStart is '12.5', expected a whole number"):
        read_workbook(write_book(tmp_path / "half.xlsx", sheet))


@pytest.fixture
def genes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "gene_id": ["A", "B", "C"], "symbol": ["a", "b", "c"], "chrom": "chr1",
            "tss": [200_000, 210_000, 900_000],
        }
    ).assign(start=1, end=2, strand="+", source="gtf")  # fmt: skip


@pytest.fixture
def pairs() -> pd.DataFrame:
    """A: three regions, one acts; B: none acts; C: far away; one of a gene that is not known."""
    rows = [
        ("A", 210_000, 210_500, True), ("A", 180_000, 183_000, False),
        ("A", 130_000, 130_500, False), ("B", 210_900, 211_000, False),
        ("C", 200_000, 201_000, True), (None, 200_000, 200_500, True),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["gene_id", "start", "end", "regulated"])
    tss = table["gene_id"].map({"A": 200_000, "B": 210_000, "C": 900_000}).fillna(200_000)
    middle = (table["start"] + table["end"]) / 2
    return table.assign(chrom="chr1", distance=(middle - tss - 0.5).abs(), effect=np.nan)


@pytest.fixture
def abc() -> pd.DataFrame:
    rows = [
        ("A", 210_400, 210_900, 4.0, 0.5, 99.0), ("A", 178_000, 181_000, 1.0, 0.25, 9.0),
        ("A", 182_000, 182_100, 3.0, 0.2, 3.0), ("A", 140_000, 140_500, 8.0, 0.05, 0.0),
        ("B", 130_000, 130_500, 7.0, 0.9, 1.0),
    ]  # fmt: skip
    columns = ["gene_id", "start", "end", "activity", "contact", "hic_contact"]
    return pd.DataFrame(rows, columns=columns).assign(chrom="chr1", abc_score=0.1)


def test_genes_without_a_validated_enhancer_do_not_count(pairs: pd.DataFrame) -> None:
    kept = screened_pairs(pairs, 100_000)
    assert kept["gene_id"].tolist() == ["A"] * 3
    assert screened_pairs(pairs, 20_000)["start"].tolist() == [210_000, 180_000]
    with pytest.raises(UserError, match="no gene with a validated enhancer within 5000 bp"):
        screened_pairs(pairs, 5_000)


def test_regions_get_activity_where_open_and_the_nearest_contact(
    pairs: pd.DataFrame, abc: pd.DataFrame, genes: pd.DataFrame
) -> None:
    found = region_table(screened_pairs(pairs, 100_000), abc, genes, 2000)
    assert found["rank"].tolist() == [0, 1, 2]
    assert found["region_start"].tolist() == [210_000, 180_000, 130_000]
    assert found["start"].tolist() == [210_000, 180_500, 130_000], "cut around its middle"
    assert found["slot_start"].tolist() == [750, 0, 750]
    assert found["activity"].tolist() == [4.0, 3.0, 0.0], "the last is not open"
    np.testing.assert_allclose(found["contact"], [0.5, 0.2, 0.05])
    np.testing.assert_allclose(found["contact_log"], [2, np.log10(4), 0])
    np.testing.assert_allclose(found["distance_kb"], [10.25, 18.5, 69.75])


def test_scores_are_shares_of_a_gene(
    pairs: pd.DataFrame, abc: pd.DataFrame, genes: pd.DataFrame
) -> None:
    near = screened_pairs(pairs, 100_000)
    regions = region_table(near, abc, genes, 2000)
    scored = regions[["gene_id", "chrom", "start", "end"]].assign(score=[0.2, 0.5, 0.1])
    near = near.assign(study_activity=[1.0, 1.0, 2.0], study_contact=[3.0, 1.0, 3.0])
    kept, scores = region_scores(near, regions, {"m": scored, "p": scored}, ["m"])
    assert kept["start"].tolist() == near["start"].tolist()
    expected = {
        "ABC": [2 / 2.6, 0.6 / 2.6, 0], "activity": [4, 3, 0], "contact": [0.5, 0.2, 0.05],
        "distance": (-near["distance"]).tolist(), "ABC (the study's)": [0.3, 0.1, 0.6],
        "activity (the study's)": [1, 1, 2], "contact (the study's)": [3, 1, 3],
        "m": [0.25, 0.625, 0.125], "m x ABC": [0.4 / 0.7, 0.3 / 0.7, 0], "p": [0.2, 0.5, 0.1],
    }  # fmt: skip
    assert list(scores) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(scores[name], values, rtol=1e-6, err_msg=name)
    one = scored[scored["start"] == 210_000]  # a model that scored one region only
    assert len(region_scores(near, regions, {"m": scored, "o": one}, [])[0]) == 1


def test_classes_are_open_below_and_closed_above() -> None:
    distance = [0.0, 0.5, 25_000.0, 25_000.5, 60_000.0, 60_000.5, 100_000.0]
    pairs = pd.DataFrame({"distance": distance, "regulated": True})
    table = benchmark(pairs, {"x": np.arange(7.0)}, 5, 1, BINS).set_index("distance")
    assert table["pairs"].to_dict() == {
        "0-100 kb": 7, "0-25 kb": 2, "25-60 kb": 2, "60-100 kb": 2,
    }  # fmt: skip


def test_commands_score_the_tested_regions(
    tmp_path: Path,
    pairs: pd.DataFrame,
    abc: pd.DataFrame,
    genes: pd.DataFrame,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    write_table(genes, tmp_path / "genes.tsv")
    abc.to_parquet(tmp_path / "abc.parquet")
    tss = pairs["gene_id"].map({"A": 200_000, "B": 210_000, "C": 900_000}).fillna(200_000)
    pd.DataFrame(
        {
            "chrom": "chr1", "chromStart": pairs["start"], "chromEnd": pairs["end"],
            "startTSS": tss.astype(int), "endTSS": tss.astype(int) + 1, "CellType": "K562",
            "measuredGeneSymbol": pairs["gene_id"].fillna("Z").str.lower(),
            "Regulated": pairs["regulated"].astype(str).str.upper(),
        }
    ).to_csv(tmp_path / "crispr.tsv", sep="\t", index=False)  # fmt: skip
    common = ["--crispr", f"{tmp_path}/crispr.tsv", "--genes", f"{tmp_path}/genes.tsv"]
    made = ["--abc", f"{tmp_path}/abc.parquet", "--out", f"{tmp_path}/regions.parquet"]
    done = CliRunner().invoke(app, ["tested", *common, *made], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    regions = pd.read_parquet(tmp_path / "regions.parquet")
    links = regions.assign(distance=1, score=[0.2, 0.5, 0.1])
    write_links(tmp_path / "m.parquet", links)
    write_links(tmp_path / "p.parquet", links.assign(score=[0.3, 0.0, 0.1]))
    scored = [f"--link=m={tmp_path}/m.parquet", f"--link=p={tmp_path}/p.parquet"]
    out = {"out": "o.tsv", "by-gene": "g.tsv", "nominated": "n.tsv", "pairs": "p.tsv"}
    out["figure"] = "f.png"
    written = [item for key, name in out.items() for item in (f"--{key}", f"{tmp_path}/{name}")]
    asked = ["--attention", "m", "--perturbation", "p", "--samples", "20"]
    command = ["crispri", *common, *scored, *written, *asked]
    over = ["--regions", f"{tmp_path}/regions.parquet"]
    done = CliRunner().invoke(app, [*command, *over], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "o.tsv", sep="\t")
    near = table[table["distance"] == "0-100 kb"].set_index("predictor")
    assert near[["pairs", "tested", "regulated"]].drop_duplicates().to_numpy().tolist() == [
        [3, 6, 1]
    ]
    assert near["average_precision"].to_dict() == {
        "ABC": 1, "activity": 1, "contact": 1, "distance": 1, "m": 0.5, "m x ABC": 1, "p": 1,
    }  # fmt: skip
    assert set(table["distance"]) == {"0-100 kb", "0-25 kb"}, "no class without an acting pair"
    called = pd.read_csv(tmp_path / "n.tsv", sep="\t").set_index("predictor")
    assert called.loc["m", ["gene", "tested", "called", "true"]].tolist() == ["a", 3, 2, 1]
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    every = pd.read_csv(tmp_path / "p.tsv", sep="\t").set_index("start")
    assert list(every)[:7] == [
        "gene_id",
        "gene",
        "chrom",
        "end",
        "distance_bp",
        "regulated",
        "effect",
    ]
    assert list(every)[7:] == ["ABC", "activity", "contact", "distance", "m", "m x ABC", "p"]
    assert every.loc[180_000, ["gene", "regulated", "m", "p"]].tolist() == ["a", False, 0.625, 0]
    shown = ["screened", f"{tmp_path}/p.tsv", "a", "--genes", f"{tmp_path}/genes.tsv"]
    for gene, words in (("a", "3 tested elements of a"), ("b", "0 tested elements of b")):
        shown[2] = gene
        done = CliRunner().invoke(
            app,
            [*shown, "--perturbation", "p", "--out", f"{tmp_path}/g.png"],
            catch_exceptions=False,
        )
        assert done.exit_code == 0 and words in caplog.text
        assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="--perturbation: no predictor 'q' in the table"):
        CliRunner().invoke(
            app, [*shown, "--perturbation", "q", "--out", "g.png"], catch_exceptions=False
        )
    for given in ([], [*over, "--abc", f"{tmp_path}/abc.parquet"]):
        with pytest.raises(UserError, match="one of --abc and --regions is expected"):
            CliRunner().invoke(app, [*command, *given], catch_exceptions=False)
