from __future__ import annotations

import gzip

import pytest

from gexpipe.errors import UserError
from gexpipe.reference.genes import GENE_COLUMNS, genes_from_table, read_genes, write_table

CHROMOSOMES = ["chr1", "chrX"]


def write(tmp_path, text, name="genes.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_names_of_the_published_table(tmp_path):
    path = write(tmp_path, "ENSID,Gene name,chrom,TSS_xpresso\nA,ONE,1,500\nB,,X,7\nC,THREE,2,9\n")
    table = genes_from_table(path, CHROMOSOMES)
    assert list(table.columns) == GENE_COLUMNS
    assert table["gene_id"].tolist() == ["A", "B"]
    assert table["symbol"].tolist() == ["ONE", ""]
    assert table["chrom"].tolist() == ["chr1", "chrX"]
    assert table["tss"].tolist() == [500, 7]
    assert table["strand"].tolist() == [".", "."]
    assert (table["end"] - table["start"]).tolist() == [1, 1]


def test_the_tss_column_is_chosen_on_purpose_and_recorded(tmp_path):
    path = write(tmp_path, "ENSID,Gene name,chrom,TSS,TSS_xpresso\nA,ONE,1,500,700\n")
    chosen = genes_from_table(path, CHROMOSOMES, "TSS_xpresso")
    assert chosen[["tss", "source"]].values.tolist() == [[700, "table:TSS_xpresso"]]
    first = genes_from_table(path, CHROMOSOMES)
    assert first[["tss", "source"]].values.tolist() == [[500, "table:TSS"]]
    with pytest.raises(UserError, match="no column TSS_cage; it has ENSID, Gene name, chrom, TSS"):
        genes_from_table(path, CHROMOSOMES, "TSS_cage")


def test_own_names_strands_and_gzip(tmp_path):
    text = "gene_id\tsymbol\tchrom\ttss\tstrand\tstart\tend\nA\tONE\tchr1\t500\t-1\t400\t501\n"
    path = tmp_path / "genes.tsv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    row = genes_from_table(path, CHROMOSOMES).iloc[0]
    assert (row["strand"], row["start"], row["end"]) == ("-", 400, 501)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ENSID,Gene name,chrom,TSS\nA,ONE,1,5\nB,TWO,1,soon\n",
            "row 3: TSS is 'soon', expected",
        ),
        ("ENSID,Gene name,chrom,TSS\nA,ONE,1,5\nA,TWO,1,6\n", "row 3: A .* this gene stands twice"),
        ("ENSID,Gene name,chrom\nA,ONE,1\n", "no column tss or TSS or TSS_xpresso; it has ENSID"),
        ("ENSID,Gene name,chrom,TSS\nA,ONE,5,5\n", "no gene on chr1, chrX"),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        genes_from_table(write(tmp_path, text), CHROMOSOMES)


def test_gene_table_round_trip(genes, tmp_path):
    path = tmp_path / "genes.tsv"
    # A symbol that pandas would take for a missing value.
    genes.loc[0, "symbol"] = "NA"
    write_table(genes, path)
    assert read_genes(path).equals(genes)
    write_table(genes.drop(columns="tss"), path)
    with pytest.raises(UserError, match="missing column 'tss'"):
        read_genes(path)


def test_real_table_has_every_gene(shared):
    path = shared / "data/genes/mRNA_halflife_features.csv.gz"
    table = genes_from_table(path, [f"chr{n}" for n in [*range(1, 23), "X", "Y"]])
    assert len(table) == 18_377


def test_a_damaged_table_is_named(tmp_path):
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(b"ENSID,Gene name,chrom,TSS\n" + b"A,ONE,1,5\n" * 999)[:-20])
    with pytest.raises(UserError, match=r"cut\.csv\.gz: its gzip compression is cut off"):
        genes_from_table(path, CHROMOSOMES)
