"""The CRISPRi benchmark: hand-made pairs, and real K562."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve
from typer.testing import CliRunner

from gexpipe.abc.scores import scores_by_chromosome, write_scores
from gexpipe.abc.stage import ActivityInputs, ActivityOutputs, CountTables, activity_from_counts
from gexpipe.cli.evaluate import app
from gexpipe.contact.element import ContactModel
from gexpipe.crispri.pairs import crispr_pairs, overlap_scores
from gexpipe.crispri.precision import benchmark, curve
from gexpipe.errors import UserError
from gexpipe.reference.genes import write_table

GENES = pd.DataFrame({"gene_id": ["E1", "E2", "E3"], "symbol": ["ONE", "TWO", "THREE"]})


def crispr_row(start, end, symbol, ensembl, regulated, **changes):
    row = {
        "chrom": "chr1", "chromStart": start, "chromEnd": end, "startTSS": 1000, "endTSS": 1001,
        "measuredGeneSymbol": symbol, "measuredGeneEnsemblId": ensembl, "Regulated": regulated,
        "ValidConnection": "TRUE", "CellType": "K562",
    }  # fmt: skip
    return {**row, **changes}


ROWS = [
    crispr_row(100, 200, "ONE", "E1.4", "TRUE"),
    crispr_row(200, 300, "ONE", "E1", "FALSE"),
    crispr_row(100, 200, "TWO", "unknown", "FALSE"),
    crispr_row(100, 200, "NINE", "E9", "TRUE"),
    crispr_row(100, 200, "ONE", "E1", "TRUE", ValidConnection="overlaps potential promoter"),
    crispr_row(100, 200, "THREE", "E3", "FALSE", CellType="HCT116"),
]
# Of E1: two elements overlap [100, 200) (one by a single base), one touches it without overlap.
PREDICTIONS = pd.DataFrame(
    {
        "gene_id": ["E1", "E1", "E1", "E2", "E2"],
        "chrom": ["chr1", "chr1", "chr1", "chr2", "chr1"],
        "start": [50, 199, 200, 100, 100],
        "end": [101, 200, 260, 200, 200],
        "abc_score": [0.2, 0.5, 0.9, 0.8, np.nan],
    }
)


@pytest.fixture
def files(tmp_path):
    paths = {name: tmp_path / name for name in ("crispr.tsv", "predictions.parquet")}
    pd.DataFrame(ROWS).to_csv(paths["crispr.tsv"], sep="\t", index=False)
    PREDICTIONS.to_parquet(paths["predictions.parquet"])
    return paths


def test_pairs_and_their_genes(files):
    pairs = crispr_pairs(files["crispr.tsv"], GENES)
    assert pairs["gene_id"].fillna("").tolist() == ["E1", "E1", "E2", "", "E3"]
    assert pairs["regulated"].tolist() == [True, False, False, True, False]
    assert pairs["distance"].tolist() == [850.5, 750.5, 850.5, 850.5, 850.5]
    assert len(crispr_pairs(files["crispr.tsv"], GENES, ["K562"])) == 4
    assert pairs["effect"].isna().all()


def test_studies_and_effects_of_a_table(tmp_path):
    rows = [
        row | {"Reference": study, "EffectSize": -0.1 * place}
        for place, (row, study) in enumerate(
            zip(ROWS[:4], ["A, from B (2019)", "B"] * 2, strict=True)
        )
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "c.tsv", sep="\t", index=False)
    pairs = crispr_pairs(tmp_path / "c.tsv", GENES, reference="B (2019)")
    assert pairs["effect"].tolist() == [0, -0.2]
    with pytest.raises(UserError, match=r"c\.tsv: no row whose Reference holds 'C'"):
        crispr_pairs(tmp_path / "c.tsv", GENES, reference="C")
    with pytest.raises(UserError, match="no row whose Reference holds"):
        pd.DataFrame(ROWS).to_csv(tmp_path / "d.tsv", sep="\t", index=False)
        crispr_pairs(tmp_path / "d.tsv", GENES, reference="C")


def test_the_largest_overlapping_score_of_the_same_gene(files):
    pairs = crispr_pairs(files["crispr.tsv"], GENES, ["K562"])
    score = overlap_scores(pairs, files["predictions.parquet"])
    np.testing.assert_array_equal(score, [0.5, 0.9, 0, 0])


def test_curve_equals_scikit_learn_with_ties_and_weights():
    rng = np.random.default_rng(0)
    regulated = rng.random(500) < 0.2
    score = np.round(rng.random(500) + 0.3 * regulated, 1)
    weight = rng.integers(0, 4, 500).astype(float)
    for weights in (None, weight):
        found = curve(regulated, score, weights)
        expected = average_precision_score(regulated, score, sample_weight=weights)
        assert found.average_precision == pytest.approx(expected, abs=1e-12)
    found = curve(regulated, score)
    precision, recall, threshold = precision_recall_curve(regulated, score)
    np.testing.assert_allclose(found.precision[::-1], precision[:-1])
    np.testing.assert_allclose(found.recall[::-1], recall[:-1])
    at = np.flatnonzero(recall[:-1] >= 0.7)[-1]
    assert found.at_recall(0.7) == pytest.approx((precision[at], threshold[at]))


def test_benchmark_by_distance_is_seeded():
    rng = np.random.default_rng(1)
    pairs = pd.DataFrame(
        {"distance": np.repeat([5e3, 5e4, 5e5], 40), "regulated": np.arange(120) % 4 == 0}
    )
    pairs.loc[80:, "regulated"] = False
    score = {"random": rng.random(120), "perfect": pairs["regulated"].to_numpy(float)}
    table = benchmark(pairs, score, samples=50, seed=7)
    assert table.equals(benchmark(pairs, score, samples=50, seed=7))
    assert not table.equals(benchmark(pairs, score, samples=50, seed=8))
    # No positive pair lies beyond 100 kb.
    assert table["distance"].tolist() == ["all", "0-10 kb", "10-100 kb", "0-100 kb"] * 2
    perfect = table[table["predictor"] == "perfect"]
    assert (perfect[["average_precision", "low", "high", "precision_at_70_recall"]] == 1).all(
        axis=None
    )
    random = table[table["predictor"] == "random"]
    assert (random["low"] <= random["average_precision"]).all()
    assert (random["average_precision"] <= random["high"]).all()


def test_curve_and_table_are_of_the_same_pairs(files, tmp_path):
    """Pairs of unknown genes, without an element, at the TSS and beyond 100 kb included."""
    more = [
        crispr_row(950, 1051, "ONE", "E1", "TRUE"),
        crispr_row(5_000_000, 5_000_100, "TWO", "E2", "TRUE"),
    ]
    pd.DataFrame([*ROWS, *more]).to_csv(files["crispr.tsv"], sep="\t", index=False)
    write_table(
        GENES.assign(chrom="chr1", tss=1000, strand="+", start=1000, end=2000, source="table"),
        tmp_path / "genes.tsv",
    )
    command = ["crispr", "--predictions", files["predictions.parquet"], "--samples", 2]
    command += ["--crispr", files["crispr.tsv"], "--genes", tmp_path / "genes.tsv"]
    command += ["--out", tmp_path / "m.tsv", "--curve", tmp_path / "c.tsv"]
    done = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
    assert done.exit_code == 0
    table = pd.read_csv(tmp_path / "m.tsv", sep="\t")
    overall = table[table["distance"] == "all"].set_index("predictor")
    assert overall["pairs"].tolist() == [7, 7]
    for predictor, rows in pd.read_csv(tmp_path / "c.tsv", sep="\t").groupby("predictor"):
        area = (rows["precision"] * rows["recall"].diff().fillna(rows["recall"])).sum()
        assert area == pytest.approx(overall.loc[predictor, "average_precision"])
        last = rows.iloc[-1]
        assert last["recall"] == 1
        share = overall.loc[predictor, "regulated"] / overall.loc[predictor, "pairs"]
        assert last["precision"] == pytest.approx(share)


def test_bad_tables_are_refused(files, tmp_path):
    def refused(rows, message, genes=GENES):
        path = tmp_path / "bad.tsv"
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
        with pytest.raises(UserError, match=message):
            crispr_pairs(path, genes)

    refused([{"chrom": "chr1", "x": 1}], r"bad\.tsv: no column 'chromStart'")
    refused(ROWS[1:3], "expected regulated and unregulated pairs, found one kind")
    refused(ROWS, r"none of its genes \(ONE \.\.\.\)", GENES.assign(gene_id="x", symbol="y"))
    with pytest.raises(UserError, match="no row with CellType WTC11 or WTC12; it has K562"):
        crispr_pairs(files["crispr.tsv"], GENES, ["WTC11", "wtc12"])
    pairs = crispr_pairs(files["crispr.tsv"], GENES)
    with pytest.raises(UserError, match="no column 'score'; it has gene_id, chrom"):
        overlap_scores(pairs, files["predictions.parquet"], "score")
    far = pairs.assign(start=10**6, end=10**6 + 9)
    with pytest.raises(UserError, match="no predicted element overlaps a tested one"):
        overlap_scores(far, files["predictions.parquet"])


@pytest.fixture(scope="module")
def k562(shared, tmp_path_factory):
    """Power-law ABC scores of the benchmark's genes, from real counts in 116,669 elements."""
    folder = tmp_path_factory.mktemp("k562")
    counts, data = shared / "data/k562_counts_hg38", shared / "data"
    names = ["chrom", "start", "end", "gene_id", "score", "strand"]
    bed = pd.read_csv(counts / "GeneList.TSS1kb.bed.gz", sep="\t", names=names)
    split = pd.read_csv(
        data / "genes/leave_chrom_out_crossvalidation_split_18377genes.csv.gz"
    ).set_index("ENSID")
    genes = bed.drop_duplicates("gene_id").reset_index(drop=True)
    genes["symbol"] = genes["gene_id"].map(split["Gene name"]).fillna("")
    genes["tss"] = (genes["start"] + genes["end"]) // 2
    genes["source"] = "table"
    write_table(genes, folder / "genes.tsv")
    reference = data / "reference_hg38"
    out = ActivityOutputs(*(folder / n for n in ("elements.parquet", "genes.parquet", "q.json")))
    element, promoter = (
        {
            "dnase": [counts / f"{kind}.DHS.ENCFF257HEE.bam.CountReads.bedgraph.gz"],
            "h3k27ac": [counts / f"{kind}.H3K27ac.ENCFF232RQF.bam.CountReads.bedgraph.gz"],
        }
        for kind in ("Enhancers", "Genes.TSS1kb")
    )
    tables = CountTables(
        element, promoter, counts / "GeneList.TSS1kb.bed.gz", {"dnase": [1e6], "h3k27ac": [1e6]}
    )
    sizes = reference / "GRCh38_EBV.no_alt.chrom.sizes.tsv"
    qnorm = reference / "EnhancersQNormRef.K562.txt"
    inputs = ActivityInputs(element["dnase"][0], folder / "genes.tsv", sizes, [], [], qnorm)
    activity_from_counts(tables, inputs, 500, 0.01, out)
    benchmark_table = data / "crispr/EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
    pairs = crispr_pairs(benchmark_table, genes, ["K562"])
    wanted = genes[genes["gene_id"].isin(pairs["gene_id"])].reset_index(drop=True)
    scores = scores_by_chromosome(
        pd.read_parquet(out.elements), wanted, None, ContactModel(), 5_000_000
    )
    write_scores(scores, folder / "predictions.parquet", ContactModel(), measured=False)
    return folder, benchmark_table


def test_real_k562_reaches_the_known_average_precision(k562):
    folder, table = k562
    quality = json.loads((folder / "q.json").read_text())
    assert quality["quantile_normalized"]["value"] == 1
    command = ["crispr", "--predictions", str(folder / "predictions.parquet")]
    command += ["--crispr", str(table), "--genes", str(folder / "genes.tsv"), "--samples", "100"]
    command += ["--out", str(folder / "m.tsv"), "--curve", str(folder / "c.tsv")]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    metrics = pd.read_csv(folder / "m.tsv", sep="\t").set_index(["predictor", "distance"])
    overall = metrics.xs("all", level="distance")
    assert overall["pairs"].tolist() == [10_356] * 2
    assert overall["regulated"].tolist() == [471] * 2
    assert overall.loc["abc_score", "average_precision"] >= 0.54
    assert overall.loc["distance", "average_precision"] == pytest.approx(0.415, abs=0.0005)
    assert overall.loc["abc_score", "low"] > overall.loc["distance", "average_precision"]
    recall = pd.read_csv(folder / "c.tsv", sep="\t").groupby("predictor")["recall"]
    assert (recall.max() == 1).all()
