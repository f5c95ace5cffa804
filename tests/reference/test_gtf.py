from __future__ import annotations

import gzip

import pytest

from gexpipe.errors import UserError
from gexpipe.reference.genes import GENE_COLUMNS, genes_from_gtf
from gexpipe.reference.gtf import read_gtf, representative_transcripts

EXONS = [(100, 200), (300, 400)]


def chosen(write_gtf, lines):
    return representative_transcripts(read_gtf(write_gtf(lines), ["chr1"]))


def test_coordinates_become_half_open_and_versions_are_dropped(models, write_gtf):
    name = ("ENSG00000000001.7", "ONE", "ENST1.2")
    table = chosen(write_gtf, models("+", name, EXONS, [(150, 200)]))
    row = table.iloc[0]
    assert (row["gene_id"], row["symbol"]) == ("ENSG00000000001", "ONE")
    assert (row["start"], row["end"], row["tss"], row["strand"]) == (100, 400, 100, "+")


def test_the_tss_of_the_reverse_strand_is_the_last_base(models, write_gtf):
    table = chosen(write_gtf, models("-", ("G", "ONE", "T"), EXONS, [(150, 200)]))
    assert table["tss"].tolist() == [399]


def test_mane_before_canonical_before_longest_cds(models, write_gtf):
    short, middle, long = [(150, 160)], [(150, 180)], [(150, 200)]
    lines = models("+", ("G", "ONE", "LONG"), EXONS, long)
    rules = [("longest_CDS", "LONG")]
    lines += models("+", ("G", "ONE", "CANON"), EXONS, middle, extra='tag "Ensembl_canonical";')
    rules += [("Ensembl_canonical", "CANON")]
    lines += models(
        "+", ("G", "ONE", "MANE"), EXONS, short, extra='tag "basic"; tag "MANE_Select";'
    )
    rules += [("MANE_Select", "MANE")]
    for number, (rule, transcript) in enumerate(rules, start=1):
        table = chosen(write_gtf, lines[: 4 * number])
        assert table[["source", "transcript_id"]].to_numpy().tolist() == [[rule, transcript]]


@pytest.mark.parametrize(("strand", "winner"), [("+", "A"), ("-", "B")])
def test_equal_cds_goes_to_the_longest_5utr_of_the_strand(models, write_gtf, strand, winner):
    cds = [(150, 180)]
    lines = models(strand, ("G", "ONE", "A"), [(100, 190)], cds)
    lines += models(strand, ("G", "ONE", "B"), [(140, 300)], cds)
    assert chosen(write_gtf, lines)["transcript_id"].tolist() == [winner]


def test_equal_cds_and_5utr_goes_to_the_longest_3utr(models, write_gtf):
    lines = models("+", ("G", "ONE", "A"), [(100, 190)], [(150, 180)], stop=(180, 183))
    lines += models("+", ("G", "ONE", "B"), [(100, 200)], [(150, 180)], stop=(180, 183))
    assert chosen(write_gtf, lines)["transcript_id"].tolist() == ["B"]


def test_only_protein_coding_genes_with_a_cds(models, write_gtf):
    lines = models("+", ("G", "ONE", "A"), EXONS, [(150, 180)])
    lines += models("+", ("NOCDS", "TWO", "B"), EXONS, [])
    lines += [line.replace("protein_coding", "lncRNA").replace('"G"', '"H"') for line in lines[:4]]
    table = genes_from_gtf(write_gtf(lines), ["chr1"])
    assert table["gene_id"].tolist() == ["G"]
    assert list(table.columns) == GENE_COLUMNS


def test_ensembl_calls_the_type_biotype(models, write_gtf):
    lines = models("+", ("G", "ONE", "A"), EXONS, [(150, 180)])
    lines = [line.replace("gene_type", "gene_biotype") for line in lines]
    assert len(chosen(write_gtf, lines)) == 1


def test_refusals_show_both_sides(models, write_gtf, tmp_path):
    path = write_gtf(models("+", ("G", "ONE", "A"), EXONS, [(150, 180)]))
    with pytest.raises(UserError, match=r"models\.gtf: no gene models on chr2 \.\.\.; it has chr1"):
        read_gtf(path, ["chr2"])
    path.write_text(path.read_text().replace("protein_coding", "lncRNA"))
    with pytest.raises(UserError, match=r"no gene of gene_type \(or gene_biotype\) protein_coding"):
        read_gtf(path, ["chr1"])
    cut = tmp_path / "cut.gtf.gz"
    cut.write_bytes(gzip.compress(path.read_bytes())[:-20])
    with pytest.raises(UserError, match=r"cut\.gtf\.gz"):
        read_gtf(cut, ["chr1"])


def test_real_gencode_chr19(shared):
    path = shared / "data/annotation/gencode.v24.annotation_chr19.gtf.gz"
    table = genes_from_gtf(path, ["chr19"])
    assert len(table) > 1300
    assert not table["gene_id"].str.contains(".", regex=False).any()
    apoe = table.set_index("symbol").loc["APOE"]
    assert (apoe["gene_id"], apoe["strand"]) == ("ENSG00000130203", "+")
    with gzip.open(path, "rt") as handle:
        lines = [line.split("\t") for line in handle if "\tgene\t" in line]
    bodies = {f[8].split('"')[1].partition(".")[0]: (int(f[3]) - 1, int(f[4])) for f in lines}
    found = zip(table["gene_id"], table["start"], table["end"], strict=True)
    assert all((start, end) == bodies[gene] for gene, start, end in found)
