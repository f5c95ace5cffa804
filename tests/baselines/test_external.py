"""Predictions that others deliver: what is given to them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gexpipe.baselines.external import ask, blinded, delivered, windows_of
from gexpipe.errors import UserError

PARTS = ["train"] * 6 + ["valid"] * 3 + ["test"] * 3


@pytest.fixture
def examples() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "gene_id": [f"ENSG{i:011d}" for i in range(12)],
            "symbol": [f"S{i}" for i in range(12)],
            "chrom": "chr1",
            "target": rng.random(12),
            "fold_11": PARTS,
            "fold_12": PARTS[::-1],
        }
    )


def answer(examples: pd.DataFrame, path: Path, **change: object) -> Path:
    table = pd.DataFrame({"gene_id": examples["gene_id"] + ".3", "predicted": np.arange(12) / 7})
    table = table.assign(**change)
    table.to_csv(path, sep="\t", index=False)
    return path


def test_no_test_gene_shows_what_was_observed(examples: pd.DataFrame) -> None:
    table = blinded(examples, 11)
    assert table.loc[table["split"] == "test", "target"].isna().all()
    assert table.loc[table["split"] != "test", "target"].notna().all()
    assert not [name for name in table if name.startswith("fold_")]


def test_versions_of_ids_and_the_order_do_not_matter(
    examples: pd.DataFrame, tmp_path: Path
) -> None:
    path = answer(examples, tmp_path / "a.tsv")
    pd.read_csv(path, sep="\t").iloc[::-1].to_parquet(tmp_path / "b.parquet")
    for found in (path, tmp_path / "b.parquet"):
        np.testing.assert_allclose(delivered(found, examples, 11), np.arange(12) / 7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gene_id": ["ENSG00000000001"] * 12}, "11 genes stand twice"),
        ({"gene_id": [f"ENSG{i:011d}" for i in range(2, 14)]}, None),
        ({"gene_id": [f"ENSG{i:011d}" for i in range(-2, 10)]}, "2 of 6 validation and test genes"),
        ({"predicted": [np.nan] * 12}, "row 2: predicted is '', expected a number"),
        ({"predicted": "high"}, "row 2: predicted is 'high'"),
        ({"fold": 12}, "of fold 12, expected 11"),
        ({"split": PARTS[::-1]}, "other parts of the fold"),
        ({"observed": 3.0}, "another target"),
    ],
)
def test_what_does_not_fit_is_refused(
    examples: pd.DataFrame, tmp_path: Path, change: dict, words: str | None
) -> None:
    path = answer(examples, tmp_path / "a.tsv", **change)
    if words is None:  # two genes of training are missing, two others unknown
        assert np.isnan(delivered(path, examples, 11)).sum() == 2
        return
    with pytest.raises(UserError, match=words):
        delivered(path, examples, 11)


def test_observed_values_are_no_predictions(examples: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = examples[["gene_id"]].assign(predicted=examples["target"])
    table.to_parquet(path)
    with pytest.raises(UserError, match="3 of 3 predictions of test genes are the observed values"):
        delivered(path, examples, 11)


def test_a_command_that_fails_or_writes_nothing(examples: pd.DataFrame, tmp_path: Path) -> None:
    for command, words in (("false # {examples}", "ended with 1"), ("true", "wrote nothing")):
        with pytest.raises(UserError, match=words):
            ask(command, examples, 11, {}, None, tmp_path)


def test_windows_are_exchanged_within_a_part(examples: pd.DataFrame) -> None:
    own, other = (windows_of(examples, 11, seed) for seed in (None, 2))
    assert (own["gene_id"] == own["windows_of"]).all()
    assert (other["gene_id"] != other["windows_of"]).all()
    part = dict(zip(examples["gene_id"], PARTS, strict=True))
    assert (other["gene_id"].map(part) == other["windows_of"].map(part)).all()
