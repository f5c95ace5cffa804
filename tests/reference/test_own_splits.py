"""Splits of one's own: one, or several folds, and what is refused of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from gexpipe.errors import UserError
from gexpipe.reference.folds import check_fold
from gexpipe.reference.own_splits import own_folds, own_splits
from tests.project import Project

GENES = pd.DataFrame({"gene_id": ["A", "B", "C"], "chrom": "chr1"})
WIDE = ["gene_id,fold_1,fold_2,fold_enformer"]
WIDE += ["A,train,test,x", "B,valid,train,x", "C,test,valid,x", "D,test,test,x"]
LONG = ["gene_id\tfold\tpart", "A\t1\ttrain", "B\t1\tvalid", "C\t1\ttest"]
LONG += ["A\t2\ttest", "B\t2\ttrain", "C\t2\tvalid"]


def _written(folder: Path, rows: list[str]) -> Path:
    path = folder / "own.txt"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_one_split_is_fold_1_alone(tmp_path: Path) -> None:
    rows = ["gene_id\tpart", "A\ttrain", "C\ttest", "B\tvalid", "D\ttest"]
    table = own_splits(GENES, _written(tmp_path, rows))
    assert list(table) == ["gene_id", "chrom", "fold_1"]
    assert list(table["fold_1"]) == ["train", "valid", "test"]
    for more, less, words in (
        (["A\ttest"], 0, "fold 1: gene A is in two parts"),
        (["E\tTest"], 0, "gene E is in none of"),
        ([], 2, "fold 1: 1 of 3 genes have no part, the first is B"),
    ):  # fmt: skip
        path = _written(tmp_path, [*rows[: len(rows) - less], *more])
        with pytest.raises(UserError, match=words):
            own_splits(GENES, path)
    path = _written(tmp_path, ["gene_id\tpart", "A\ttrain", "B\ttrain", "C\ttest"])
    with pytest.raises(UserError, match="fold 1: no gene in use is in part valid"):
        own_splits(GENES, path)


@pytest.mark.parametrize("rows", [WIDE, LONG], ids=["columns", "rows"])
def test_several_folds_in_either_form(tmp_path: Path, rows: list[str]) -> None:
    path = _written(tmp_path, rows)
    table = own_splits(GENES, path)
    assert own_folds(path) == [1, 2]
    assert list(table) == ["gene_id", "chrom", "fold_1", "fold_2"]
    assert list(table["fold_1"]) == ["train", "valid", "test"]
    assert list(table["fold_2"]) == ["test", "train", "valid"]


def test_genes_that_no_fold_or_several_test_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_splits(GENES, _written(tmp_path, LONG))
    assert "of 3 genes 1 are tested in no fold and 0 in several" in caplog.text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*WIDE[:2], "B,valid,,x", *WIDE[3:]], "fold 2: gene B is in none of train, valid, test"),
        ([*WIDE[:3], "C,test,train,x"], "fold 2: no gene in use is in part valid"),
        (WIDE[:2] + WIDE[3:], "fold 1: 1 of 3 genes have no part, the first is B"),
        (LONG[:6] + LONG[7:], "fold 2: 1 of 3 genes have no part, the first is C"),
        ([row.replace("fold_2", "fold_3") for row in WIDE], "folds 1, 3; expected 1, 2, ..."),
        ([*LONG, "A\t2\tvalid"], "fold 2: gene A is in two parts"),
        ([*LONG, "A\tsecond\ttrain"], "fold 'second' is not a whole number"),
        (["gene_id,part,fold_1", "A,train,train"], "columns part and fold_1; expected either"),
        (["gene_id,set", "A,train"], "columns gene_id, set; expected gene_id and part, or fold_1"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, rows: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        own_splits(GENES, _written(tmp_path, rows))


def test_only_folds_of_the_file_can_be_asked_for() -> None:
    check_fold(2, ["chr1"], "file", [1, 2])
    check_fold(2, ["chr1"], "file")  # not here yet: its rule and the training refuse
    with pytest.raises(UserError, match="own splits has folds 1-2, not fold 3"):
        check_fold(3, ["chr1"], "file", [1, 2])
    with pytest.raises(UserError, match="own splits has fold 1 alone, not fold 11"):
        check_fold(11, ["chr1"], "file", [1])


@pytest.mark.workflow
def test_own_folds_are_cross_validated(finished: Project, tmp_path: Path) -> None:
    project = Project(shutil.copytree(finished.folder, tmp_path / "tiny", symlinks=True))
    genes = pd.read_csv(project.folder / "results/genes/genes.tsv", sep="\t")
    third = pd.Series(range(len(genes))) % 3
    names = {0: "train", 1: "valid", 2: "test"}
    folds = {f"fold_{k + 1}": ((third + k) % 3).map(names) for k in range(3)}
    own = project.folder / "own.tsv"
    genes[["gene_id"]].assign(**folds).to_csv(own, sep="\t", index=False)
    with (project.folder / "simulated/config/reference.tsv").open("a") as out:
        out.write(f"splits\tpath\town_splits\ttsv\t{own}\t\n")
    change = {
        "methods": ["linear"], "splits": {"folds": "file", "fold": 2},
        "tables": {"overrides": {"table1": {"folds": "all", "pooled": True}}},
    }  # fmt: skip
    target = "results/tables/table1.tsv"
    wrong = change | {"splits": {"folds": "file", "fold": 4}, "tables": {}}
    refused = project.run("--dry-run", "--", target, change=wrong)
    assert "own splits has folds 1-3, not fold 4. The table was made with another one" in (
        refused.stdout + refused.stderr
    ), "the table that is there hides nothing"
    done = project.run("--quiet", "all", "--", target, change=change)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(project.folder / target, sep="\t")
    examples = pd.read_parquet(project.folder / "results/examples/SIM1.parquet")
    assert table[table["runs"] > 0]["genes"].tolist() == [examples["target"].notna().sum()] * 2
    metrics = pd.read_csv(project.folder / "results/metrics/table1.tsv", sep="\t")
    assert set(metrics["fold"]) == {0, 1, 2, 3}
