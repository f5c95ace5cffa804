"""Models of others as rows of table 1 and of the leaderboard, from a file in the working folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.docs.files import write_files
from tests.project import Project

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE, LEAKAGE = "results/tables/table1.tsv", "results/tables/leakage.tsv"
RUN = "results/runs/SIM1/{}/fold11/seed2/predictions.parquet"
CHANGE: dict[str, Any] = {
    "cells": ["SIM1"],
    "methods": ["linear", "motifs_zero_shot", "motifs_ridge"],
    "extractors": {"motifs": {"model": "motifs:Motifs", "window": 384}},
}


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("extracted") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    write_files("docs/extractors.md", folder)
    return Project(folder)


def refused(project: Project, **more: object) -> str:
    done = project.run("--dry-run", "--nolock", "--", TABLE, change={**CHANGE, **more})
    assert done.returncode != 0, done.stdout
    return " ".join((done.stdout + done.stderr).split())


def test_what_the_dry_run_knows_it_refuses(project: Project) -> None:
    assert "method borzoi_ridge: model.extractor: no 'borzoi' in the configuration's extract" in (
        refused(project, methods=["borzoi_ridge"])
    )
    borzoi = {"methods": ["borzoi_ridge"], "extractors": {"borzoi": {"weights": "w/borzoi"}}}
    assert "w/borzoi: no such file or folder (extractors.borzoi.weights)" in refused(
        project, **borzoi
    )
    wrong = {"motifs": {"model": "motifz:Motifs"}}
    assert "no module 'motifz' here or installed" in refused(project, extractors=wrong)
    wrong = {"motifs": {"model": "motifs:Motifs", "windows": 3}}
    assert "windows" in refused(project, extractors=wrong)
    wrong = {"motifs_ridge": {"model": {"features": "embeddings"}}}
    assert "'embeddings', expected embedding or tracks or both" in refused(project, overrides=wrong)


def test_they_stand_in_the_tables_beside_the_others(project: Project) -> None:
    planned = project.planned(TABLE, change=CHANGE)
    assert planned["extract"] == 1 and planned["extracted"] == 2
    done = project.run("--", TABLE, LEAKAGE, change=CHANGE)
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(project.folder / TABLE, sep="\t")
    for method in CHANGE["methods"]:
        row = table[table["method"] == method]
        assert len(row) == 1 and row["mse"].notna().all() and (row["runs"] == 1).all()
    leakage = pd.read_csv(project.folder / LEAKAGE, sep="\t")
    assert {"GATA (ridge)", "GATA (zero-shot)"} <= set(leakage["label"])
    zero_shot = pd.read_parquet(project.folder / RUN.format("motifs_zero_shot"))
    assert set(zero_shot["split"]) == {"train", "valid", "test"}
    assert zero_shot["predicted"].std() > 0
    linear = pd.read_parquet(project.folder / RUN.format("linear"))
    assert zero_shot["gene_id"].tolist() == linear["gene_id"].tolist()
    np.testing.assert_array_equal(zero_shot["observed"], linear["observed"])

    # Nothing is left to do, and the leaderboard would be made of what is there.
    assert project.planned(TABLE, change=CHANGE) == {}
    board = project.planned("results/benchmark.html", change=CHANGE)
    assert "extracted" not in board and "reliability" in board
    # An edited model, or another window, is another answer; only what reads it is made again.
    source = project.folder / "motifs.py"
    source.write_text(source.read_text() + "\n# edited\n")
    os.utime(source, (1, 1))
    again = project.planned(TABLE, change=CHANGE)
    assert again["extract"] == 1 and again["extracted"] == 2 and "baseline" not in again
    source.write_text(source.read_text().removesuffix("\n# edited\n"))
    wider = {"motifs": {**CHANGE["extractors"]["motifs"], "window": 512}}
    assert project.planned(TABLE, change={**CHANGE, "extractors": wider})["extract"] == 1
    options = {"motifs_zero_shot": {"model": {"strand": "same"}}}
    own = project.planned(TABLE, change={**CHANGE, "overrides": options})
    assert own["extracted"] == 1 and "extract" not in own


def test_borzoi_itself_runs_with_small_random_weights(project: Project) -> None:
    theirs = pytest.importorskip("borzoi_pytorch", reason="needs the extra borzoi")
    import torch

    torch.manual_seed(0)
    network = theirs.Borzoi.from_hparams(
        dim=16, depth=1, heads=1, attn_dim_key=8, attn_dim_value=16, bins_to_return=32
    )
    network.save_pretrained(project.folder / "weights/borzoi")
    genes = pd.read_csv(project.folder / "results/genes/genes.tsv", sep="\t")
    change = {
        "cells": ["SIM1"],
        "methods": ["borzoi_zero_shot", "borzoi_ridge"],
        "overrides": {"borzoi_zero_shot": {"model": {"indices": [306, 307]}}},
        "extractors": {"borzoi": {"weights": "weights/borzoi", "length": 2048, "batch": 4}},
    }
    targets = [RUN.format(name) for name in change["methods"]]
    done = project.run("--", *targets, change=change)
    assert done.returncode == 0, done.stderr[-3000:]
    for path in targets:
        table = pd.read_parquet(project.folder / path)
        assert np.isfinite(table["predicted"]).all() and len(table) <= len(genes)
    log = Path(project.folder / "logs/extract/borzoi.log").read_text()
    assert "2,048 bp, 12 bins of 32 bp at the TSS, 7611 tracks, embeddings of 1920" in log
    log = Path(project.folder / "logs/train/SIM1.borzoi_zero_shot.fold11.seed2.log").read_text()
    assert "2 tracks: CNhs11250+, CNhs11250-" in log
