"""The locus figure draws what it is given, in the order of its options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from typer.testing import CliRunner

from gexpipe.cli.discover import app
from gexpipe.discovery import locus
from gexpipe.discovery.files import BaseScores, write_bases, write_links
from gexpipe.errors import UserError


def test_locus_of_a_gene(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    scores = np.zeros((1, 4000), np.float32)
    scores[0, 1000:1500] = 1
    write_bases(tmp_path / "m.zarr.zip", BaseScores(genes[:1], scores), {})
    links = pd.DataFrame({"gene_id": ["G0", "G2"], "chrom": "chr1", "start": [32_000, 30_500]})
    links = links.assign(end=links["start"] + 301, distance=2000, score=[0.5, 0.9])
    write_links(tmp_path / "l.parquet", links)
    (tmp_path / "known.bed").write_text("chr1\t29000\t29200\nchr1\t50000\t50100\n")
    drawn = {}

    def kept(figure: plt.Figure) -> None:
        drawn.update(
            labels=[axis.get_ylabel() for axis in figure.axes],
            bars=[len(axis.patches) for axis in figure.axes],
            span=figure.axes[0].get_xlim(),
        )

    monkeypatch.setattr(locus.plt, "close", kept)
    done = CliRunner().invoke(
        app,
        [
            "locus", str(world / "cell.zarr"), "G0", "--genes", str(world / "genes.tsv"),
            "--length", "8000", "--out", str(tmp_path / "g.png"),
            "--base", f"mask={tmp_path}/m.zarr.zip", "--link", f"attention={tmp_path}/l.parquet",
            "--mark", f"CRISPRi={tmp_path}/known.bed",
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert drawn["labels"] == [
        "genes", "H3K27ac", "DNase", "contact", "mask", "attention", "CRISPRi",
    ]  # fmt: skip
    assert drawn["bars"][-2:] == [1, 1]  # one link of this gene, one known element in the window
    assert drawn["span"] == (-4, 4)
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_unknown_gene_and_long_window_are_one_line(world: Path, tmp_path: Path) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    with pytest.raises(UserError, match="no gene 'nope'; the first is G0"):
        locus.find_gene(genes, "nope")
    with pytest.raises(UserError, match="20000 bp; the store holds 16000"):
        given = (tmp_path / "g.png", 20_000, {}, {}, {})
        locus.draw_locus(world / "cell.zarr", genes, "G0", *given)
