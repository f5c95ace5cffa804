"""The published chr22 run walked through the commands, from its gene list to its scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.abc.export import FILES
from gexpipe.cli import abc, reference


def call(app, *words: object) -> None:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, run22: Path, shared: Path) -> Path:
    """A folder of power-law scores of all pairs, by ``gexpipe reference genes`` and ``abc``."""
    folder = tmp_path_factory.mktemp("walk")
    given, held = run22 / "neighborhoods", shared / "data/reference_hg38"
    sizes = held / "GRCh38_EBV.no_alt.chrom.sizes.tsv"
    call(
        reference.app, "genes", "--source", "bed", "--table", given / "GeneList.bed",
        "--chromosome", "chr22", "--out", folder / "genes.tsv",
    )  # fmt: skip
    counts = [
        word
        for what, table in (("element", "Enhancers"), ("promoter", "Genes.TSS1kb"))
        for ours, assay in (("dnase", "accessibility"), ("h3k27ac", "H3K27ac"))
        for word in (f"--{what}-{ours}", given / f"{table}.{assay}.CountReads.bedgraph.gz")
    ]
    call(
        abc.app, "from-counts", *counts, "--promoters", given / "GeneList.TSS1kb.bed",
        "--genes", folder / "genes.tsv", "--chrom-sizes", sizes,
        "--qnorm-reference", held / "EnhancersQNormRef.K562.txt",
        "--out-elements", folder / "e.parquet", "--out-genes", folder / "g.parquet",
        "--out-quality", folder / "q.json",
    )  # fmt: skip
    call(
        abc.app, "scores", "--elements", folder / "e.parquet", "--genes", folder / "genes.tsv",
        "--out", folder / "s.parquet",
    )  # fmt: skip
    assert len(pd.read_parquet(folder / "e.parquet")) == 17_732  # no element is an artefact
    call(
        abc.app, "export", "--predictions", folder / "s.parquet",
        "--elements", folder / "e.parquet",
        "--activity", folder / "g.parquet", "--genes", folder / "genes.tsv", "--cell", "K562_chr22",
        "--out-folder", folder / "Predictions",
    )  # fmt: skip
    return folder


def test_the_exported_table_has_abcs_columns_and_values(walk, published):
    parts = [
        pd.read_csv(walk / "Predictions" / name, sep="\t", engine="pyarrow") for name in FILES[:2]
    ]
    assert [set(part["TargetGeneIsExpressed"]) for part in parts] == [{True}, {False}]
    ours = pd.concat(parts)
    assert list(ours) == list(published)
    assert ours["hic_contact"].isna().all()  # not measured
    keys = ["TargetGene", "start", "end"]
    both = published.merge(ours, on=keys, suffixes=("", "_ours"))
    assert len(both) == len(published)
    for name in ("name", "class", "TargetGeneTSS", "isSelfPromoter", "CellType", "distance"):
        assert (both[name] == both[f"{name}_ours"]).all(), name
    for name in ("activity_base", "powerlaw_contact", "powerlaw.Score.Numerator", "powerlaw.Score"):
        np.testing.assert_allclose(both[f"{name}_ours"], both[name], rtol=1e-4, atol=1e-6)
    quantile = "TargetGenePromoterActivityQuantile"
    np.testing.assert_allclose(both[f"{quantile}_ours"], both[quantile], atol=1e-6)


def test_scores_of_one_chromosome_equal_the_published_ones(walk, published):
    found = pd.read_parquet(walk / "s.parquet")
    scores = found.assign(gene_id=found["gene_id"].astype(str))
    keys = {"left_on": ["TargetGene", "start", "end"], "right_on": ["gene_id", "start", "end"]}
    both = published.merge(scores, suffixes=("", "_ours"), **keys)
    assert len(both) == len(published)
    np.testing.assert_allclose(both["abc_score"], both["powerlaw.Score"], atol=1e-6)
    np.testing.assert_array_equal(both["distance_ours"], both["distance"])
