from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.examples import FEATURES, example_table
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.reference.splits import split_table


@pytest.fixture
def parts(genes):
    ids = genes["gene_id"]
    mrna = pd.DataFrame({"gene_id": ids, **dict.fromkeys(MRNA_FEATURES, 0.5)})
    activity = pd.DataFrame({"gene_id": ids, "promoter_activity": [1.0, 2.0, 3.0]})
    target = pd.DataFrame({"gene_id": ids, "target": [0.1, np.nan, 0.3]})
    return {
        "genes": genes, "splits": split_table(genes), "mrna": mrna, "target": target,
        "activity": activity,
    }  # fmt: skip


def test_tables_are_joined_by_gene_not_by_row(parts):
    parts["activity"] = parts["activity"].iloc[::-1]
    table = example_table(**parts)
    assert table["gene_id"].tolist() == ["G1", "G2", "G3"]
    assert table["promoter_activity"].tolist() == [1.0, 2.0, 3.0]
    assert table["target"].isna().tolist() == [False, True, False]
    assert {*FEATURES, "fold_1", "fold_12", "tss", "strand"} <= set(table.columns)


@pytest.mark.parametrize(
    ("part", "name"),
    [("mrna", "mRNA features"), ("activity", "promoter activity"), ("target", "target")],
)
def test_a_missing_gene_is_named(parts, part, name):
    parts[part] = parts[part].iloc[:2]
    with pytest.raises(UserError, match=f"{name}: 1 genes are missing, the first is G3"):
        example_table(**parts)


def test_a_missing_feature_value_is_named(parts):
    parts["mrna"].loc[1, "CDSGC"] = np.nan
    with pytest.raises(UserError, match=r"gene G2 has a missing feature value \(1 genes do\)"):
        example_table(**parts)
