"""Element-gene scores of others against CRISPRi, in the columns of their released files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
from typer.testing import CliRunner

from gexpipe.cli.evaluate import app
from gexpipe.crispri import predictors
from gexpipe.crispri.predictors import predictor_scores, read_predictor
from gexpipe.errors import UserError
from gexpipe.reference.liftover import _layout

GENES = pd.DataFrame({"gene_id": ["ENSG01", "ENSG02", "ENSG03"], "symbol": ["ONE", "TWO", "THREE"]})
PAIRS = pd.DataFrame(
    [("chr1", 100, 200, "ENSG01"), ("chr1", 300, 400, "ENSG01"), ("chr1", 100, 200, "ENSG02"),
     ("chr1", 900, 950, "ENSG03")],
    columns=["chrom", "start", "end", "gene_id"],
)  # fmt: skip
# A header and the rows of one file each; every one says 0.9 of the first pair (the larger of two
# elements that overlap it), 0.25 of the third by symbol, and nothing of ENSG03.
RE2G = """#chr\tstart\tend\tname\tclass\tTargetGene\tTargetGeneEnsemblID\tTSS\tABC.Score\tScore
chr1\t50\t101\ta\tgenic\tONE\tENSG01.7\t5000\t0.01\t0.4
chr1\t199\t210\tb\tgenic\tX\tENSG01\t5000\t0.01\t0.9
chr1\t200\t300\tb\tgenic\tX\tENSG01\t5000\t0.01\t0.99
chr1\t100\t200\ta\tgenic\tTWO\tENSG99\t7000\t0.01\t0.25
chr1\t900\t950\ta\tgenic\tNINE\tENSG98\t7000\t0.01\t0.5
"""
SCE2G = RE2G.replace("\tScore", "\tE2G.Score.qnorm").replace("#chr", "chr")
ABC = RE2G.replace("ABC.Score\tScore", "other\tABC.Score").replace(
    "TargetGeneEnsemblID", "TargetGeneEnsembl_ID"
)
FULL = RE2G.replace("\tScore", "\tENCODE-rE2G.Score")
# As ABC writes it, with the TSS as an empty interval.
BEDPE = """chr1\t50\t101\tchr1\t5000\t5000\tONE_intergenic|chr1:50-101\t0.4\t.\t.
chr1\t199\t210\tchr1\t5000\t5000\tENSG01.7\t0.9\t.\t.
chr1\t200\t300\tchr1\t5000\t5000\tONE\t0.99\t.\t.
chr1\t100\t200\tchr1\t7000\t7000\tTWO|chr1:100-200\t0.25\t.\t.
"""


@pytest.mark.parametrize("text", [RE2G, FULL, SCE2G, ABC, BEDPE])
@pytest.mark.parametrize("zipped", [False, True])
def test_released_forms_say_the_same(tmp_path: Path, text: str, zipped: bool, caplog) -> None:
    path = tmp_path / "scores.tsv"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    with caplog.at_level("INFO"):
        found = predictor_scores(PAIRS, [f"theirs={path}"], GENES)
    assert found["theirs"].tolist() == [0.9, 0.0, 0.25, 0.0]
    assert "2 of 4 tested pairs overlap an element; 1 of 3 tested genes are not in the file, such" \
        " as ENSG03: their 1 pairs score 0" in caplog.text  # fmt: skip


def test_a_column_is_named_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.tsv"
    path.write_text(RE2G.replace("ABC.Score", "mine").replace("\tScore", "\tyours"))
    assert predictor_scores(PAIRS, [f"x={path}:mine"], GENES)["x"].tolist() == [0.01, 0, 0.01, 0]
    for item, words in (
        (f"x={path}", "no column ENCODE-rE2G.Score or E2G.Score.qnorm"),
        (f"x={path}:ours", "no column ours of element-gene scores; it has #chr, start"),
        (f"abc_score={path}:mine", "'abc_score' is the name of another predictor"),
    ):
        with pytest.raises(UserError) as error:
            predictor_scores(PAIRS, [item], GENES, taken=["abc_score"])
        assert words in str(error.value) and "\n" not in str(error.value)


def test_scores_that_would_be_misread_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.tsv"
    for text, words in (
        (RE2G.replace("\t0.9\n", "\t-0.9\n"), "Score is -0.9: a pair without an element has"),
        (RE2G.replace("\t0.9\n", "\thigh\n"), "score is 'high', expected a number"),
        (RE2G.replace("chr1\t", "1\t"), "none of its elements overlaps a tested one"),
        (RE2G[: RE2G.index("\n") + 1], "none of its elements overlaps a tested one"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=words):
            predictor_scores(PAIRS, [f"x={path}"], GENES)


def test_one_cell_type_of_a_file_that_has_many(tmp_path: Path) -> None:
    rows = RE2G.splitlines()
    cells = ["CellType", *["K562", "HepG2", "K562", "K562", "K562"]]
    path = tmp_path / "scores.tsv"
    path.write_text("\n".join("\t".join(pair) for pair in zip(rows, cells, strict=True)) + "\n")
    found = predictor_scores(PAIRS, [f"x={path}"], GENES, ["K562"])
    assert found["x"].tolist() == [0.4, 0.0, 0.25, 0.0]
    with pytest.raises(
        UserError, match=r"its CellType is K562, HepG2 \.\.\.; expected a single one"
    ):
        predictor_scores(PAIRS, [f"x={path}"], GENES)


def test_a_file_sorted_by_cell_type_is_judged_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part that is read holds one cell type; none of them is taken for the file's only one."""
    monkeypatch.setattr(predictors, "ROWS", 5)
    header, *rows = RE2G.splitlines()
    lines = [f"{row}\tHepG2" for row in rows] + [
        f"{row}\tK562".replace("0.9", "0.3") for row in rows
    ]
    path = tmp_path / "scores.tsv"
    path.write_text("\n".join([f"{header}\tCellType", *lines]) + "\n")
    assert predictor_scores(PAIRS, [f"x={path}"], GENES, ["K562"])["x"].tolist() == [
        0.4,
        0,
        0.25,
        0,
    ]
    assert predictor_scores(PAIRS, [f"x={path}"], GENES, ["HepG2"])["x"].tolist() == [
        0.9,
        0,
        0.25,
        0,
    ]
    with pytest.raises(UserError, match="its CellType is HepG2, K562"):
        predictor_scores(PAIRS, [f"x={path}"], GENES, ["H1"])


