"""Differences that are planted between two preparations are found, named and measured."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from gexpipe.cli.main import app
from gexpipe.compare.difference import of_values
from gexpipe.compare.replicates import likely_replicates
from gexpipe.compare.sides import open_side
from gexpipe.errors import UserError
from tests.project import Project

SMALL = ("genes", "examples", "elements", "abc", "contacts", "peaks", "targets")
CELL = "SIM1"


@pytest.fixture(scope="module")
def tables(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a finished project, without its stores."""
    folder = tmp_path_factory.mktemp("tables")
    results = finished.folder / "results"
    for name in SMALL:
        shutil.copytree(results / name, folder / "results" / name)
    shutil.copy(results / "provenance.tsv", folder / "results")
    return folder


def gexpipe(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def compared(a: Path, b: Path, out: Path, *more: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Table of inputs, table of genes, page."""
    place = out / "differences.tsv"
    done = gexpipe("compare", a, b, "--cell", CELL, "--out", place, *more)
    assert done.exit_code == 0, done.output
    found = pd.read_csv(place, sep="\t").set_index("input")
    genes = pd.read_csv(place.with_suffix(".genes.tsv"), sep="\t")
    return found, genes, place.with_suffix(".html").read_text()


def change_table(path: str, edit: Callable[[pd.DataFrame], Any]) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        place = folder / "results" / path
        table = pd.read_parquet(place)
        changed = edit(table)
        (table if changed is None else changed).to_parquet(place)

    return plant


def change_json(path: str, **values: Any) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        place = folder / "results" / path
        place.write_text(json.dumps({**json.loads(place.read_text()), **values}))

    return plant


def some(column: str, value: Callable[[pd.Series], Any], rows: slice = slice(None)) -> Any:
    """Change a column of a table, in some rows."""

    def edit(table: pd.DataFrame) -> None:
        place = table.columns.get_loc(column)
        table.iloc[rows, place] = value(table[column].iloc[rows])

    return edit


def unbalanced(folder: Path) -> None:
    place = folder / f"results/contacts/{CELL}/rows.npz"
    with np.load(place) as stored:
        arrays = dict(stored)
    arrays["values"] = arrays["values"] * np.linspace(2, 40, len(arrays["values"]))[:, None]
    np.savez(place, **arrays)


def without_accession(folder: Path) -> None:
    place = folder / "results/provenance.tsv"
    lines = place.read_text().splitlines(keepends=True)
    place.write_text("".join(line for line in lines if "ENCFF903SIM" not in line))


examples, links = f"examples/{CELL}.parquet", f"elements/{CELL}.parquet"
abc = f"abc/{CELL}/elements.parquet"
PLANTED: dict[str, tuple[Callable[[Path], None], str, str, int]] = {
    # what is planted -> how, the input that is named, words, genes
    "a file fewer": (without_accession, "files", "only A: dnase_bam ENCFF903SIM", 0),
    "one replicate dropped": (
        change_json(f"abc/{CELL}/quality.json", dnase_files={"value": 1}),
        "quality: dnase_files", "A 2, B 1", 0,
    ),
    "reads of one replicate": (
        change_table(abc, some("dnase_rpm", lambda x: x * (1 + 0.3 * np.sin(np.arange(len(x)))))),
        "candidate elements: dnase_rpm", "times A in the median", 0,
    ),
    "TSS shifted": (
        change_table(examples, some("tss", lambda x: x + 120, slice(5))),
        "TSS", "B is A +120 bp wherever they differ", 5,
    ),
    "contact unbalanced": (unbalanced, "contact of a TSS, summed", "times A in the median", 78),
    "another balancing named": (
        change_json(f"contacts/{CELL}/rows.json", normalization="NONE"),
        "contacts: normalization", "A VC, B NONE", 0,
    ),
    "target not transformed": (
        change_table(examples, some("target", lambda x: 10**x - 1)), "target", "r = 0.", 77,
    ),
    "missing targets": (
        change_table(examples, some("target", lambda x: np.nan, slice(3))),
        "target", "3 missing in B alone", 3,
    ),
    "activity halved": (
        change_table(examples, some("promoter_activity", lambda x: x / 2)),
        "feature promoter_activity", "B is 0.5 times A wherever they differ", 78,
    ),
    "fewer elements": (
        change_table(links, lambda t: t[t["rank"] < t["rank"].max()]),
        "elements of a gene, how many", "B is A -1 wherever they differ", 78,
    ),
    "contact of elements in other units": (
        change_table(links, some("contact_log", lambda x: x + 1)),
        "contact of elements", "B is A +1 wherever they differ", 78,
    ),
    "a gene fewer": (
        change_table(examples, lambda t: t.iloc[1:]), "genes", "1 only in A: ENSG90000000001", 0,
    ),
    "another fold": (
        change_table(examples, some("fold_11", lambda x: "test", slice(4))),
        "split fold_11", "another value", 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_found_and_nothing_else(
    tables: Path, tmp_path: Path, planted: str
) -> None:
    plant, what, words, count = PLANTED[planted]
    other = tmp_path / "other"
    shutil.copytree(tables, other)
    plant(other)
    found, genes, page = compared(tables, other, tmp_path)
    assert list(found.index) == [what]
    assert words in found.loc[what, "difference"]
    said = 0 if pd.isna(found.loc[what, "genes"]) else int(found.loc[what, "genes"])
    # Genes without an element, activity or target do not differ.
    assert count * 0.9 <= said <= count
    assert len(genes) == said and what in page


def test_equal_ones_say_so(tables: Path, tmp_path: Path) -> None:
    found, genes, page = compared(tables, tables, tmp_path)
    assert found.empty and genes.empty and "Nothing differs" in page


def test_windows_and_a_model_tell_which_input_matters(finished: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(finished.folder / "results", other / "results", symlinks=True)
    shutil.rmtree(other / f"results/windows/{CELL}.zarr")
    shutil.copytree(other / "results/windows/SIM2.zarr", other / f"results/windows/{CELL}.zarr")
    model = finished.folder / f"results/runs/{CELL}/caduceus_signals/fold11/seed2/best.ckpt"
    found, genes, page = compared(
        finished.folder, other, tmp_path, "--genes", "20", "--checkpoint", str(model)
    )
    assert {"windows: H3K27ac", "windows: DNase", "windows: contact"} <= set(found.index)
    assert "windows: bases" not in found.index and "target" not in found.index
    assert "What the model makes of it" in page and len(genes) <= 20


def test_a_model_that_reads_no_windows_is_refused(finished: Project, tmp_path: Path) -> None:
    model = finished.folder / f"results/runs/{CELL}/gta/fold11/seed2/best.ckpt"
    done = gexpipe("compare", finished.folder, finished.folder, "--cell", CELL, "--checkpoint",
                   model, "--genes", "3", "--out", tmp_path / "x.tsv")  # fmt: skip
    assert done.exit_code != 0
    assert "reads bins; inputs can be exchanged" in str(done.exception)


def test_other_numbers_of_elements_are_exchanged_as_a_whole() -> None:
    from gexpipe.batch import Elements
    from gexpipe.compare.swap import swapped_predictions
    from gexpipe.models.base import ExpressionModel, Output
    from tests.train.fake import FakeData

    class OfElements(ExpressionModel):
        def forward(self, batch):
            return Output(batch.elements.features.sum((1, 2)))

    class Fewer(FakeData):
        def batch(self, rows, draw=None):
            found = super().batch(rows, draw)
            kept = Elements(found.elements.codes[:, :3], found.elements.features[:, :3])
            return replace(found, elements=kept)

    a, b = FakeData(genes=12, slot=40), Fewer(genes=12, slot=40)
    names = ["H3K27ac", "DNase", "contact"]
    table = swapped_predictions(OfElements(), a, b, a.gene_ids, names)
    assert "elements, their bases" not in table
    assert (table["elements, all"] == table["B"]).all() and not (table["A"] == table["B"]).all()


def test_swapped_inputs_add_up_for_a_linear_model() -> None:
    import torch

    from gexpipe.compare.swap import explained, swapped_predictions
    from gexpipe.models.base import ExpressionModel, Output
    from tests.train.fake import FakeData

    class Linear(ExpressionModel):
        def forward(self, batch):
            return Output(3 * batch.signals[:, 0].mean(1) + batch.features[:, 0])

    a, b = FakeData(genes=12, seed=1), FakeData(genes=12, seed=1)
    b.signals = b.signals.clone()
    b.signals[:, 0] += 0.5
    b.features = b.features + torch.nn.functional.one_hot(torch.tensor(8), 9)  # not read
    names = ["H3K27ac", "DNase", "contact"]
    table = explained(swapped_predictions(Linear(), a, b, a.gene_ids, names)).set_index("input")
    assert table.loc["H3K27ac", "share"] == pytest.approx(1, abs=1e-6)
    assert table.loc["H3K27ac", "moved"] == pytest.approx(1.5, abs=1e-5)
    others = table.drop(index="H3K27ac")
    assert (others["share"].abs() < 1e-6).all() and (others["moved"] < 1e-6).all()


def test_replicates_of_a_published_column_are_identified() -> None:
    rng = np.random.default_rng(0)
    elements = [f"e{i}" for i in range(500)]
    depth = {"rep1": 3.0, "rep2": 1.0, "rep3": 2.0}
    common = rng.gamma(1.0, 30.0, 500)
    reads = {
        name: pd.Series(rng.poisson(common * scale).astype(float), elements)
        for name, scale in depth.items()
    }
    scaled = {name: counts / counts.sum() * 1e6 for name, counts in reads.items()}
    published = ((scaled["rep1"] + scaled["rep3"]) / 2).round(3) * 7
    table = likely_replicates(published, reads)
    assert table.loc[0, "replicates"] == "rep1+rep3" and table.loc[0, "r"] > 0.999999
    assert table.loc[0, "weights"] == "0.500+0.500"
    every = table.set_index("replicates").loc["rep1+rep2+rep3", "weights"]
    assert every == "0.500+0.000+0.500"
    others = table[~table["replicates"].isin(["rep1+rep3", "rep1+rep2+rep3"])]
    assert (others["error"] > 20 * table.loc[0, "error"]).all()
    # Libraries of which other shares lie in these elements: another weight, the same replicates.
    uneven = reads["rep1"] * 0.3 + reads["rep3"] * 0.1
    assert likely_replicates(uneven, reads).loc[0, "replicates"] == "rep1+rep3"
    with pytest.raises(UserError, match="0 elements have all columns"):
        likely_replicates(published.rename("x".__add__), reads)


def test_the_command_names_the_k562_file(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/k562_counts_hg38"
    dnase = f"{folder}/Enhancers.DHS.ENCFF257HEE.bam.CountReads.bedgraph.gz:4"
    mark = f"{folder}/Enhancers.H3K27ac.ENCFF232RQF.bam.CountReads.bedgraph.gz:4"
    out = tmp_path / "replicates.tsv"
    command = ["abc", "replicates", "--column", dnase, "--counts", f"ENCFF257HEE={dnase}",
               "--counts", f"ENCFF232RQF={mark}", "--out", str(out)]  # fmt: skip
    assert gexpipe(*command).exit_code == 0
    assert pd.read_csv(out, sep="\t").loc[0, "replicates"] == "ENCFF257HEE"


def test_values_that_differ_by_rounding_are_the_same() -> None:
    a = pd.Series([1.0, 2.0, np.nan], ["x", "y", "z"])
    assert of_values("w", a, a * (1 + 1e-7)) is None
    found = of_values("w", a, pd.Series([1.0, np.nan, 3.0], a.index))
    assert found is not None and found.genes == 2
    assert "1 missing in B alone" in found.words and "1 missing in A alone" in found.words


@pytest.mark.parametrize(
    ("place", "said"), [("", "nothing was prepared there"), ("results", "name one (--cell)")]
)
def test_a_folder_without_results_or_choice_is_refused(
    tables: Path, tmp_path: Path, place: str, said: str
) -> None:
    where = tables / place if place else tmp_path
    with pytest.raises(UserError, match=re.escape(said)):
        open_side("A", where, None)
