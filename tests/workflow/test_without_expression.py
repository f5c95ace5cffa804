"""A cell type without expression: prepared and predicted, never trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli import reference
from gexpipe.data.parts import check_trainable, rows_of_part
from gexpipe.errors import UserError
from tests.project import Project, simulate

NONE = {"target": {"cells": {"SIM2": {"source": "none"}}}}
RUN = "fold11/seed2/predictions.parquet"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("without")
    simulate(folder)
    return Project(folder)


@pytest.mark.workflow
@pytest.mark.slow
@pytest.mark.parametrize("method", ["prism", "linear"])
def test_training_is_refused_in_one_line_by_the_dry_run(project: Project, method: str) -> None:
    target = f"results/runs/SIM2/{method}/{RUN}"
    done = project.run("--dry-run", "--nolock", "--", target, change=NONE)
    text = done.stdout + done.stderr
    assert done.returncode == 1
    lines = [line for line in text.splitlines() if "has no target (source: none)" in line]
    assert len(lines) == 1 and "config: target.cells.SIM2" in lines[0], text[-2000:]


@pytest.mark.workflow
@pytest.mark.slow
def test_it_is_prepared_and_predicted_by_anothers_model(project: Project) -> None:
    planned = project.planned(f"results/predicted/SIM2/from_SIM1/prism/{RUN}", NONE)
    assert planned["train"] == 1 and planned["predicted"] == 1 and planned["examples"] == 2


def test_its_table_of_targets_is_empty_and_says_so(tmp_path: Path) -> None:
    genes = pd.DataFrame(
        {"gene_id": ["a", "b"], "symbol": "", "chrom": "chr1", "tss": 5, "strand": "+", "start": 5,
         "end": 9, "source": "x"}
    )  # fmt: skip
    genes.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    options = ["target", "--source", "none", "--genes", str(tmp_path / "genes.tsv")]
    out = ["--out", str(tmp_path / "target.tsv")]
    done = CliRunner().invoke(reference.app, [*options, *out], catch_exceptions=False)
    assert done.exit_code == 0
    table = pd.read_csv(tmp_path / "target.tsv", sep="\t")
    assert table["gene_id"].tolist() == ["a", "b"] and table["target"].isna().all()
    with pytest.raises(UserError, match="--file: expected no file for the source none"):
        CliRunner().invoke(reference.app, [*options, *out, "--file", "x"], catch_exceptions=False)


def test_all_its_genes_count_and_none_trains() -> None:
    table = pd.DataFrame({"target": [np.nan] * 3, "fold_11": ["train", "test", "test"]})
    assert rows_of_part(table, 11, "test").tolist() == [1, 2]
    with pytest.raises(UserError, match="no gene has a target: a cell type without expression"):
        check_trainable(table)
    known = table.assign(target=[1.0, 2.0, np.nan])
    assert rows_of_part(known, 11, "test").tolist() == [1], "genes without a value are left out"
    check_trainable(known)
