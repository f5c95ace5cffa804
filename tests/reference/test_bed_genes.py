"""The gene table from a BED file."""

import gzip

import pytest

from gexpipe.errors import UserError
from gexpipe.reference.bed_genes import genes_from_bed
from gexpipe.reference.genes import GENE_COLUMNS

TWO = (
    "track name=genes\n"
    "chr1\t100\t900\tENSG1|AAA\t0\t+\textra\n"
    "\n"
    "chr1\t100\t900\tENSG2\t0\t-\textra\n"
    "chr9\t5\t6\tENSG3|CCC\t0\t+\textra\n"
)


@pytest.mark.parametrize("zipped", [False, True])
def test_the_tss_is_that_of_abc(tmp_path, zipped):
    path = tmp_path / "genes.bed"
    path.write_bytes(gzip.compress(TWO.encode()) if zipped else TWO.encode())
    table = genes_from_bed(path, ["chr1"])
    assert list(table) == GENE_COLUMNS
    assert table["gene_id"].tolist() == ["ENSG1", "ENSG2"]
    assert table["symbol"].tolist() == ["AAA", ""]
    assert table["tss"].tolist() == [100, 900]
    assert table[["start", "end"]].to_numpy().tolist() == [[100, 900], [100, 900]]
    assert set(table["source"]) == {"bed"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t1\t9\tG2\t0\t.", r"row 2: strand of G2 is '\.', expected \+ or -"),
        ("chr1\t1\t9\tG2", "row 2: 4 columns, expected 6"),
        ("chr1\t9\t9\tG2\t0\t+", "row 2: found chr1 9 9, expected 0 <= start < end"),
        ("chr1\tx\t9\tG2\t0\t+", "row 2: start is 'x', expected a whole number"),
        ("chr1\t1\t9\tG1|B\t0\t+", r"row 2: name of G1\|B is 'G1\|B', expected each gene id once"),
        ("chr1\t1\t9\t.\t0\t+", "row 2: name"),
    ],
)
def test_a_bad_row_is_named(tmp_path, line, message):
    path = tmp_path / "genes.bed"
    path.write_text(f"chr1\t1\t9\tG1|A\t0\t+\n{line}\n")
    with pytest.raises(UserError, match=message):
        genes_from_bed(path, ["chr1"])


def test_no_gene_on_the_chromosomes_in_use(tmp_path):
    path = tmp_path / "genes.bed"
    path.write_text("1\t1\t9\tG1\t0\t+\n")
    with pytest.raises(UserError, match="no gene on chr1; it has 1"):
        genes_from_bed(path, ["chr1"])
