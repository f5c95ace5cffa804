"""Bins, prompts, the Geuvadis target: from files to what training reads."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from gexpipe.bins.release import unpack
from gexpipe.bins.store import BinStore, build_features, build_signals
from gexpipe.cli.gta import app
from gexpipe.errors import UserError
from gexpipe.reference.bin_centres import centred_genes
from gexpipe.reference.genes import GENE_COLUMNS
from gexpipe.reference.geuvadis import examples, median_expression, read_list
from gexpipe.reference.prompts import gene_records, layout
from gexpipe.tables.bootstrap import spearman_error
from tests.gta.test_sei import Counts

WIDTH, BINS, LONG = 100, 5, 3000
TSS = {"G1": ("chr1", 120), "G2": ("chr1", 1500), "G3": ("chr1", 2990), "G4": ("chr2", 700)}


@pytest.fixture
def genes() -> pd.DataFrame:
    rows = [(g, f"S{g}", c, t, "+", t, t + 9, "mane") for g, (c, t) in TSS.items()]
    return pd.DataFrame(rows, columns=GENE_COLUMNS)


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    chroms = {c: "".join(rng.choice(list("ACGT"), LONG)) for c in ("chr1", "chr2")}
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{c}\n{s}\n" for c, s in chroms.items()))
    return path


def expected(genome: Path, gene: str, bins: int) -> np.ndarray:
    """Counts of A and C in each bin, straight from the text; nothing off the chromosome."""
    text = dict(part.split("\n")[:2] for part in genome.read_text()[1:].split("\n>"))
    chrom, tss = TSS[gene]
    start = tss - bins * WIDTH // 2
    inside = range(LONG)
    rows = []
    for k in range(bins):
        places = range(start + k * WIDTH, start + (k + 1) * WIDTH)
        bases = "".join(text[chrom][i] for i in places if i in inside)
        rows.append([bases.count("A"), bases.count("C")])
    return np.array(rows, np.float32)


def test_features_of_bins_and_centre_crops(
    genome: Path, genes: pd.DataFrame, tmp_path: Path
) -> None:
    build_features(genome, genes, BINS, Counts(), tmp_path / "bins.zarr")
    store = BinStore(tmp_path / "bins.zarr")
    assert store.labels == ["A", "C"] and store.gene_ids == list(TSS)
    found = store.read([0, 1, 2, 3], BINS)
    for row, gene in zip(found, TSS, strict=True):
        np.testing.assert_array_equal(row, expected(genome, gene, BINS))
    assert not found[2, -2:].any(), "N off the chromosome"
    narrow = store.read([1, 3], 3)
    np.testing.assert_array_equal(narrow[1], found[3, 1:4])
    np.testing.assert_array_equal(narrow[0], expected(genome, "G2", 3))
    with pytest.raises(UserError, match=r"7, expected an odd number of at most 5"):
        store.read([0], 7)
    with pytest.raises(UserError, match=r"4, expected an odd number"):
        build_features(genome, genes, 4, Counts(), tmp_path / "even.zarr")


class _Counted(Counts):
    calls = 0

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        _Counted.calls += 1
        return super().__call__(codes)


def test_unchanged_chromosomes_are_kept(genome: Path, genes: pd.DataFrame, tmp_path: Path) -> None:
    store = tmp_path / "bins.zarr"
    build_features(genome, genes, BINS, _Counted(), store)
    assert _Counted.calls == 4
    moved = genes.assign(tss=genes["tss"] + (genes["gene_id"] == "G4"))
    build_features(genome, moved, BINS, _Counted(), store)
    assert _Counted.calls == 5, "only chr2 was made again"


def test_signals_of_bins(genes: pd.DataFrame, tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(LONG).astype(np.float32)
    values[1400:1500] = 0
    path = tmp_path / "x.bw"
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader([("chr1", LONG)])
        track.addEntries("chr1", 0, values=values[:1400], span=1, step=1)
        track.addEntries("chr1", 1500, values=values[1500:], span=1, step=1)
    sizes = {"chr1": LONG, "chr2": LONG}
    build_signals({"x": path}, genes, sizes, BINS, WIDTH, tmp_path / "signals.zarr")
    found = BinStore(tmp_path / "signals.zarr").read([0, 1, 2, 3], BINS)[..., 0]
    padded = np.pad(values, 1000)
    for row, (chrom, tss) in zip(found, TSS.values(), strict=True):
        start = 1000 + tss - BINS * WIDTH // 2
        means = padded[start : start + BINS * WIDTH].reshape(BINS, WIDTH).mean(axis=1)
        np.testing.assert_allclose(row, means if chrom == "chr1" else 0, atol=3e-4)


GTF = """\
chr1	x	transcript	{a}	{b}	.	+	.	gene_id "G1"; transcript_id "T1"; gene_type "protein_coding"; gene_name "S1"; tag "MANE_Select";
chr1	x	exon	{a}	{b}	.	+	.	gene_id "G1"; transcript_id "T1"; gene_type "protein_coding"; gene_name "S1"; tag "MANE_Select";
chr1	x	CDS	{a}	{b}	.	+	.	gene_id "G1"; transcript_id "T1"; gene_type "protein_coding"; gene_name "S1"; tag "MANE_Select";
chr1	x	transcript	900	1700	.	-	.	gene_id "G2"; transcript_id "T2"; gene_type "protein_coding"; gene_name "S2"; tag "Ensembl_canonical";
chr1	x	exon	900	1700	.	-	.	gene_id "G2"; transcript_id "T2"; gene_type "protein_coding"; gene_name "S2";
chr1	x	CDS	900	1700	.	-	.	gene_id "G2"; transcript_id "T2"; gene_type "protein_coding"; gene_name "S2";
"""  # noqa: E501


def test_tss_by_source(genes: pd.DataFrame, tmp_path: Path) -> None:
    gtf = tmp_path / "models.gtf"
    gtf.write_text(GTF.format(a=201, b=800))
    mane = centred_genes(genes, gtf, ["mane"])
    assert mane[["gene_id", "tss", "source"]].to_numpy().tolist() == [["G1", 200, "mane"]]
    more = centred_genes(genes, gtf, ["mane", "canonical", "genes"])
    assert more["tss"].tolist() == [200, 1699, 2990, 700]
    assert more["source"].tolist() == ["mane", "canonical", "genes", "genes"]
    assert more["strand"].tolist() == ["+", "-", "+", "+"]
    assert centred_genes(genes, None, ["genes"])["tss"].tolist() == genes["tss"].tolist()
    with pytest.raises(UserError, match="'first', expected mane, canonical"):
        centred_genes(genes, gtf, ["first"])


INFO = """\
#tax_id	GeneID	Symbol	LocusTag	Synonyms	dbXrefs	chromosome	map_location	description	type_of_gene	Symbol_from_nomenclature_authority	Full_name_from_nomenclature_authority	Nomenclature_status	Other_designations	Modification_date	Feature_type
9606	1	A1BG	-	A1B|ABG|GAB|HYST2477	MIM:138670|HGNC:HGNC:5|Ensembl:ENSG00000121410|AllianceGenome:HGNC:5	19	19q13.43	alpha-1-B glycoprotein	protein-coding	A1BG	alpha-1-B glycoprotein	O	alpha-1B-glycoprotein|HEL-S-163pA|epididymis secretory sperm binding protein Li 163pA	20240407	-
9606	9	LONE	-	-	-	1	-	a lone gene	protein-coding	-	-	-	-	20240407	-
10090	11	Mouse1	-	-	Ensembl:ENSMUSG00000000001	1	-	of a mouse	protein-coding	-	-	-	-	20240407	-
"""  # noqa: E501
SUMMARY = (
    "#tax_id\tGeneID\tsource\tsummary\n"
    "9606\t1\tRefSeq\tThe protein encoded by this gene is a plasma glycoprotein of unknown "
    "function. The protein shows sequence similarity to the variable regions of some "
    "immunoglobulin supergene family member proteins. [provided by RefSeq, Jul 2008]\n"
)
A1BG = """\
# Task: Gene Expression Prediction on GM12878 lymphoblastoid cells.
# Official Gene Symbol: A1BG
# Official Gene Full Name: alpha-1-B glycoprotein
# Other Gene Aliases: A1B, ABG, GAB, HYST2477
# Other Gene Designations: alpha-1B-glycoprotein|HEL-S-163pA|epididymis secretory sperm binding protein Li 163pA
# Gene NCBI Summary Description: The protein encoded by this gene is a plasma glycoprotein of unknown function. The protein shows sequence similarity to the variable regions of some immunoglobulin supergene family member proteins. [provided by RefSeq, Jul 2008]
# Data:"""  # noqa: E501