def test_released_columns_can_be_lifted() -> None:
    for name in ("chr", "#chr", "chrom", "#chrom"):
        assert _layout([name, "start", "end", "Score"], "x").intervals == [(0, 1, 2)]


def test_abc_of_chr22_meets_the_benchmark_by_the_command(shared: Path, tmp_path: Path) -> None:
    """ABC's own release in both forms, beside a computation that shares no code with ours."""
    folder = shared / "data/abc_k562_chr22_bam/predictions"
    screen = pd.read_csv(next((shared / "data/crispr").glob("EPC*.tsv.gz")), sep="\t")
    screen = screen[
        (screen["chrom"] == "chr22") & (screen["ValidConnection"].astype(str).str.upper() == "TRUE")
    ]
    screen.to_csv(tmp_path / "screen.tsv", sep="\t", index=False)
    names = ["measuredGeneEnsemblId", "measuredGeneSymbol"]
    known = screen[names].drop_duplicates().set_axis(["gene_id", "symbol"], axis=1)
    known = known.assign(chrom="chr22", start=1, end=2, tss=1, strand="+", source="test")
    known.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    known.assign(abc_score=0.5, start=0, end=10**9).to_parquet(tmp_path / "ours.parquet")
    forms = {"tsv": "EnhancerPredictionsFull.tsv.gz", "bedpe": "EnhancerPredictionsFull.bedpe.gz"}
    options = [f"--predictor={label}={folder / name}" for label, name in forms.items()]
    done = CliRunner().invoke(
        app,
        ["crispr", "--predictions", f"{tmp_path}/ours.parquet", "--crispr",
         f"{tmp_path}/screen.tsv", "--genes", f"{tmp_path}/genes.tsv", "--out",
         f"{tmp_path}/out.tsv", "--cell", "K562", "--samples", "20", *options],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t").query("distance == 'all'")
    table = table.set_index("predictor")
    released = pd.read_csv(folder / forms["tsv"], sep="\t")
    joined = screen.reset_index().merge(
        released, left_on="measuredGeneEnsemblId", right_on="TargetGeneEnsembl_ID"
    )
    joined = joined[(joined["start"] < joined["chromEnd"]) & (joined["end"] > joined["chromStart"])]
    best = joined.groupby("index")["ABC.Score"].max().reindex(screen.index).fillna(0)
    assert (best > 0).sum() > 3
    expected = average_precision_score(screen["Regulated"], best)
    for form in forms:
        row = table.loc[form]
        assert row["average_precision"] == pytest.approx(expected, abs=1e-9)
        assert row["low"] <= row["average_precision"] <= row["high"]


def test_genes_by_version_and_symbol(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text(RE2G)
    versioned = GENES.assign(gene_id=GENES["gene_id"] + ".3")
    found = read_predictor(tmp_path / "x.tsv", versioned, {"ENSG01.3", "ENSG02.3"})
    assert found["gene_id"].tolist() == ["ENSG01.3"] * 3 + ["ENSG02.3"]
