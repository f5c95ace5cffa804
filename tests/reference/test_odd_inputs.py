"""Files as Excel, browsers and old tools write them, at the command line: right, or one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from typer.testing import CliRunner

from gexpipe.cli import abc, evaluate, reference
from gexpipe.errors import UserError
from gexpipe.gene_ids import without_version
from gexpipe.reference.genes import read_genes

SIZES = {"chr1": 100_000, "chr2": 50_000}
GENES = [
    ("ENSG00000000001", "A", "chr1", 20000, "+", 20000, 30000),
    ("ENSG00000000002", "AC011997.1", "chr1", 80000, "-", 70000, 80001),
    ("g.77", "C", "chr2", 25000, "+", 25000, 26000),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with genes, sizes, peaks and reads."""
    monkeypatch.chdir(tmp_path)
    head = "gene_id\tsymbol\tchrom\ttss\tstrand\tstart\tend\tsource\n"
    text = "".join("\t".join(map(str, [*gene, "table"])) + "\n" for gene in GENES)
    Path("genes.tsv").write_text(head + text)
    Path("sizes").write_text("".join(f"{n}\t{s}\n" for n, s in SIZES.items()))
    Path("p.narrowPeak").write_text("chr1\t50000\t50300\tp\t10\t.\t5\t3\t2\t150\n")
    places = [("chr1", 20000), ("chr1", 50010), ("chr2", 10000)]
    Path("r.tagAlign").write_text("".join(f"{c}\t{p}\t{p + 36}\tN\t0\t+\n" for c, p in places))
    return tmp_path


def call(app, line: str) -> None:
    done = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output


def candidates(black: str) -> list[str]:
    call(
        abc.app,
        f"candidates --peaks p.narrowPeak --bam r.tagAlign --genes genes.tsv --chrom-sizes sizes "
        f"--blacklist {black} --out out.bed",
    )
    return Path("out.bed").read_text().splitlines()


MASKED = 3  # promoters; the one peak is blacklisted


@pytest.mark.parametrize(
    "content",
    [
        b"chr1\t49000\t51000\n",
        b"\xef\xbb\xbfchr1\t49000\t51000\n",
        "chr1\t49000\t51000\n".encode("utf-16"),
        b"chr1\t49000\t51000\r\n",
        b"chr1\t49000\t51000",
        b"chr1 49000 51000\n",
        b"browser position chr1\ntrack name=x\n#c\n\nchr1\t49000\t51000\n",
        b"chrom\tchromStart\tchromEnd\nchr1\t49000\t51000\n",
        b'chr1\t49000\t51000\ta "quoted\nchr2\t1\t2\tb\n',
        gzip.compress(b"chr1\t49000\t51000\n", mtime=0),
    ],
)
def test_a_blacklist_masks_however_it_is_written(folder, content):
    Path("b.bed").write_bytes(content)
    assert len(candidates("b.bed")) == MASKED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"#\n\nchr1\t51000\t49000\n",
            r"b\.bed, row 3: found chr1 51000 49000, expected 0 <= start",
        ),
        (b"chr1\t49,000\t51,000\n", r"b\.bed, row 1: start is '49,000', expected a whole number"),
        (b"chr1\t49000\t100001\n", r"b\.bed, row 1: .* which has 100,000 bp: another assembly\?"),
        (
            b"1\t49000\t51000\n",
            r"b\.bed: chromosome names do not match: it has 1; the genome has chr1",
        ),
        (b"chr1\t49000\n", r"b\.bed, row 1: 2 columns, expected 3"),
        (b"\t49000\t51000\n", r"b\.bed, row 1: chrom is empty"),
        (b"chr1\t1\t2\nchr1\t49000\t51000\tr\xe9gion\n", r"b\.bed, row 2: not UTF-8 text"),
        (
            gzip.compress(b"chr1\t49000\t51000\n" * 99, mtime=0)[:-9],
            r"b\.bed: its gzip .* cut off or damaged",
        ),
    ],
)
def test_a_blacklist_that_is_none_is_one_line(folder, content, message):
    Path("b.bed").write_bytes(content)
    with pytest.raises(UserError, match=message):
        candidates("b.bed")
    assert not Path("out.bed").exists()


def test_reads_past_an_end_are_cut_and_counted(folder, caplog):
    Path("r.tagAlign").write_text("chr1\t-4\t32\tN\nchr1\t50010\t50046\tN\nchr2\t49990\t50010\tN\n")
    Path("b.bed").write_text("chr2\t1\t2\n")
    candidates("b.bed")
    assert "2 reads cut at a chromosome's end" in caplog.text
    Path("r.tagAlign").write_text("chr1\t50010\t50046\tN\nchr2\t60000\t60036\tN\n")
    with pytest.raises(UserError, match=r"r\.tagAlign, row 2: .* another assembly\?"):
        candidates("b.bed")


def raw(files: str, source: str = "rnaseq") -> list[float]:
    options = " ".join(f"--file {name}" for name in files.split())
    call(reference.app, f"target --source {source} --genes genes.tsv {options} --out target.tsv")
    return pd.read_csv("target.tsv", sep="\t")["raw"].tolist()


