from __future__ import annotations

import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.splits import FOLDS, fold_chromosomes, split_table

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
