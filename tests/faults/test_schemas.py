"""Tables that stages hand to each other, changed by hand: one line with file, row and value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli import abc, evaluate, reference
from gexpipe.contact.element import ContactModel
from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.errors import UserError
from gexpipe.schemas import ELEMENTS, MRNA_FEATURES, check

GENES = pd.DataFrame(
    {
        "gene_id": ["G1", "G2", "G3"], "symbol": ["A", "NA", ""], "chrom": "chr1",
        "tss": [1000, 5000, 9000], "strand": ["+", "-", "."], "start": [1000, 4000, 9000],
        "end": [2000, 5000, 9500], "source": "table",
    }
)  # fmt: skip
Change = Callable[[pd.DataFrame], object]


def call(app, *words: object) -> None:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None:
        raise done.exception


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `reference examples` joins, elements, predictions of a model: all as they should be."""
    ids = GENES[["gene_id"]]
    folds = {f"fold_{i}": ["train", "valid", "test"] for i in range(1, 13)}
    tables = {
        "genes.tsv": GENES,
        "splits.tsv": ids.assign(chrom="chr1", **folds),
        "mrna.tsv": ids.assign(**dict.fromkeys(MRNA_FEATURES, 0.5)),
        "target.tsv": ids.assign(raw=[1.0, np.nan, 3.0], target=[0.3, np.nan, 0.6]),
        "activity.parquet": ids.assign(
            dnase_rpm=[1.0, 2.0, 3.0], dnase_quantile=[1 / 3, 2 / 3, 1.0],
            promoter_activity=[1.0, 2.0, 3.0], promoter_activity_quantile=[1 / 3, 2 / 3, 1.0],
        ),
        "elements.parquet": pd.DataFrame(
            {
                "chrom": "chr1", "start": [900, 3000, 7000], "end": [1400, 3500, 7500],
                "name": ["a", "b", "c"], "class": ["promoter", "genic", "intergenic"],
                "isPromoterElement": [True, False, False], "activity_base": [2.0, 1.0, 0.0],
            }
        ),
        "predictions.parquet": ids.assign(
            split="test", observed=[0.1, 0.2, 0.3], predicted=[0.2, 0.1, 0.4]
        ),
    }  # fmt: skip
    for name, table in tables.items():
        write(table, tmp_path / name)
    return tmp_path


def write(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".tsv":
        table.to_csv(path, sep="\t", index=False)
    else:
        table.to_parquet(path)


def changed(folder: Path, name: str, change: Change) -> None:
    path = folder / name
    tsv = path.suffix == ".tsv"
    table = pd.read_csv(path, sep="\t", dtype=object) if tsv else pd.read_parquet(path)
    result = change(table)
    write(table if result is None else result, path)


def run(folder: Path, name: str) -> None:
    """The command that reads a table."""
    if name == "elements.parquet":
        call(
            abc.app, "scores", "--elements", folder / name, "--genes", folder / "genes.tsv",
            "--out", folder / "scores.parquet",
        )  # fmt: skip
    elif name == "predictions.parquet":
        call(evaluate.app, "metrics", "--predictions", folder / name, "--out", folder / "m.tsv")
    else:
        call(
            reference.app, "examples", "--genes", folder / "genes.tsv",
            "--splits", folder / "splits.tsv", "--mrna", folder / "mrna.tsv",
            "--target", folder / "target.tsv", "--activity", folder / "activity.parquet",
            "--out", folder / "examples.parquet",
        )  # fmt: skip


def put(column: str, row: int, value: object) -> Change:
    def change(table: pd.DataFrame) -> None:
        if isinstance(value, str):
            table[column] = table[column].astype(object)
        table.loc[row, column] = value

    return change


def twice(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[1]]])


