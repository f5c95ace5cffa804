"""The locus figure draws what it is given, in the order of its options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from gexpipe.cli.discover import app
from gexpipe.discovery import locus
from gexpipe.discovery.files import BaseScores, write_bases, write_links
from gexpipe.errors import UserError
from gexpipe.reference.genes import find_gene


def test_locus_of_a_gene(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    scores = np.zeros((1, 4000), np.float32)
    scores[0, 1000:1500] = 1
    write_bases(tmp_path / "m.zarr.zip", BaseScores(genes[:1], scores), {})
    links = pd.DataFrame({"gene_id": ["G0", "G2"], "chrom": "chr1", "start": [32_000, 30_500]})
    links = links.assign(end=links["start"] + 301, distance=2000, score=[0.5, 0.9])
    write_links(tmp_path / "l.parquet", links)
    (tmp_path / "known.bed").write_text("chr1\t29000\t29200\nchr1\t50000\t50100\n")
    screen = {"chrom": "chr1", "measuredGeneSymbol": ["S0", "S0", "S1"], "CellType": "A"}
    screen |= {"chromStart": [29_000, 30_900, 29_000], "chromEnd": [29_200, 31_100, 29_200]}
    screen |= {"startTSS": 1, "endTSS": 2, "EffectSize": [-0.5, 0.1, -0.9]}
    screen |= {"Regulated": ["TRUE", "FALSE", "TRUE"], "measuredGeneEnsemblId": ["G0", "G0", "G1"]}
    pd.DataFrame(screen).to_csv(tmp_path / "screen.tsv", sep="\t", index=False)
    planted = pd.DataFrame({"chrom": "chr1", "start": [29_000, 30_900], "end": [29_200, 31_100]})
    planted.assign(kind=["enhancer", "decoy"]).to_parquet(tmp_path / "elements.parquet")
    acts = planted[:1].assign(gene_id="G0", effect=0.2)
    pd.concat([acts.assign(cell=c) for c in "AB"]).to_parquet(tmp_path / "links.parquet")
    drawn = {}

    saved = Figure.savefig

    def kept(figure: Figure, *where: object, **how: object) -> None:
        drawn.update(
            labels=[axis.get_ylabel() for axis in figure.axes],
            bars=[len(axis.patches) for axis in figure.axes],
            span=figure.axes[0].get_xlim(),
        )
        saved(figure, *where, **how)

    monkeypatch.setattr(Figure, "savefig", kept)
    done = CliRunner().invoke(
        app,
        [
            "locus", str(world / "cell.zarr"), "G0", "--genes", str(world / "genes.tsv"),
            "--length", "8000", "--out", str(tmp_path / "g.png"),
            "--base", f"mask={tmp_path}/m.zarr.zip", "--link", f"attention={tmp_path}/l.parquet",
            "--mark", f"known={tmp_path}/known.bed", "--crispr", str(tmp_path / "screen.tsv"),
            "--truth", str(tmp_path), "--cell", "A",
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert drawn["labels"] == [
        "genes", "H3K27ac", "DNase", "contact", "mask", "attention", "known", "CRISPRi change",
        "CRISPRi acts", "planted, acts", "planted decoys",
    ]  # fmt: skip
    # One link of this gene, one known element in the window; two tested for it, one of them acts.
    assert drawn["bars"][-6:] == [1, 1, 2, 1, 1, 1]
    assert drawn["span"] == (-4, 4)
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_unknown_gene_and_long_window_are_one_line(world: Path, tmp_path: Path) -> None:
    genes = pd.read_csv(world / "genes.tsv", sep="\t")
    with pytest.raises(UserError, match="no gene 'nope'; the first is G0"):
        find_gene(genes, "nope")
    with pytest.raises(UserError, match="20000 bp; the store holds 16000"):
        given = (tmp_path / "g.png", 20_000, {}, {}, {})
        locus.draw_locus(world / "cell.zarr", genes, "G0", *given)