TABLES = {
    "RSEM": "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM\n"
    "10904\t10904\t93\t0\t0\t0\t0\nENSG00000000001.3\tT\t9\t9\t99\t12.5\t9\n"
    "ENSG00000000002.1\tT\t9\t9\t99\t0.5\t9\ng.77\tT\t9\t9\t99\t44.1\t9\n",
    "StringTie": "Gene ID\tGene Name\tReference\tStrand\tStart\tEnd\tCoverage\tFPKM\tTPM\n"
    "ENSG00000000001.3\tA\t1\t+\t1\t2\t3\t4\t12.5\nENSG00000000002\tB\t1\t+\t1\t2\t3\t4\t0.5\n"
    "g.77\tC\t1\t+\t1\t2\t3\t4\t44.1\n",
    "Salmon": "Name\tLength\tEffectiveLength\tTPM\tNumReads\n"
    "ENST00000000001.1|ENSG00000000001.3|x|\t9\t9\t12\t1\n"
    "ENST00000000002.1|ENSG00000000001.3|x|\t9\t9\t0.5\t1\n"
    "ENST00000000003.1|ENSG00000000002.1|x|\t9\t9\t0.5\t1\ng.77\t9\t9\t44.1\t1\n",
    "kallisto": "target_id\tlength\teff_length\test_counts\ttpm\n"
    "ENSG00000000001\t9\t9\t9\t12.5\nENSG00000000002\t9\t9\t9\t0.5\ng.77\t9\t9\t9\t44.1\n",
    "plain": "A\t12.5\nAC011997.1\t0.5\ng.77\t44.1\n",
    "semicolons": "gene;TPM\nA;12.5\nAC011997.1;0.5\nC;44.1\n",
}


@pytest.mark.parametrize("kind", ["RSEM", "StringTie", "Salmon", "kallisto", "plain", "semicolons"])
def test_tables_of_expression_are_known_by_their_headers(folder, kind):
    Path("t.tsv").write_text(TABLES[kind])
    assert raw("t.tsv") == pytest.approx([12.5, 0.5, 44.1])


def test_reads_of_featurecounts_become_tpm(folder):
    Path("t.tsv").write_text(
        '# Program:featureCounts v2.0.6; Command:"x"\n'
        "Geneid\tChr\tStart\tEnd\tStrand\tLength\ts.bam\n"
        "ENSG00000000001\tchr1\t1\t2\t+\t1000\t10\nENSG00000000002\tchr1\t1\t2\t+\t500\t10\n"
        "g.77\tchr1\t1\t2\t+\t1000\t0\n"
    )
    assert raw("t.tsv") == pytest.approx([1e6 / 3, 2e6 / 3, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\tTPM\nA\t12,5\n", r"t\.tsv, row 2: TPM is '12,5', expected a number \(a comma"),
        ("gene\tTPM\nA\t-1.5\n", r"t\.tsv, row 2: TPM is -1.5: TPM are not negative"),
        ("gene\tlog2TPM\nA\t1.5\n", r"t\.tsv: no column TPM"),
        ("gene\tFPKM\nA\t1.5\n", r"t\.tsv: no column TPM; it has gene, FPKM"),
        ("gene\tTPM\nA\tx\n", r"t\.tsv, row 2: TPM is 'x', expected a number"),
        ("gene\tTPM\nA\t1\textra\n", r"t\.tsv, row 2|no column TPM|3 columns"),
        ("Name\tTPM\nENST00000000001\t3\n", r"t\.tsv, row 2: ENST00000000001 is a transcript"),
        ('gene\tTPM\nA\t1\n"B\t2\nC\t3\n', r"t\.tsv, row 3"),
        ("".join(f"x{i}\t{i % 9}.5\n" for i in range(2000)), r"t\.tsv: .* on a logarithmic scale"),
        ("A\t3000000\nC\t1\n", r"t\.tsv: its values sum to 3,000,001: TPM sum to a million"),
        ("A\t1\tB\t2\n", r"t\.tsv"),
    ],
)
def test_what_is_no_tpm_is_refused(folder, text, message):
    Path("t.tsv").write_text(text)
    with pytest.raises(UserError, match=message):
        raw("t.tsv")


def test_replicates_of_rnaseq_are_averaged(folder):
    Path("a.tsv").write_text("A\t10\nC\t1\n")
    Path("b.tsv").write_text("A\t30\nC\t3\n")
    found = raw("a.tsv b.tsv")
    assert found[0] == 20 and np.isnan(found[1]) and found[2] == 2


def test_dates_of_a_spreadsheet_are_counted(folder, caplog):
    Path("a.tsv").write_text("A\t10\n2-Sep\t1\n1-Mar\t3\n")
    raw("a.tsv")
    assert "2 gene symbols are dates" in caplog.text


def track(name: str, *values: float) -> None:
    with pyBigWig.open(name, "w") as out:
        out.addHeader(list(SIZES.items()))
        for start, value in zip((19_990, 20_010), values, strict=False):
            out.addEntries(["chr1"], [start], ends=[start + 10], values=[value])


def test_a_minus_strand_below_zero_counts_as_it_stands(folder):
    track("plus.bigWig", 5.0)
    track("minus.bigWig", -4.0, -1.0)
    assert raw("plus.bigWig minus.bigWig", "cage")[0] == 100
    track("mixed.bigWig", -4.0, 1.0)
    with pytest.raises(UserError, match=r"mixed\.bigWig: values from -4 to 1: counts are not"):
        raw("mixed.bigWig", "cage")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t20000\t20001\tn\t\t+", r"c\.bed, row 2: count is empty"),
        (
            "chr1\t20000\t20001\tn\t-3\t+",
            r"c\.bed, row 2: .* count is '-3', expected a number >= 0",
        ),
        ("chr1\t20000\t20001\tn\tnan\t+", r"c\.bed, row 2: .* count is 'nan'"),
        ("chr1\t20000\t20001\tn\t3\t.", r"c\.bed, row 2: .* strand is '\.', expected \+ or -"),
    ],
)
def test_a_bad_tag_is_named(folder, line, message):
    Path("c.bed").write_text(f"chr1\t1\t2\tn\t1\t+\n{line}\n")
    with pytest.raises(UserError, match=message):
        raw("c.bed", "cage")


