"""Baselines: feature sets, splits, and the command that writes predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.baselines.splits import prediction_table, rows_of
from gexpipe.cli.baseline import app
from gexpipe.data.gene_tables import GeneTables, feature_table, summed_contact
from gexpipe.errors import UserError
from gexpipe.reference.mrna import MRNA_FEATURES


def example_table(genes: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"gene_id": [f"g{i}" for i in range(genes)], "symbol": "S"})
    table["chrom"], table["tss"], table["strand"] = "chr1", 1_000_000, "-"
    for name in MRNA_FEATURES:
        table[name] = rng.normal(size=genes)
    table["promoter_activity"] = rng.lognormal(2, 2, genes)
    table["target"] = np.log10(0.1 + table["promoter_activity"]) + 0.2 * table[MRNA_FEATURES[0]]
    table.loc[5, "target"] = np.nan
    table["fold_11"] = np.resize(["train", "train", "train", "valid", "test"], genes)
    return table


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    table = example_table()
    names = {n: tmp_path / f"{n}.parquet" for n in ("examples", "activity", "elements", "out")}
    table.to_parquet(names["examples"])
    marks = pd.DataFrame({"gene_id": table["gene_id"], "dnase_rpm": 2.0, "h3k27ac_rpm": 3.0})
    marks.iloc[::-1].to_parquet(names["activity"])
    elements = pd.DataFrame(
        {
            "gene_id": ["g1", "g1", "g2"],
            "rank": [0, 1, 0],
            "start": [990_000, 1_020_000, 1_050_000],
            "end": [990_500, 1_020_500, 1_050_500],
            "distance_kb": [9.75, 20.25, 50.25],
            "contact_log": np.log10([1.5, 1.25, 1.1]),
            "activity": [4.0, 8.0, 10.0],
        }
    )
    elements.to_parquet(names["elements"])
    return names


def test_feature_sets(files):
    examples = example_table()
    tables = GeneTables(
        examples, pd.read_parquet(files["activity"]), pd.read_parquet(files["elements"])
    )
    table = feature_table(tables, ["promoter", "marks", "mrna", "contact"])
    assert table.shape == (300, 12)
    np.testing.assert_allclose(table["contact"][:4], np.log10([0.1, 4.1, 1.1, 0.1]))
    np.testing.assert_allclose(table["dnase_rpm"], np.log10(2.1))
    np.testing.assert_allclose(summed_contact(tables.elements, examples["gene_id"])[1:3], [4, 1])


def test_what_is_missing_is_said():
    tables = GeneTables(example_table())
    with pytest.raises(UserError, match="'sequence' is not one of promoter, marks"):
        feature_table(tables, ["sequence"])
    with pytest.raises(UserError, match="needs --elements"):
        feature_table(tables, ["contact"])
    with pytest.raises(UserError, match="fold 3 is not"):
        rows_of(tables.examples, 3)
    with pytest.raises(UserError, match="has no valid gene"):
        rows_of(tables.examples.replace("valid", "train"), 11)


def test_genes_without_a_target_are_in_no_split():
    examples = example_table()
    rows = rows_of(examples, 11)
    assert sum(map(len, rows.values())) == 299
    table = prediction_table(examples, 11, rows, np.arange(300.0))
    assert "g5" not in set(table["gene_id"])
    assert table["predicted"].tolist() == [i for i in range(300) if i != 5]


@pytest.mark.parametrize("model", ["linear", "boosted"])
def test_command_writes_predictions_of_all_splits(files, model):
    arguments = ["train", "--examples", str(files["examples"]), "--model", model, "--fold", "11"]
    arguments += ["--seed", "2", "--out", str(files["out"])]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = pd.read_parquet(files["out"])
    columns = ["gene_id", "symbol", "chrom", "fold", "split", "observed", "predicted"]
    assert list(found.columns) == columns
    test = found[found["split"] == "test"]
    assert np.corrcoef(test["observed"], test["predicted"])[0, 1] > 0.9
    first = files["out"].read_bytes()
    CliRunner().invoke(app, arguments)
    assert files["out"].read_bytes() == first
