"""Promoters with a CpG island, and errors by that class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from gexpipe.benchmark.promoters import cpg_island, promoter_classes
from gexpipe.benchmark.reliability import reliability
from tests.benchmark.test_benchmark import _table


def _random(length: int, gc: float, seed: int) -> str:
    share = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length, p=share))


def test_an_island_is_rich_in_gc_and_has_its_cpg() -> None:
    rich, poor = _random(1000, 0.65, 1), _random(1000, 0.42, 2)
    assert cpg_island(rich) and cpg_island(rich.lower())
    assert not cpg_island(poor), "G and C are too few"
    assert not cpg_island(rich.replace("CG", "TG")), "methylated CpG is lost"
    assert cpg_island(poor[:480] + rich[:520]) and not cpg_island(poor[:900] + rich[:100])
    assert not cpg_island(rich[:499]) and not cpg_island("N" * 1000)


@pytest.mark.parametrize(("cpg", "island"), [(32, True), (31, False)])
def test_the_limit_is_that_of_takai_and_jones(cpg: int, island: bool) -> None:
    # 500 bp, 155 C and 155 G: chance makes 155 x 155 / 500 = 48 CpG, of which 65 % are 31.2.
    sequence = "CG" * cpg + "TA" * 20 + "G" * (155 - cpg) + "A" * 75 + "C" * (155 - cpg) + "T" * 75
    assert len(sequence) == 500 and sequence.count("CG") == cpg
    assert cpg_island(sequence) is island


def test_errors_stand_by_class(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    rich, poor = _random(2000, 0.65, 1), _random(2000, 0.42, 2)
    path.write_text(f">chr21\n{rich + poor}\n>chr22\n{poor}\n")
    pysam.faidx(str(path))
    genes = pd.DataFrame({"gene_id": ["A", "B", "C"], "chrom": ["chr21", "chr21", "chr22"]})
    classes = promoter_classes(genes.assign(tss=[1000, 3200, 1000]), path)
    assert classes.to_dict() == {"A": "CpG island", "B": "no CpG island", "C": "no CpG island"}
    table = _table(1, 400)
    kind = pd.Series(np.where(table.index % 4, "CpG island", "no CpG island"), table["gene_id"])
    found, _ = reliability({("SIM1", "M"): table}, classes={"promoter": kind})
    rows = found[found["kind"] == "promoter"].set_index("group")
    assert rows["genes"].to_dict() == {"CpG island": 150, "no CpG island": 50}
    test = table[table["split"] == "test"]
    own = test[test["gene_id"].map(kind) == "CpG island"]
    assert rows.loc["CpG island", "mse"] == pytest.approx(
        ((own["observed"] - own["predicted"]) ** 2).mean()
    )
