"""From what a model of others says to predictions: zero-shot and ridge, at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.baselines.extracted import fit_ridge, ridge_features, zero_shot
from gexpipe.cli.baseline import app as baseline
from gexpipe.cli.extract import app as extract
from gexpipe.errors import UserError
from gexpipe.extractors.reading import ExtractedStore
from gexpipe.methods.declared import declaration
from tests.extractors.test_windows import PLANTED, gene_table, write_genome

CHROMOSOMES = {"chr1": "train", "chr2": "valid", "chr3": "test"}
GENES = {"chr1": 60, "chr2": 25, "chr3": 25}
SETTINGS = {"model": PLANTED, "window": 96}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genome whose genes have targets that follow from the bases at their TSS, and its store."""
    folder = tmp_path_factory.mktemp("extracted")
    draw = np.random.default_rng(0)
    rows, texts = [], {}
    for chrom, count in GENES.items():
        blocks = [
            "".join(draw.choice(list("ACGT"), 400, p=draw.dirichlet(np.ones(4))))
            for _ in range(count)
        ]
        texts[chrom] = "".join(blocks)
        places = [(f"{chrom}_{k}", chrom, 400 * k + 200, "+-"[k % 2]) for k in range(count)]
        rows += places
    genes = gene_table(rows)
    genes.to_csv(folder / "genes.tsv", sep="\t", index=False)
    fasta = write_genome(folder / "genome.fa", texts)
    done = CliRunner().invoke(
        extract,
        ["--name", "own", "--extractor", json.dumps(SETTINGS), "--fasta", str(fasta),
         "--genes", str(folder / "genes.tsv"), "--out", str(folder / "own.zarr/manifest.json")],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    bases = ExtractedStore(folder / "own.zarr").read("embedding", genes["gene_id"].tolist())
    table = genes[["gene_id", "symbol", "chrom", "tss", "strand"]].copy()
    table["target"] = bases @ [0.3, -0.1, 0.2, 0.05] + draw.normal(0, 0.01, len(table))
    for number in range(1, 13):
        table[f"fold_{number}"] = table["chrom"].map(CHROMOSOMES)
    table.to_parquet(folder / "examples.parquet")
    return folder


def predicted(
    folder: Path, out: Path, architecture: str, examples: Path, **model: object
) -> pd.DataFrame:
    method = {
        "name": "m", "architecture": architecture, "model": {"extractor": "own", **model},
        "inputs": {"length": 2, "signals": [], "elements": False},
    }  # fmt: skip
    done = CliRunner().invoke(
        baseline,
        ["extracted", "--method", json.dumps(method), "--store", str(folder / "own.zarr"),
         "--examples", str(examples), "--cell", "SIM1", "--fold", "11", "--out", str(out)],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return pd.read_parquet(out)


def test_ridge_recovers_a_target_that_follows_from_the_embedding(
    made: Path, tmp_path: Path
) -> None:
    table = predicted(made, tmp_path / "p.parquet", "ridge", made / "examples.parquet")
    assert table["split"].value_counts().to_dict() == {"train": 60, "valid": 25, "test": 25}
    test = table[table["split"] == "test"]
    assert np.corrcoef(test["observed"], test["predicted"])[0, 1] > 0.999
    again = predicted(made, tmp_path / "q.parquet", "ridge", made / "examples.parquet")
    pd.testing.assert_frame_equal(table, again)


def test_what_was_observed_in_test_genes_changes_no_prediction(made: Path, tmp_path: Path) -> None:
    examples = pd.read_parquet(made / "examples.parquet")
    changed = {}
    for part in ("train", "valid", "test"):
        table = examples.copy()
        rows = table["fold_11"] == part
        table.loc[rows, "target"] = table.loc[rows, "target"].to_numpy()[::-1]
        table.to_parquet(tmp_path / f"{part}.parquet")
        changed[part] = tmp_path / f"{part}.parquet"
    for architecture, moved in (("ridge", {"train"}), ("zero_shot", set())):
        own = predicted(made, tmp_path / "o", architecture, made / "examples.parquet")
        for part, path in changed.items():
            if part == "valid":  # it chooses the penalty
                continue
            found = predicted(made, tmp_path / "p", architecture, path)
            same = np.array_equal(own["predicted"], found["predicted"])
            assert same != (part in moved), (architecture, part)


def test_zero_shot_is_the_logarithm_of_the_summed_tracks_of_the_cell_type(
    made: Path, tmp_path: Path
) -> None:
    store = ExtractedStore(made / "own.zarr")
    table = predicted(made, tmp_path / "p", "zero_shot", made / "examples.parquet")
    sums = store.read("tracks", table["gene_id"].tolist()).astype(float)
    np.testing.assert_allclose(table["predicted"], np.log10(1 + sums[:, 0] + sums[:, 1]))
    assert table["predicted"].std() > 0
    same = predicted(made, tmp_path / "q", "zero_shot", made / "examples.parquet", strand="same")
    np.testing.assert_allclose(same["predicted"], np.log10(1 + sums[:, 0]))
    by_number = predicted(made, tmp_path / "r", "zero_shot", made / "examples.parquet", indices=[2])
    np.testing.assert_allclose(by_number["predicted"], np.log10(1 + sums[:, 2]))


def test_features_of_ridge_and_its_penalty(made: Path) -> None:
    store, genes = ExtractedStore(made / "own.zarr"), pd.Series(["chr1_3", "chr3_0"])
    parse = declaration("ridge").parse
    for features, width in (("embedding", 4), ("tracks", 3), ("both", 7)):
        options = parse({"extractor": "own", "features": features}, "m")
        assert ridge_features(store, genes, options, "SIM1").shape == (2, width)
    one = parse({"extractor": "own", "features": "tracks", "tracks": ["ATAC"]}, "m")
    assert ridge_features(store, genes, one, "SIM1").shape == (2, 1)
    # Features that say nothing: the validation genes choose a penalty that leaves the mean.
    draw = np.random.default_rng(1)
    noise, target = draw.normal(size=(90, 60)), draw.normal(3, 1, 90)
    rows = {"train": np.arange(60), "valid": np.arange(60, 90)}
    found = fit_ridge(noise, target, rows)
    assert found[60:].std() < 0.2 and abs(found.mean() - target[:60].mean()) < 0.1


def test_what_does_not_fit_is_one_line(made: Path) -> None:
    store, genes = ExtractedStore(made / "own.zarr"), pd.Series(["chr1_3"])
    options = declaration("zero_shot").parse({"extractor": "own"}, "m")
    # A cell type is a word of its own: SIM is no SIM1, as H1 is no NCI-H1385.
    for cell in ("GM12878", "SIM", "IM1"):
        with pytest.raises(UserError, match=rf"model own.tracks: .*{cell}.* means no track"):
            zero_shot(store, genes, options, cell)
    called = {"extractor": "own", "cells": {"GM12878": ["ATAC"]}}
    otherwise = declaration("zero_shot").parse(called, "m")
    zero_shot(store, genes, otherwise, "GM12878")
    with pytest.raises(UserError, match="1 genes are missing, the first chr9_1"):
        zero_shot(store, pd.Series(["chr9_1"]), options, "SIM1")
    for values, words in (
        ({"tracks": ["CAGE("]}, r"m.tracks: 'CAGE\(' is no regular expression"),
        ({"cells": {"H1": "CAGE"}}, r"m.cells.H1: found 'CAGE', expected a list"),
        ({"indices": [-1]}, "m.indices: -1, expected 0 or more"),
        ({"extracter": "x"}, "did you mean 'extractor'"),
    ):
        with pytest.raises(UserError, match=words):
            declaration("zero_shot").parse(values, "m")
    with pytest.raises(UserError, match=r"m\.features: embedding, with tracks"):
        declaration("ridge").parse({"tracks": ["CAGE"]}, "m")
