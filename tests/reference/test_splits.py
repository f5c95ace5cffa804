from __future__ import annotations

import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.folds import FOLDS, check_fold, fold_chromosomes, folds_of
from gexpipe.reference.splits import split_table

TABLE = "data/genes/leave_chrom_out_crossvalidation_split_18377genes.csv.gz"
NAMES = [f"fold_{fold}" for fold in FOLDS]


@pytest.fixture(scope="module")
def published(shared):
    table = pd.read_csv(shared / TABLE, dtype=str)
    return table.assign(chrom="chr" + table["chrom"], gene_id=table["ENSID"])


def test_all_twelve_folds_equal_the_published_table(published):
    ours = split_table(published)
    assert len(ours) == 18_377
    assert (ours["gene_id"] == published["gene_id"]).all()
    for name in NAMES:
        assert (ours[name] == published[name]).all(), name


def test_no_chromosome_is_in_two_parts_of_a_fold(published):
    ours = split_table(published)
    for name in NAMES:
        assert (ours.groupby("chrom")[name].nunique() == 1).all()
        assert set(ours[name]) == {"train", "valid", "test"}


def test_valid_and_test_are_disjoint_in_every_fold():
    for fold in FOLDS:
        valid, test = fold_chromosomes(fold)
        assert not valid & test
    with pytest.raises(UserError, match="fold 13 does not exist"):
        fold_chromosomes(13)


# Protein-coding genes of the mouse by chromosome, roughly.
MOUSE = [1400, 2000, 1150, 1450, 1400, 1300, 2100, 1150, 1350, 1150, 1800, 800, 950, 900, 850, 750,
         1150, 600, 750, 940, 20]  # fmt: skip


def test_a_mouse_gets_balanced_folds_that_test_every_gene_once():
    names = [f"chr{name}" for name in [*range(1, 20), "X", "Y"]]
    chrom = [name for name, count in zip(names, MOUSE, strict=True) for _ in range(count)]
    genes = pd.DataFrame({"gene_id": [f"M{i}" for i in range(len(chrom))], "chrom": chrom})
    table = split_table(genes, folds_of("auto", "mm39"))
    tested = (table[NAMES] == "test").sum(axis=1)
    assert (tested == 1).all() and ((table[NAMES] == "valid").sum(axis=1) == 1).all()
    sizes = (table[NAMES] == "test").sum()
    assert sizes.max() <= 1.3 * len(genes) / 12 and sizes.min() >= 0.7 * len(genes) / 12, sizes
    assert (table.groupby("chrom")[NAMES].nunique() == 1).all(axis=None)
    shuffled = genes.sample(frac=1, random_state=1)
    again = split_table(shuffled, "balanced").sort_index()
    pd.testing.assert_frame_equal(again, table)


def test_few_chromosomes_have_as_many_folds_and_no_more():
    fly = ["chr2L", "chr2R", "chr3L", "chr3R", "chr4", "chrX"]
    genes = pd.DataFrame({"gene_id": range(60), "chrom": fly * 10})
    table = split_table(genes, "balanced")
    assert [name for name in table if name in NAMES] == NAMES[:6], "no fold a second time"
    assert ((table[NAMES[:6]] == "test").sum(axis=1) == 1).all()
    assert {*table["fold_6"]} == {"train", "valid", "test"}
    check_fold(6, fly, "balanced")
    with pytest.raises(UserError, match=r"fold 11 does not exist; balanced folds of 6 .* are 1-6"):
        check_fold(11, fly, "balanced")
    with pytest.raises(UserError, match="need three chromosomes"):
        check_fold(1, fly[:2], "balanced")
    assert folds_of("auto", "hg19") == folds_of("auto", "sim38") == "papers"
    assert folds_of("papers", "mm39") == "papers"
