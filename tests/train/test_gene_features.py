"""The network on element features: attention, padding, its data set, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gexpipe.batch import Elements
from gexpipe.data.gene_features import GeneFeatures
from gexpipe.data.gene_tables import GeneTables, read_gene_tables
from gexpipe.data.open import open_data
from gexpipe.data.sources import Sources
from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.models.epinformer_features import PromoterAttention
from gexpipe.reference.mrna import MRNA_FEATURES
from gexpipe.train.run import train

SMALL = {"width": 16, "layers": 1, "heads": 2, "hidden": 16, "dropout": 0.0}


def test_attention_equals_torchs_own() -> None:
    torch.manual_seed(0)
    ours, theirs = PromoterAttention(8, 2), torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    promoter, elements = torch.randn(3, 8), torch.randn(3, 4, 8)
    used = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0]], dtype=torch.bool)
    keys = torch.cat([promoter[:, None], elements], dim=1)
    blocked = torch.cat([torch.zeros(3, 1, dtype=torch.bool), ~used], dim=1)
    expected, _ = theirs(promoter[:, None], keys, keys, key_padding_mask=blocked)
    found = ours(promoter, elements[used], used.nonzero()[:, 0])
    torch.testing.assert_close(found, expected[:, 0], rtol=1e-5, atol=1e-6)


def tables(genes: int, seed: int = 0) -> GeneTables:
    """Expression is an mRNA feature plus the activity of elements within 20 kb."""
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 6, genes)
    owner = np.repeat(np.arange(genes), number)
    rank = np.concatenate([np.arange(n) for n in number])
    distance, activity = rng.uniform(1, 100, len(owner)), rng.lognormal(1, 1, len(owner))
    names = np.array([f"g{i}" for i in range(genes)])
    start = (1_000_000 + distance * 1000 - 250).astype(int)
    elements = pd.DataFrame(
        {
            "gene_id": names[owner],
            "rank": rank,
            "start": start,
            "end": start + 500,
            "distance_kb": distance,
            "contact_log": np.log10(1 + 1 / distance),
            "activity": activity,
        }
    )
    near = np.bincount(owner, weights=np.where(distance < 20, activity, 0), minlength=genes)
    examples = pd.DataFrame({"gene_id": names, "symbol": names, "chrom": "chr1"})
    examples["tss"], examples["strand"], examples["promoter_activity"] = 1_000_000, "+", 1.0
    for name in MRNA_FEATURES:
        examples[name] = rng.normal(size=genes)
    first = examples[MRNA_FEATURES[0]]
    examples["target"] = first + np.log1p(near) + rng.normal(0, 0.1, genes)
    examples["fold_11"] = np.resize(["train"] * 4 + ["valid", "test"], genes)
    return GeneTables(examples, None, elements)


def test_unused_slots_and_the_order_of_elements_do_not_matter() -> None:
    data = GeneFeatures(tables(40), "promoter+mrna")
    torch.manual_seed(1)
    model = build("epinformer_features", {**SMALL, "features": "promoter+mrna"}, {"length": 2})
    model.eval()
    batch = data.batch(np.arange(40))
    assert batch.elements is not None
    numbers = batch.elements.features
    first = model(batch).prediction

    def predicted(features: torch.Tensor) -> torch.Tensor:
        changed = Elements(batch.elements.codes, features)  # type: ignore[union-attr]
        return model(type(batch)(**{**vars(batch), "elements": changed})).prediction

    unused = numbers.clone()
    unused[..., :-1][numbers[..., -1] == 0] = 99.0
    torch.testing.assert_close(predicted(unused), first)
    torch.testing.assert_close(predicted(numbers.flip(1)), first)
    moved = numbers.clone()
    moved[..., :-1] += 1.0
    with_elements = numbers[..., -1].any(dim=1)
    assert not torch.isclose(predicted(moved), first)[with_elements].any()
    torch.testing.assert_close(predicted(moved)[~with_elements], first[~with_elements])


def test_numbers_have_mean_0_and_variance_1() -> None:
    data = GeneFeatures(tables(500), "mrna")
    batch = data.batch(np.arange(500))
    assert batch.elements is not None
    used = batch.elements.features[..., -1] > 0
    for values in (batch.features, batch.elements.features[used][:, :4]):
        torch.testing.assert_close(values.mean(0), torch.zeros(values.shape[1]), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            values.std(0, correction=0), torch.ones(values.shape[1]), atol=1e-4, rtol=0
        )


def config(**model: object) -> MethodConfig:
    return MethodConfig.from_mapping(
        {
            "name": "features",
            "architecture": "epinformer_features",
            "inputs": {"length": 2},
            "model": {**SMALL, "features": "promoter+mrna", **model},
            "train": {
                "loss": "mse", "steps": 400, "warmup_steps": 40, "batch_size": 32,
                "learning_rate": 5e-3, "final_learning_rate": 0, "precision": "32-true",
                "validations_per_epoch": 1, "weight_decay": 1e-2,
            },
        }
    )  # fmt: skip


def test_it_learns_from_the_elements(tmp_path: Path) -> None:
    made = tables(1200)
    without = GeneTables(made.examples, None, made.elements.iloc[:0])  # type: ignore[union-attr]
    found = {}
    for name, given in {"all": made, "again": made, "blind": without}.items():
        data = GeneFeatures(given, "promoter+mrna")
        train(config(), data, 11, 2, tmp_path / name)
        table = pd.read_parquet(tmp_path / name / "predictions.parquet").query("split == 'test'")
        found[name] = table["predicted"].to_numpy()
    truth = table["observed"].to_numpy()
    errors = {name: np.mean((found[name] - truth) ** 2) for name in found}
    np.testing.assert_array_equal(found["all"], found["again"])
    assert errors["all"] < 0.5 * errors["blind"]


def test_it_is_opened_from_files_and_what_is_missing_is_said(tmp_path: Path) -> None:
    made = tables(30)
    made.examples.to_parquet(tmp_path / "examples.parquet")
    assert made.elements is not None
    made.elements.to_parquet(tmp_path / "links.parquet")
    with pytest.raises(UserError, match="method features: give --links"):
        open_data(Sources(tmp_path / "examples.parquet"), config())
    sources = Sources(tmp_path / "examples.parquet", links=tmp_path / "links.parquet")
    assert len(open_data(sources, config()).gene_ids) == 30
    with pytest.raises(UserError, match="the set 'marks' needs --gene-activity"):
        open_data(sources, config(features="marks"))
    marks = pd.DataFrame({"gene_id": made.examples["gene_id"], "dnase_rpm": 2.0})
    marks.to_parquet(tmp_path / "genes.parquet")
    lacking = read_gene_tables(
        tmp_path / "examples.parquet", tmp_path / "genes.parquet", tmp_path / "links.parquet"
    )
    with pytest.raises(UserError, match="1 features of genes, the sets marks have 2"):
        GeneFeatures(lacking, "marks")
