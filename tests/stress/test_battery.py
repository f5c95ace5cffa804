"""Every change asked of models whose answers are known: the oracle, and models that are misled."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from oracle import World, config

from gexpipe.methods.declared import declaration
from gexpipe.models import ExpressionModel
from gexpipe.stress.battery import answers
from gexpipe.stress.numbers import TESTS, differences, numbers
from gexpipe.stress.trust import score_answers
from gexpipe.stress.wholes import whole_answers


@cache
def world() -> World:
    return World()


@cache
def asked(name: str) -> pd.DataFrame:
    """All answers of one model."""
    here, said = world(), config(name)
    model: ExpressionModel = declaration(said.architecture).load()(None, said.inputs)
    data, rows = here.data("A"), np.arange(len(here.ids))
    truths = here.truths["A"], here.truths["B"]
    return pd.concat(
        [
            whole_answers(model, data, here.data("B"), truths, said, rows, 1),
            answers(model, data, truths[0], said, rows, None, 1),
            score_answers(model, data, truths[0], said, rows, None),
        ],
        ignore_index=True,
    )


@cache
def table(*names: str) -> pd.DataFrame:
    found = numbers({("A", name): [asked(name)] for name in names}, {}, 200, 1)
    return found.set_index(["method", "test"])


def test_the_oracle_answers_as_the_truth() -> None:
    found = table("Oracle").loc["Oracle"]
    for test in TESTS:
        row = found.loc[test.name]
        if test.name in ("mask", "attention", "saliency"):
            continue
        assert row["value"] == pytest.approx(test.ideal, abs=0.02), test.name
        assert row["verdict"] == "as the truth", test.name
        assert row["answers"] > 0, test.name
    assert found.loc["mask", "note"] == "it gives no such score"
    # What it reads is used; what it does not read is not, to the last bit.
    assert found.loc["without H3K27ac", "verdict"] == "used"
    for name in ("DNase", "Copy", "Echo", "sequence"):
        assert found.loc[f"without {name}", "verdict"] in ("not used", ""), name


def test_a_model_that_reads_what_is_open_leans_on_decoys_and_misses_contact() -> None:
    found = table("Misled").loc["Misled"]
    assert found.loc["decoys", "low"] > 0.7
    assert found.loc["decoys", "verdict"] in ("no", "partly")
    assert found.loc["exchanged contact", "note"] == "its prediction never changes"
    assert found.loc["without H3K27ac", "value"] == pytest.approx(1)
    assert found.loc["perturbation", "value"] < 0.8
    gaps = differences({("A", n): [asked(n)] for n in ("Misled", "Oracle")}, 200, 1)
    row = gaps[gaps["test"] == "decoys"].iloc[0]
    assert (row["a"], row["b"]) == ("Misled", "Oracle")
    assert row["low"] > 0.7


def test_a_model_that_reads_the_copy_is_told() -> None:
    found = table("Copier").loc["Copier"]
    assert found.loc["copy of a cause", "value"] == pytest.approx(1, abs=0.1)
    assert found.loc["copy of a cause", "verdict"] == "no"
    assert table("Oracle").loc[("Oracle", "copy of a cause"), "value"] == 0


def test_a_model_that_reads_an_effect_is_told() -> None:
    assert table("Echoing").loc[("Echoing", "effect of expression"), "value"] > 10


def test_a_model_that_reads_no_signal_is_said_to_say_nothing() -> None:
    found = table("Deaf").loc["Deaf"]
    for name in ("enhancers", "decoys", "shifted marks", "exchanged contact", "cell-specific"):
        assert np.isnan(found.loc[name, "value"]), name
        assert found.loc[name, "note"] == "its prediction never changes", name
        assert found.loc[name, "verdict"] == "", name
    assert found.loc["expression", "value"] == pytest.approx(1)


def test_what_a_model_leans_on_is_not_told_where_it_finds_no_enhancer() -> None:
    noise = asked("Oracle").copy()
    removed = noise["test"] == "remove"
    noise.loc[removed, "predicted"] = np.random.default_rng(1).normal(size=removed.sum())
    row = numbers({("A", "noise"): [noise]}, {}, 200, 1).set_index("test").loc["decoys"]
    assert row["verdict"] == ""
    assert "does not find enhancers" in row["note"]


def test_a_method_without_contact_is_not_asked_of_it() -> None:
    here, names = world(), ["H3K27ac", "DNase"]
    said, rows = config("Deaf", names), np.arange(10)
    model = declaration(said.architecture).load()(None, said.inputs)
    data = here.data("A", names)
    whole = whole_answers(model, data, None, (here.truths["A"], None), said, rows, 1)
    found = numbers({("A", "x"): [whole]}, {"linear": "fitted"}, 50, 1).set_index("test")
    assert found.loc["exchanged contact", "note"] == "it reads no contact along a window"
    assert found.loc["cell-specific", "answers"] == 0
    assert found.loc["all", "note"] == "fitted"


def test_answers_do_not_depend_on_chance_beyond_the_seed() -> None:
    here, said = world(), config("Oracle")
    model = declaration(said.architecture).load()(None, said.inputs)
    data, rows = here.data("A"), np.arange(12)
    one, two = (answers(model, data, here.truths["A"], said, rows, None, 1) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_an_interval_over_seeds_is_wider_than_that_of_one() -> None:
    good, bad = asked("Oracle"), asked("Misled")
    both = numbers({("A", "x"): [good, bad]}, {}, 400, 1).set_index("test").loc["decoys"]
    alone = numbers({("A", "x"): [bad]}, {}, 400, 1).set_index("test").loc["decoys"]
    assert both["seeds"] == 2
    assert both["high"] - both["low"] > 2 * (alone["high"] - alone["low"])