def ncbi(folder: Path) -> tuple[Path, Path]:
    info, summaries = folder / "gene_info.gz", folder / "gene_summary"
    info.write_bytes(gzip.compress(INFO.encode()))
    summaries.write_text(SUMMARY)
    return info, summaries


def test_prompts_in_the_layout_of_figure_4(tmp_path: Path) -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG00000121410.2", "X", "Y"], "symbol": ["?", "LONE", "Y"]})
    table = gene_records(genes, *ncbi(tmp_path), "GM12878 lymphoblastoid cells")
    assert table["found"].tolist() == ["ensembl", "symbol", ""]
    assert table["prompt"][0] == A1BG
    assert table["prompt"][1].splitlines()[1:] == [
        "# Official Gene Symbol: LONE", "# Official Gene Full Name: a lone gene", "# Data:",
    ]  # fmt: skip
    assert table["prompt"][2].splitlines()[1:] == ["# Official Gene Symbol: Y", "# Data:"]
    assert layout({}, "K562 cells").splitlines()[0].endswith("Prediction on K562 cells.")


def test_broken_records_are_named(tmp_path: Path) -> None:
    info, summaries = ncbi(tmp_path)
    genes = pd.DataFrame({"gene_id": ["X"], "symbol": ["X"]})
    info.write_text(INFO + "9606\t1\n")
    with pytest.raises(UserError, match=r"gene_info.gz, row 5: 2 fields, expected 16"):
        gene_records(genes, info, summaries, "cells")
    info.write_text(INFO.replace("dbXrefs", "refs"))
    with pytest.raises(UserError, match="no column 'dbXrefs'"):
        gene_records(genes, info, summaries, "cells")


