"""Elements as examples for EPInformer's encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyfaidx
import pytest

from gexpipe.data.activity import ElementActivity
from gexpipe.data.open import Sources, open_data
from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.train.run import train
from tests.train.fake import method

PARTS = {"chr1": "train", "chr2": "valid", "chr3": "test"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    bases = {c: "".join(rng.choice(list("ACGT"), 3000)) for c in [*PARTS, "chr4"]}
    genome = tmp_path / "genome.fa"
    genome.write_text("".join(f">{c}\n{s}\n" for c, s in bases.items()))
    pyfaidx.Faidx(str(genome))
    rows = [
        {"chrom": c, "start": s, "end": s + 301, "name": f"{c}:{s}", "activity_base": s / 100.0}
        for c in [*PARTS, "chr4"]
        for s in range(0, 2700, 90)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "elements.parquet")
    examples = pd.DataFrame({"gene_id": list("abc"), "chrom": list(PARTS)})
    examples["fold_11"] = list(PARTS.values())
    examples.to_parquet(tmp_path / "examples.parquet")
    return {"activity": tmp_path / "elements.parquet", "genome": genome,
            "examples": tmp_path / "examples.parquet"}  # fmt: skip


def test_bases_targets_and_parts(files: dict[str, Path]) -> None:
    data = ElementActivity(files["activity"], files["genome"], files["examples"], 256)
    assert set(data.table["chrom"]) == set(PARTS)
    assert len(data.split(11, "valid")) == 30
    assert set(data.table["chrom"].iloc[data.split(11, "test")]) == {"chr3"}
    batch = data.batch(np.array([1, 2]))
    np.testing.assert_allclose(batch.target, np.log2(0.1 + np.array([0.9, 1.8])), rtol=1e-6)
    with pyfaidx.Fasta(str(files["genome"]), as_raw=True) as genome:
        middle = (90 + 90 + 301) // 2
        expected = genome["chr1"][middle - 128 : middle + 128]
    assert "".join("ACGTN"[c] for c in batch.codes[0]) == expected
    other = ElementActivity(files["activity"], files["genome"], files["examples"], 128)
    assert other.fingerprint != data.fingerprint


def test_training_reads_either_strand(files: dict[str, Path]) -> None:
    where = files["activity"], files["genome"], files["examples"]
    rows = np.arange(60)
    plain = ElementActivity(*where, 256, 0.5).batch(rows)
    turned = ElementActivity(*where, 256, 1.0).batch(rows, np.random.default_rng(1))
    mixed = ElementActivity(*where, 256, 0.5).batch(rows, np.random.default_rng(1))
    there = plain.codes.numpy()
    other = np.where(there < 4, 3 - there, 4)[:, ::-1]
    np.testing.assert_array_equal(turned.codes, other)
    same = (mixed.codes.numpy() == there).all(axis=1)
    assert 15 < same.sum() < 45 and (mixed.codes.numpy()[~same] == other[~same]).all()
    assert (mixed.target == plain.target).all()
    settings = {**method("enhancer_encoder")}
    settings["inputs"] = {**settings["inputs"], "reverse_complement": 1.0}
    data = open_data(Sources(**files), MethodConfig.from_mapping(settings))
    np.testing.assert_array_equal(data.batch(rows, np.random.default_rng(1)).codes, other)


def test_trains_the_encoder(files: dict[str, Path], tmp_path: Path) -> None:
    config = MethodConfig.from_mapping(method("enhancer_encoder"))
    data = open_data(Sources(**files), config)
    train(config, data, 11, 2, tmp_path / "run")
    table = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert table.groupby("split").size().to_dict() == {"test": 30, "valid": 30}


def test_what_is_missing_is_named(files: dict[str, Path]) -> None:
    encoder = MethodConfig.from_mapping(method("enhancer_encoder"))
    with pytest.raises(UserError, match="enhancer_encoder: give --activity and --genome"):
        open_data(Sources(files["examples"]), encoder)
    with pytest.raises(UserError, match="caduceus: give --sequence and --signals"):
        open_data(Sources(files["examples"]), MethodConfig.from_mapping(method("caduceus")))
    mixed = pd.DataFrame(
        {"gene_id": ["a", "b"], "chrom": ["chr1", "chr1"], "fold_11": ["train", "test"]}
    )
    mixed.to_parquet(files["examples"])
    with pytest.raises(UserError, match="genes of chr1 are in several parts"):
        ElementActivity(files["activity"], files["genome"], files["examples"], 256)
