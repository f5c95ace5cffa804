"""Learning rates, optimiser groups and batch order."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from gexpipe.data.batches import BatchOrder, take
from gexpipe.methods.settings import TrainOptions
from gexpipe.models import build
from gexpipe.train.optimiser import learning_rate, parameter_groups
from tests.goldens import arrays, case_parameters, cases, meta
from tests.train.fake import FakeData, data_for, method


@pytest.mark.parametrize("folder", case_parameters(cases("learning-rate schedule")))
def test_learning_rate_golden(folder: Path) -> None:
    io, config = arrays(folder), meta(folder)["config"]
    options = TrainOptions(
        learning_rate=config["lr"],
        warmup_from=config["warmup_lr_init"],
        final_learning_rate=config["lr_min"],
        steps=config["max_steps"],
        warmup_steps=config["warmup_t"],
    )
    found = [learning_rate(int(step), options) for step in io["step"]]
    np.testing.assert_allclose(found, io["lr"], rtol=1e-9)


def test_constant_learning_rate() -> None:
    options = TrainOptions(warmup_steps=0, steps=10, final_learning_rate=5e-4)
    assert {learning_rate(step, options) for step in range(11)} == {5e-4}


def test_groups() -> None:
    config = method("prism")
    model = build("prism", config["model"], config["inputs"])
    decayed, plain = parameter_groups(model, 0.1)
    names = {id(p): name for name, p in model.named_parameters()}
    free = {names[id(p)] for p in plain["params"]}
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(plain["params"]) == len(names)
    assert "backbone.layers.0.mixer.back.A_log" in free
    assert "backbone.layers.0.mixer.ahead.D" in free
    assert "weight_generator.cnn.1.weight" in free
    assert "backbone.layers.0.norm.weight" not in free
    assert all(n in free for n in names.values() if n.endswith("bias"))


def test_constants_are_not_optimised() -> None:
    config = method("seq2exp_soft")
    model = build("seq2exp_soft", config["model"], config["inputs"])
    chosen = {id(p) for group in parameter_groups(model, 0.1) for p in group["params"]}
    assert id(model.mask.log_weight) not in chosen
    assert id(model.mask.signal_beta) not in chosen


def test_order_is_a_function_of_seed_and_step() -> None:
    rows = np.arange(100, 123)
    order, again = BatchOrder(rows, 5, seed=2), BatchOrder(rows, 5, seed=2)
    assert order.per_epoch == 4
    steps = [order[i] for i in range(12)]
    for step in (11, 0, 7):  # in any sequence
        assert np.array_equal(again[step], steps[step])
    for epoch in range(3):
        seen = np.concatenate(steps[4 * epoch : 4 * epoch + 4])
        assert len(set(seen)) == 20
        assert set(seen) <= set(rows)
    assert not np.array_equal(BatchOrder(rows, 5, seed=22)[0], steps[0])
    assert np.array_equal(pickle.loads(pickle.dumps(order))[3], steps[3])


@pytest.mark.parametrize(("least", "batches"), [(0, 4), (2, 5), (3, 5), (4, 4)])
def test_a_last_smaller_batch_is_kept_from_so_many_genes_on(least: int, batches: int) -> None:
    rows = np.arange(23)
    order = BatchOrder(rows, 5, seed=2, least=least)
    assert order.per_epoch == batches
    seen = np.concatenate([order[step] for step in range(batches)])
    assert len(seen) == len(set(seen)) == (23 if batches == 5 else 20)
    assert len(order[batches]) == 5, "the next epoch begins with a whole batch"


def test_fewer_genes_than_a_batch() -> None:
    order = BatchOrder(np.arange(3), 8, seed=2)
    assert order.per_epoch == 1
    assert sorted(order[5]) == [0, 1, 2]


@pytest.mark.parametrize("architecture", ["caduceus", "epinformer"])
def test_take(architecture: str) -> None:
    data: FakeData = data_for(architecture)
    whole, part = data.batch(np.arange(6)), data.batch(np.array([4, 1]))
    found = take(whole, np.array([4, 1]))
    assert torch.equal(found.codes, part.codes)
    assert torch.equal(found.target, part.target)
    if part.elements is not None:
        assert torch.equal(found.elements.codes, part.elements.codes)