def test_median_of_the_real_table(shared: Path) -> None:
    path = next((shared / "data/geuvadis").glob("*.bed.gz"))
    found = median_expression(path, transform="none")
    raw = pd.read_csv(path, sep="\t")
    assert len(found) == 200 and not found.index.str.contains(".", regex=False).any()
    np.testing.assert_allclose(found, raw.iloc[:, 4:].median(axis=1), rtol=1e-12)
    some = list(raw.columns[4:11])
    narrow = median_expression(path, some, "none")
    np.testing.assert_allclose(narrow, raw[some].median(axis=1), rtol=1e-12)
    with pytest.raises(UserError, match=r"no individual 'HG9' \(1 are missing\)"):
        median_expression(path, ["HG9"])


def test_released_layout_and_bad_values(tmp_path: Path) -> None:
    path = tmp_path / "GD462.txt"
    head = "TargetID\tGene_Symbol\tChr\tCoord\tHG1\tHG2\tHG3\n"
    path.write_text(head + "ENSG1.4\tENSG1.4\t1\t5\t1\t9\t-3\nENSG2.1\tENSG2.1\t1\t5\t-1\t-2\t8\n")
    found = median_expression(path)
    np.testing.assert_allclose(found.loc[["ENSG1", "ENSG2"]], [np.log10(2), 0])
    path.write_text(head + "ENSG1.4\tENSG1.4\t1\t5\t1\tNA\t3\n")
    with pytest.raises(UserError, match=r"row 2: HG2 is 'NA', expected a number"):
        median_expression(path)