HEAD = "gene_id,symbol,chrom,tss,strand,start,end\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + 'G1,A,chr1,5,+,"20,000",30000\n', r"t\.csv, row 2: start is '20,000'"),
        ("# mine\n\n" + HEAD + "G1,A,chr1,five,+,1,9\n", r"t\.csv, row 4: tss is 'five'"),
        (HEAD + "G1,A,chr1,5,+,9,1\n", r"t\.csv, row 2: G1 chr1 9 1: expected 0 <= start < end"),
        (HEAD + "G1,A,chr1,5,plus,1,9\n", r"t\.csv, row 2: strand is 'plus'"),
        (HEAD + "G1,A,chr1,5,+,1\n", r"t\.csv, row 2: 6 columns, the header has 7"),
        (HEAD + "G1,A,chr1,5,+,1,9\nG1,A,chr1,5,+,1,9\n", r"t\.csv, row 3: G1 .* stands twice"),
        (HEAD, r"t\.csv: this gene table has no rows"),
        (
            HEAD.replace("symbol", "tss") + "G1,A,chr1,5,+,1,9\n",
            r"t\.csv, row 1: column 'tss' stands",
        ),
        (HEAD + '"G1,A,chr1,5,+,1,9\n', r"t\.csv, row 2: cannot be split into columns"),
    ],
)
def test_a_bad_gene_table_is_one_line(folder, text, message):
    Path("t.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        call(reference.app, "genes --source table --table t.csv --chromosome chr1 --out g.tsv")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_gene_called_na_keeps_its_name_in_any_encoding(folder, encoding):
    text = (HEAD + "G1,NA,1,5,1,1,9\nG2,\u00e9,chr1,7,-1,1,9\n").replace("\n", "\r\n")
    Path("t.csv").write_bytes(text.encode(encoding))
    call(reference.app, "genes --source table --table t.csv --chromosome chr1 --out g.tsv")
    found = read_genes("g.tsv")
    assert found["symbol"].tolist() == ["NA", "\u00e9"]
    assert found["strand"].tolist() == ["+", "-"]
    assert found["chrom"].tolist() == ["chr1", "chr1"]


def test_only_ensembl_ids_have_versions():
    names = pd.Series(
        ["ENSG00000000001.3", "ENSG1.5_2", "ENSG1.2_PAR_Y", "ENSMUSG01.1", "AC011997.1", "g.12"]
    )
    expected = ["ENSG00000000001", "ENSG1", "ENSG1_PAR_Y", "ENSMUSG01", "AC011997.1", "g.12"]
    assert without_version(names).tolist() == expected


def test_predictions_may_be_a_table(folder):
    Path("p.tsv").write_text(
        "gene_id\tchrom\tstart\tend\tabc_score\n"
        "ENSG00000000001\tchr1\t100\t200\t0.5\nENSG00000000001\tchr1\t900\t990\t0.1\n"
    )
    Path("c.tsv").write_text(
        "chrom\tchromStart\tchromEnd\tstartTSS\tendTSS\tmeasuredGeneSymbol\tRegulated\n"
        "chr1\t150\t160\t20000\t20001\tA\tTRUE\nchr1\t950\t960\t20000\t20001\tA\tFALSE\n"
    )
    line = "crispr --predictions {} --crispr c.tsv --genes genes.tsv --out out.tsv --samples 5"
    call(evaluate.app, line.format("p.tsv"))
    found = pd.read_csv("out.tsv", sep="\t").set_index("predictor")
    assert found.loc["abc_score", "average_precision"].max() == 1
    Path("half.parquet").write_bytes(b"PAR1" + bytes(50))
    with pytest.raises(UserError, match=r"half\.parquet: not a readable prediction file"):
        call(evaluate.app, line.format("half.parquet"))
