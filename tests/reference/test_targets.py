from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from typer.testing import CliRunner

from gexpipe.cli.reference import app
from gexpipe.errors import UserError
from gexpipe.reference.expression import gene_tpm
from gexpipe.reference.genes import write_table
from gexpipe.reference.targets import (
    cage_bigwig,
    cage_ctss,
    published_column,
    target_table,
    transform,
)

# Window of 384 around 1000: [808, 1192). The tags at its edges are the first and last inside.
TAGS = [
    ("chr1", 807, 100, "+"),
    ("chr1", 808, 1, "+"),
    ("chr1", 1191, 2, "-"),
    ("chr1", 1192, 100, "-"),
    ("chr1", 1990, 4, "+"),
    ("chr1", 2000, 8, "-"),
    ("chr2", 0, 16, "+"),
]


@pytest.fixture
def ctss(tmp_path):
    lines = [f"{c}\t{s}\t{s + 1}\t{c}:{s}\t{n}\t{strand}\n" for c, s, n, strand in reversed(TAGS)]
    path = tmp_path / "library.ctss.bed.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


@pytest.fixture
def bigwig(tmp_path):
    path = tmp_path / "library.bigWig"
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader([("chr1", 5000), ("chr2", 200)])
        track.addEntries(
            [c for c, _, _, _ in TAGS],
            [s for _, s, _, _ in TAGS],
            ends=[s + 1 for _, s, _, _ in TAGS],
            values=[float(n) for _, _, n, _ in TAGS],
        )
    return path


def test_ctss_both_strands_and_own_strand(ctss, genes):
    np.testing.assert_array_equal(cage_ctss(ctss, genes, 384, "both"), [3, 12, 16])
    np.testing.assert_array_equal(cage_ctss(ctss, genes, 384, "same"), [1, 8, 16])


def test_bigwig_equals_ctss_of_both_strands(bigwig, genes):
    np.testing.assert_array_equal(cage_bigwig(bigwig, genes, 384), [3, 12, 16])


def test_several_libraries_are_added(ctss, bigwig, genes, tmp_path):
    write_table(genes, tmp_path / "genes.tsv")
    command = ["target", "--source", "cage", "--genes", str(tmp_path / "genes.tsv")]
    command += ["--file", str(ctss), "--file", str(bigwig), "--out", str(tmp_path / "target.tsv")]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    table = pd.read_csv(tmp_path / "target.tsv", sep="\t")
    assert table["raw"].tolist() == [6, 24, 32]
    np.testing.assert_allclose(table["target"], np.log10([7, 25, 33]))


def test_cage_on_other_names_is_refused(ctss, bigwig, genes):
    renamed = genes.assign(chrom=genes["chrom"].str.removeprefix("chr"))
    with pytest.raises(UserError, match=r"none of its chromosomes \(chr1, chr2\) carries a gene"):
        cage_ctss(ctss, renamed, 384, "both")
    with pytest.raises(UserError, match=r"\(1, 2\)"):
        cage_bigwig(bigwig, renamed, 384)


def test_files_that_are_no_cage(tmp_path, genes):
    text = tmp_path / "text.bed"
    text.write_text("chr1\tone\t2\tn\t1\t+\n")
    with pytest.raises(UserError, match=r"text\.bed, row 1: start is 'one'"):
        cage_ctss(text, genes, 384, "both")
    with pytest.raises(UserError, match=r"text\.bed: not a readable bigWig"):
        cage_bigwig(text, genes, 384)


def test_rnaseq_by_id_then_symbol_with_the_maximum(tmp_path, genes):
    path = tmp_path / "tpm.tsv"
    # G1 by id (its symbol's value is ignored); TWO by symbol, the larger; THREE is absent.
    path.write_text("gene\tTPM\nG1\t1.5\nONE\t99\nTWO\t2\nTWO\t7\nTWO\tNA\nOTHER\t5\n")
    values = gene_tpm(path, genes)
    np.testing.assert_array_equal(values, [1.5, 7, np.nan])
    table = target_table(genes, values, "log10p1")
    assert table["target"].isna().tolist() == [False, False, True]
    path.write_text("gene\tTPM\nOTHER\t5\n")
    with pytest.raises(UserError, match=r"none of its names .* is a gene id or symbol"):
        gene_tpm(path, genes)


def test_a_gene_without_symbol_does_not_borrow_a_value(tmp_path, genes):
    path = tmp_path / "tpm.tsv"
    path.write_text("G1\t1.5\n\t42\n")
    values = gene_tpm(path, genes.assign(symbol=""))
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan])


def test_real_rnaseq_matches_the_genes_of_the_papers(shared):
    folder = shared / "data"
    names = pd.read_csv(folder / "genes/leave_chrom_out_split.sample2000.csv.gz")
    genes = pd.DataFrame({"gene_id": names["ENSID"], "symbol": names["Gene name"].fillna("")})
    values = gene_tpm(folder / "expression/K562.RNAseq.ENCFF934YBO.TPM.txt.gz", genes)
    assert np.isfinite(values).mean() > 0.95


def test_published_column_in_gene_order(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("ENSID,K562\nA,1\nB,2\n")
    np.testing.assert_array_equal(published_column(path, "K562", ["B", "C", "A"]), [2, np.nan, 1])
    with pytest.raises(UserError, match="no column 'HepG2'"):
        published_column(path, "HepG2", ["A"])


def test_transform_and_expression_that_is_all_zero(genes):
    np.testing.assert_allclose(transform(np.array([0.0, 99.0]), "log10p1"), [0, 2])
    np.testing.assert_array_equal(transform(np.array([3.0]), "none"), [3])
    with pytest.raises(UserError, match="no gene has any expression"):
        target_table(genes, np.zeros(3), "none")


def test_every_gene_of_the_papers_that_the_rnaseq_table_has_gets_its_value(shared):
    """Symbols such as AC011997.1 keep their ending."""
    folder = shared / "data"
    split = folder / "genes/leave_chrom_out_crossvalidation_split_18377genes.csv.gz"
    names = pd.read_csv(split)
    genes = pd.DataFrame({"gene_id": names["ENSID"], "symbol": names["Gene name"].fillna("")})
    values = gene_tpm(folder / "expression/K562.RNAseq.ENCFF934YBO.TPM.txt.gz", genes)
    assert np.isfinite(values).sum() == 17_860