def many() -> tuple[pd.DataFrame, pd.Series]:
    ids = [f"ENSG{i}" for i in range(100)]
    table = pd.DataFrame({"gene_id": ids, "symbol": ids, "chrom": "chr1", "tss": 5, "strand": "+"})
    table["source"] = ["mane"] * 90 + ["genes"] * 10
    return table, pd.Series(np.arange(95.0), index=ids[:95])


def test_held_out_genes_and_validation() -> None:
    genes, target = many()
    held = [f"ENSG{i}.7" for i in range(10)] + ["ENSG99"]
    table = examples(genes, target, held)
    assert len(table) == 90
    for fold in (1, 12):
        parts = table[f"fold_{fold}"]
        assert parts.value_counts().to_dict() == {"train": 64, "valid": 16, "test": 10}
        assert set(table["gene_id"][parts == "test"]) == {f"ENSG{i}" for i in range(10)}
    assert not (table["fold_1"] == table["fold_12"]).all()
    pd.testing.assert_frame_equal(table, examples(genes, target, held))
    assert len(examples(genes, target, held, ["mane", "genes"])) == 95
    with pytest.raises(UserError, match="0 of 90 genes"):
        examples(genes, target, ["nothing"])


def test_bootstrap_error() -> None:
    rng = np.random.default_rng(2)
    a = rng.standard_normal(150)
    b = np.round(a + rng.standard_normal(150), 1)
    draws = np.random.default_rng(7).integers(0, 150, (400, 150))
    slow = 2 * np.std([spearmanr(a[d], b[d])[0] for d in draws], ddof=1)
    assert spearman_error(a, b, 400, seed=7) == pytest.approx(slow, rel=1e-9)
    assert spearman_error(a, b) == pytest.approx(slow, rel=0.15)


def test_lists_of_genes_and_individuals(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("# held out\nENSG1,1,169863408,SCYL3,-\nENSG2\t4\n\nNA12878\n")
    assert read_list(path) == ["ENSG1", "ENSG2", "NA12878"]


def test_release_of_sei_is_unpacked(tmp_path: Path) -> None:
    for name in ("sei.pth", "projvec_targets.npy", "target.names"):
        (tmp_path / name).write_text(name)
    with tarfile.open(tmp_path / "sei_model.tar.gz", "w:gz") as archive:
        for name in ("sei.pth", "projvec_targets.npy", "target.names"):
            archive.add(tmp_path / name, f"./model/{name}")
    unpack(tmp_path / "sei_model.tar.gz", tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"projvec_targets.npy", "sei.pth"}
    with tarfile.open(tmp_path / "sei_model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "sei.pth", "sei.pth")
    with pytest.raises(UserError, match=r"no projvec_targets\.npy"):
        unpack(tmp_path / "sei_model.tar.gz", tmp_path / "out")


def test_commands(tmp_path: Path, genes: pd.DataFrame) -> None:
    genes.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    info, summaries = ncbi(tmp_path)
    (tmp_path / "held.txt").write_text("# held out\nG1\n")
    table = pd.DataFrame({"TargetID": list(TSS), "HG1": 1.0, "HG2": 3.0, "HG3": 9.0})
    table.to_csv(tmp_path / "rpkm.tsv", sep="\t", index=False)
    assert read_list(tmp_path / "held.txt") == ["G1"]
    run = CliRunner().invoke
    common = ["--genes", str(tmp_path / "genes.tsv")]
    out = tmp_path / "prompts.parquet"
    arguments = ["--info", str(info), "--summaries", str(summaries), "--cells", "cells"]
    done = run(app, ["prompts", *common, *arguments, "--out", str(out)])
    assert done.exit_code == 0 and len(pd.read_parquet(out)) == 4
    out = tmp_path / "examples.parquet"
    arguments = ["--table", str(tmp_path / "rpkm.tsv"), "--held-out", str(tmp_path / "held.txt")]
    done = run(app, ["geuvadis", *common, *arguments, "--out", str(out)])
    assert done.exit_code == 0
    made = pd.read_parquet(out)
    np.testing.assert_allclose(made["target"], np.log10(4))
    assert made["fold_11"].tolist()[0] == "test"
