"""The network on element features: attention, padding, determinism, and that it learns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from gexpipe.baselines.features_net import NetworkData, TrainOptions, fit_network  # noqa: E402
from gexpipe.methods.published import EPInformerFeaturesOptions  # noqa: E402
from gexpipe.models.epinformer_features import EPInformerFeatures, PromoterAttention  # noqa: E402

SMALL = EPInformerFeaturesOptions(width=16, layers=1, heads=2, hidden=16, dropout=0.0)


def test_attention_equals_torchs_own():
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


def test_unused_slots_and_the_order_of_elements_do_not_matter():
    torch.manual_seed(1)
    network = EPInformerFeatures(3, 2, SMALL).eval()
    gene, elements = torch.randn(2, 3), torch.randn(2, 5, 2)
    used = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
    first = network(gene, elements, used)
    changed = elements.clone()
    changed[~used] = 99.0
    torch.testing.assert_close(network(gene, changed, used), first)
    swapped = elements[:, [2, 0, 1, 3, 4]]
    torch.testing.assert_close(network(gene, swapped, used), first)
    assert not torch.allclose(network(gene, elements + 1.0, used)[0], first[0])


def tables(genes: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Expression is a gene feature plus the activity of elements within 20 kb."""
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
    features = pd.DataFrame({"a": rng.normal(size=genes), "b": rng.normal(size=genes)})
    examples = pd.DataFrame({"gene_id": names, "tss": 1_000_000, "strand": "+"})
    examples["target"] = features["a"] + np.log1p(near) + rng.normal(0, 0.1, genes)
    return features, elements, examples


def test_it_learns_from_the_elements_and_a_seed_decides_everything():
    features, elements, examples = tables(1500)
    rows = {
        "train": np.arange(1000),
        "valid": np.arange(1000, 1250),
        "test": np.arange(1250, 1500),
    }
    target = examples["target"].to_numpy()
    options = TrainOptions(epochs=10, average=0.9, learning_rate=5e-3)
    data = NetworkData.build(features, elements, examples, rows["train"])
    first = fit_network(data, target, rows, 2, options, SMALL)
    again = fit_network(data, target, rows, 2, options, SMALL)
    other = fit_network(data, target, rows, 3, options, SMALL)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    without = NetworkData.build(features, elements.iloc[:0], examples, rows["train"])
    blind = fit_network(without, target, rows, 2, options, SMALL)
    mse, blind_mse = (np.mean((p - target)[rows["test"]] ** 2) for p in (first, blind))
    assert mse < 0.5 * blind_mse