CASES = [
    ("splits.tsv", put("fold_3", 1, "Valid"), "data row 2: fold_3 is Valid, expected train, valid"),
    ("splits.tsv", put("fold_3", 1, ""), "fold_3 is , expected train"),
    ("splits.tsv", twice, "data row 4: G2, expected each once"),
    ("splits.tsv", lambda t: t.drop(columns="fold_7"), "missing column 'fold_7'"),
    ("mrna.tsv", put("UTR5GC", 0, "0,5"), "column 'UTR5GC' of a table of mRNA features holds str"),
    ("mrna.tsv", put("UTR5GC", 2, "inf"), "data row 3: UTR5GC is inf, expected a finite number"),
    ("target.tsv", put("target", 0, "inf"), "data row 1: target is inf"),
    ("target.tsv", twice, "data row 4: G2, expected each once"),
    ("target.tsv", lambda t: t.iloc[:2], "1 genes are missing, the first is G3"),
    ("activity.parquet", put("promoter_activity", 1, -1.0), "is -1.0, expected a number from 0"),
    ("activity.parquet", put("promoter_activity", 1, np.nan), "is nan, expected a number from 0"),
    ("activity.parquet", put("dnase_quantile", 1, 1.5), "is 1.5, expected 0 to 1"),
    ("activity.parquet", put("gene_id", 0, ""), "data row 1: gene_id is , expected text"),
    ("activity.parquet", twice, "data row 4: G2, expected each once"),
    ("elements.parquet", put("activity_base", 1, np.inf), "activity_base is inf, expected"),
    ("elements.parquet", put("end", 1, 3000), "start 3000, end 3000, expected start < end"),
    ("elements.parquet", put("start", 0, -5), "start is -5, expected a number from 0"),
    ("elements.parquet", put("class", 0, "tss"), "class is tss, expected promoter, genic"),
    ("elements.parquet", twice, "data row 4: chr1 3000 3500, expected each once"),
    ("elements.parquet", lambda t: t.astype({"start": float}), "holds float64, expected whole"),
    ("predictions.parquet", put("split", 1, "Test"), "split is Test, expected train, valid, test"),
    ("predictions.parquet", put("predicted", 1, np.inf), "predicted is inf, expected a finite"),
    ("predictions.parquet", put("predicted", 1, np.nan), "gene G2 has a value that is not finite"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["splits.tsv", "elements.parquet", "predictions.parquet"])
def test_tables_as_they_should_be_are_read(folder: Path, name: str):
    run(folder, name)
    if name == "splits.tsv":
        examples = pd.read_parquet(folder / "examples.parquet")
        assert examples["gene_id"].tolist() == GENES["gene_id"].tolist()
        assert examples["target"].notna().tolist() == [True, False, True], "as the target table"
    elif name == "elements.parquet":
        scores = pd.read_parquet(folder / "scores.parquet")
        assert len(scores) and scores["abc_score"].between(0, 1).all()
    else:
        (row,) = pd.read_csv(folder / "m.tsv", sep="\t").to_dict("records")
        assert row["n"] >= 1 and np.isfinite(row["mse"])


@pytest.mark.parametrize(("name", "change", "expected"), CASES)
def test_a_changed_table_is_refused(folder: Path, name: str, change: Change, expected: str):
    changed(folder, name, change)
    with pytest.raises(UserError) as error:
        run(folder, name)
    assert expected in str(error.value)
    if "genes are missing" not in expected:
        assert str(folder / name) in str(error.value)


def test_scores_of_another_gene_table_are_refused(folder: Path):
    run(folder, "elements.parquet")
    write(GENES.iloc[::-1], folder / "genes.tsv")
    with pytest.raises(UserError, match=r"made with another gene table"):
        call(
            abc.app, "elements", "--predictions", folder / "scores.parquet",
            "--genes", folder / "genes.tsv", "--out", folder / "near.parquet",
        )  # fmt: skip


def test_a_table_of_a_genome_is_checked_in_50_ms():
    import time

    count, rng = 120_000, np.random.default_rng(1)
    start = np.arange(count) * 600
    table = pd.DataFrame(
        {
            "chrom": rng.choice([f"chr{i}" for i in range(1, 23)], count), "start": start,
            "end": start + 500, "name": [f"genic|{i}" for i in start],
            "class": rng.choice(["promoter", "genic", "intergenic"], count),
            "isPromoterElement": rng.random(count) < 0.5, "activity_base": rng.random(count),
        }
    )  # fmt: skip
    check(table, ELEMENTS, "elements.parquet")
    spent = []
    for _ in range(5):
        before = time.process_time()
        check(table, ELEMENTS, "elements.parquet")
        spent.append(time.process_time() - before)
    assert min(spent) < 0.05


def test_the_parameters_of_contact_travel_with_the_scores(folder: Path):
    import pyarrow.parquet as pq

    from gexpipe.abc.scores import made_with

    call(
        abc.app, "scores", "--elements", folder / "elements.parquet",
        "--genes", folder / "genes.tsv", "--out", folder / "s.parquet", "--gamma", 0.9,
        "--pseudocount-distance", 1e6,
    )  # fmt: skip
    with pq.ParquetFile(folder / "s.parquet") as file:
        model, measured = made_with(file, "s.parquet")
    law = PowerLaw(gamma=0.9)
    assert model == ContactModel(law=law, pseudocount_distance=1e6)
    assert not measured
