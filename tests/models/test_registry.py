"""Methods by name: sizes, options, inputs, and the method files that ship."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.methods.merged import read_method
from gexpipe.methods.options import parse
from gexpipe.methods.settings import MethodConfig, TrainOptions
from gexpipe.models import Inputs, architectures, build, from_reference, parameters
from gexpipe.models.registry import model_class
from tests.train.fake import MODELS, SIGNALS, data_for, method

FOLDER = Path(__file__).parents[2] / "config" / "methods"
# The folder also holds baselines, which have no network.
FILES = [
    f for f in sorted(FOLDER.glob("*.yaml")) if read_method(str(f)).architecture in architectures()
]
COUNTS = [
    ("hyena", [], 903_681),
    ("mamba", [], 502_401),
    ("caduceus", [], 574_209),
    ("caduceus", SIGNALS, 574_593),
    ("seq2exp_soft", SIGNALS, 1_114_249),
    # Its paper says 447,149: that is without the three element features, 3 x 64 weights.
    ("epinformer", [], 447_341),
    ("seq2exp_hard", SIGNALS, 26_174_985),
    ("prism", SIGNALS, 585_681),
    ("infer", SIGNALS, 585_681),
]


@pytest.mark.parametrize(("architecture", "signals", "count"), COUNTS)
def test_parameter_counts(architecture: str, signals: list[str], count: int) -> None:
    inputs = Inputs(200_000, tuple(signals), elements=architecture == "epinformer")
    assert parameters(build(architecture, {}, inputs)) == count


def test_unknown_option_is_refused_with_method_and_key() -> None:
    with pytest.raises(UserError, match=r"method prism: model: unknown key 'd_modle'.*'d_model'"):
        build("prism", {"d_modle": 32}, Inputs(2000, tuple(SIGNALS)))
    with pytest.raises(UserError, match=r"model\.d_model: found '32', expected int"):
        build("caduceus", {"d_model": "32"}, Inputs(2000))
    with pytest.raises(UserError, match="unknown architecture 'enformr'"):
        build("enformr", {}, Inputs(2000))


def test_inputs_that_a_method_needs() -> None:
    with pytest.raises(UserError, match="needs signals"):
        build("prism", {}, Inputs(2000))
    with pytest.raises(UserError, match="element table"):
        build("epinformer", {}, Inputs(2000))
    with pytest.raises(UserError, match=r"model\.slot"):
        build("epinformer", {"slot": 200}, Inputs(2000, elements=True))
    with pytest.raises(UserError, match=r"prior_weight: 3 values for 2 signals"):
        build("seq2exp_soft", {}, Inputs(2000, ("H3K27ac", "DNase")))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_method_files(file: Path) -> None:
    config = read_method(str(file))
    assert config.name == file.stem
    if config.architecture == "enformer":
        pytest.importorskip("enformer_pytorch")
    if config.architecture != "gta":  # its backbone is not part of gexpipe; see tests/gta
        with torch.device("meta"):
            build(config.architecture, config.model, config.inputs, config.name)
    lines = file.read_text().splitlines()
    for before, line in pairwise(lines):
        if not line.lstrip().startswith("#"):
            assert before.lstrip().startswith("#"), f"no comment above {line!r}"


def test_every_architecture_has_a_file() -> None:
    assert {read_method(str(f)).architecture for f in FILES} == set(architectures())


@pytest.mark.parametrize("architecture", MODELS)
@pytest.mark.parametrize("length", [256, 64, 30])
def test_any_length(architecture: str, length: int) -> None:
    """Longer than, equal to and shorter than the pooled centre."""
    config, data = method(architecture), data_for(architecture, length=length)
    if architecture == "seq2exp_retrain":  # the centre is always kept
        config["model"] = {**config["model"], "share": 1.0}
    inputs = {**config["inputs"], "length": length}
    model = build(architecture, config["model"], inputs)
    batch = data.batch(data.split(11, "train")[:2]).dense()
    if architecture in ("prism", "infer") and length < 64:
        length = 64  # three poolings by four need 64 bases
        return
    output = model(batch)
    loss = model.loss(batch, output)
    assert output.prediction.shape == (2,)
    assert torch.isfinite(loss["total"])
    named = sum(v for k, v in loss.items() if k != "total")
    torch.testing.assert_close(loss["total"], named)


def _changed(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple) and isinstance(value[0], str):
        return value[:-1]
    if isinstance(value, tuple):
        return (value[0] * 2, *value[1:])
    return value * 2 or 0.5


@pytest.mark.parametrize(
    ("architecture", "option"),
    [(a, f.name) for a in MODELS for f in dataclasses.fields(model_class(a).Options)],
)
def test_every_option_changes_the_loss_or_its_gradient(architecture: str, option: str) -> None:
    config, data = method(architecture), data_for(architecture)
    cls = model_class(architecture)
    options = dict(config["model"])
    value = options.get(option, getattr(cls.Options(), option))
    value = tuple(value) if isinstance(value, list) else value
    batch = data.batch(data.split(11, "train")[:4])
    if option == "slot":
        pytest.skip("another slot is another input")

    def outcome(choice: object) -> list[float]:
        torch.manual_seed(0)
        model = build(architecture, {**options, option: choice}, config["inputs"]).train()
        torch.manual_seed(0)
        output = model(batch)
        loss = model.loss(batch, output)
        loss["total"].backward()
        gradients = [float(p.grad.norm()) for p in model.parameters() if p.grad is not None]
        return [v.item() for v in loss.values()] + gradients

    given = {
        "signal_retention": 0.5, "weight_activation": "softmax", "element_units": "plain",
        "promoter_slot": "ones", "promoter_signal": "log",
    }  # fmt: skip
    other = given.get(option) or _changed(value)
    assert outcome(value) != outcome(other)


def test_reference_names_what_is_missing_and_unknown() -> None:
    with pytest.raises(UserError, match="no published layout"):
        from_reference("gta", {}, {})
    config = {
        "d_model": 16, "n_layer": 1, "center_len": 64, "signal_size": 3, "rna_feat_dim": 9,
        "useRNAFeat": True, "interact": "concat", "seq_range": 256,
        "ssm_cfg": {"d_state": 4, "d_conv": 4, "expand": 2},
    }  # fmt: skip
    with pytest.raises(UserError, match=r"missing tensors: .*unknown tensors: extra\.weight"):
        from_reference("caduceus", config, {"extra.weight": torch.zeros(1)})
    other = {**config, "bidirectional_strategy": "ew_multiply"}
    with pytest.raises(UserError, match="bidirectional_strategy: 'ew_multiply', only 'add'"):
        from_reference("caduceus", other, {})
    other = {**config, "ssm_cfg": {**config["ssm_cfg"], "dt_rank": 3}}
    with pytest.raises(UserError, match=r"ssm_cfg\.dt_rank: 3, only 'auto'"):
        from_reference("caduceus", other, {})
    with pytest.raises(UserError, match="configuration: n_layer: it is missing"):
        from_reference("caduceus", {k: v for k, v in config.items() if k != "n_layer"}, {})


def test_train_options_are_checked() -> None:
    with pytest.raises(UserError, match=r"train\.loss"):
        parse(TrainOptions, {"loss": "huber"}, "train")
    with pytest.raises(UserError, match=r"train\.warmup_steps"):
        TrainOptions(steps=10).check("train")


def test_what_is_no_module_class_is_refused_and_not_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("os:system", "subprocess:Popen", "shutil:rmtree"):
        with pytest.raises(UserError, match="neither a Declaration nor a class with Options"):
            build(name, {"command": "touch called"}, {})
    Path("not_a_module.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Options:\n    width: int = 3\n"
        "class Model:\n    Options = Options\n"
        "    def __init__(self, *_):\n        open('called', 'w')\n"
    )
    with pytest.raises(UserError, match="not_a_module:Model: no torch Module class"):
        build("not_a_module:Model", {}, {})
    assert not Path("called").exists()


def test_a_share_smaller_than_the_centre_that_is_always_kept_is_refused() -> None:
    config = method("seq2exp_retrain")
    inputs = {**config["inputs"], "length": 256}
    for share, legal in ((0.25, True), (0.2, False)):
        values = {**config, "inputs": inputs, "model": {**config["model"], "share": share}}
        if legal:
            MethodConfig.from_mapping(values)
            continue
        with pytest.raises(UserError, match=r"share: 0.2 keeps 51 of 256 bases.*central 64"):
            MethodConfig.from_mapping(values)
        with pytest.raises(UserError, match="central 64"):
            build("seq2exp_retrain", values["model"], inputs)
