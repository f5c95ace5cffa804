"""Checkpoints of the methods' authors: read, matched strictly, never executed."""

from __future__ import annotations

import collections
import os
import pathlib
import sys
import types
import typing
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from gexpipe.errors import UserError
from gexpipe.methods.merged import read_method
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.models.checkpoint import open_checkpoint, save_checkpoint
from gexpipe.models.foreign import read_tensors, safe_load
from gexpipe.train.start import start, weights_digest
from tests.goldens import case_parameters, cases
from tests.models.golden_cases import Case
from tests.train.fake import method

CONFIG = Path(__file__).parents[2] / "config" / "methods"


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch):
    """An object that pickles as omegaconf's; its modules are gone before a file is read."""
    made = {}
    for name, classes in {
        "omegaconf": [],
        "omegaconf.dictconfig": ["DictConfig"],
        "omegaconf.base": ["ContainerMetadata", "Metadata"],
        "omegaconf.nodes": ["AnyNode"],
    }.items():
        module = types.ModuleType(name)
        for cls in classes:
            made[cls] = type(cls, (), {"__module__": name})
            setattr(module, cls, made[cls])
        monkeypatch.setitem(sys.modules, name, module)
    whole, meta, node = made["DictConfig"](), made["ContainerMetadata"](), made["AnyNode"]()
    meta.__dict__.update(ref_type=typing.Any, object_type=dict, key=None)
    node.__dict__.update(_val=128, _metadata=made["Metadata"]())
    whole.__dict__.update(_metadata=meta, _content={"d_model": node})
    return whole


def lightning_file(path: Path, tensors: dict, configuration: object) -> Path:
    counts = collections.defaultdict(int)
    counts["a"] = 1
    content = {
        "epoch": 3, "global_step": 9, "pytorch-lightning_version": "2.0.0",
        "state_dict": collections.OrderedDict((f"model.{k}", v) for k, v in tensors.items()),
        "callbacks": {"best": torch.tensor(0.2), "dirpath": pathlib.PosixPath("/x"), "n": counts},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
        "hyper_parameters": configuration, "score": np.float64(0.5),
    }  # fmt: skip
    torch.save(content, path)
    for name in [n for n in sys.modules if n.startswith("omegaconf")]:
        del sys.modules[name]
    return path


def prism_method(case: Case) -> MethodConfig:
    values = yaml.safe_load((CONFIG / "prism.yaml").read_text())
    known = case.meta["config"]
    values["model"] |= {"d_model": known["d_model"], "layers": known["n_layer"]}
    return MethodConfig.from_mapping(values)


@pytest.mark.parametrize("folder", case_parameters(cases("Prism")))
def test_lightning_file_of_prism(folder: Path, tmp_path: Path, configuration: object) -> None:
    case = Case.read(folder)
    path = lightning_file(tmp_path / "prism.ckpt", case.weights, configuration)
    model, config, fold = open_checkpoint(path, prism_method(case))
    assert fold is None and config.name == "prism"
    found = model.eval()(case.batch()).prediction[:, None]
    torch.testing.assert_close(found, case.io["eval/pred"], rtol=2e-5, atol=1e-5)
    assert "omegaconf" not in sys.modules
    with pytest.raises(UserError, match=r"prism\.ckpt: no checkpoint of gexpipe.*--method"):
        open_checkpoint(path)
    with pytest.raises(UserError, match=r"as caduceus: .*missing tensors"):
        open_checkpoint(path, read_method(str(CONFIG / "caduceus.yaml")))


def epinformer_method(case: Case) -> MethodConfig:
    """The method with as many features of an element as the case was trained on."""
    number = case.io["extra_feat"].shape[2]
    files = [CONFIG / f"epinformer{name}.yaml" for name in ("_pe", "_activity", "")]
    known = [read_method(str(file)) for file in files]
    return next(m for m in known if len(m.model["element_features"]) == number)


@pytest.mark.parametrize("folder", case_parameters(cases("EPInformer PE-", "EPInformer_v2")))
def test_epinformer_file(folder: Path, tmp_path: Path) -> None:
    case = Case.read(folder)
    path = tmp_path / "fold_11.pt"
    tensors = collections.OrderedDict(case.weights)
    torch.save({"epoch": 5, "model_state_dict": tensors, "loss": np.float64(-0.7)}, path)
    model, _, _ = open_checkpoint(path, epinformer_method(case))
    assert len(read_tensors(safe_load(path), path)) == 114
    assert torch.equal(model.encoder.stem.bias, case.weights["seq_encoder.stem_conv.0.bias"])


@pytest.mark.parametrize("folder", case_parameters(cases("enhancer activity predictor")))
def test_epinformer_starts_from_the_released_encoder(folder: Path, tmp_path: Path) -> None:
    case = Case.read(folder)
    path = tmp_path / "encoder.pt"
    torch.save({"epoch": 5, "model_state_dict": case.weights, "loss": np.float64(-0.5)}, path)
    config = read_method(str(CONFIG / "epinformer_activity.yaml"))
    model = build(config.architecture, config.model, config.inputs)
    assert start(model, config, path)
    expected = weights_digest(case.model("enhancer_encoder").encoder)
    assert weights_digest(model.encoder) == expected


@pytest.mark.parametrize("folder", case_parameters(cases("Seq2Exp-soft")))
def test_retrain_starts_from_the_released_mask(
    folder: Path, tmp_path: Path, configuration: object
) -> None:
    case = Case.read(folder)
    path = lightning_file(tmp_path / "soft.ckpt", case.weights, configuration)
    values = read_method(str(CONFIG / "seq2exp_retrain.yaml")).as_mapping()
    values["model"] |= {"d_model": case.meta["config"]["d_model"]}
    config = MethodConfig.from_mapping(values)
    model = build(config.architecture, config.model, config.inputs)
    assert start(model, config, path)
    found = model.frozen.eval()(case.batch())
    torch.testing.assert_close(found, case.io["mask"], rtol=0, atol=1e-5)


def test_our_own_file(tmp_path: Path) -> None:
    config = MethodConfig.from_mapping(method("caduceus"))
    model = build("caduceus", config.model, config.inputs)
    path = tmp_path / "best.ckpt"
    saved = {"method": config.as_mapping(), "model": model.state_dict(), "fold": 7}
    save_checkpoint(path, saved)
    again, known, fold = open_checkpoint(path)
    assert (known, fold) == (config, 7)
    assert weights_digest(again) == weights_digest(model)


class Malice:
    """Would make a file when it is unpickled."""

    def __init__(self, function: object, target: Path) -> None:
        self.function, self.target = function, target

    def __reduce__(self) -> tuple:
        return self.function, (str(self.target),)


@pytest.mark.parametrize("function", [os.mkdir, pathlib.Path.touch, eval, exec])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_pickle_never_executes(tmp_path: Path, function: object, legacy: bool) -> None:
    target, path = tmp_path / "made", tmp_path / "bad.ckpt"
    text = f"open({str(target)!r}, 'w').close()" if function in (eval, exec) else target
    content = {
        "state_dict": {"model.x": torch.zeros(2)},
        "hyper_parameters": Malice(function, text),
    }
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError):
        safe_load(path)
    with pytest.raises(UserError):
        open_checkpoint(path, read_method(str(CONFIG / "prism.yaml")))
    assert not target.exists()
    torch.load(path, weights_only=False)  # the file is as bad as it claims
    assert target.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weights": {}}, "weights is no tensor"),
        ({"state_dict": {}}, "no state_dict or model_state_dict"),
        ({"state_dict": {"model.x": 3}}, "model.x is no tensor"),
        ([1, 2], "no state_dict or model_state_dict"),
    ],
)
def test_files_without_tensors(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "x.ckpt"
    torch.save(content, path)
    with pytest.raises(UserError, match=message):
        read_tensors(safe_load(path), path)


def test_a_class_that_is_not_listed_is_named(tmp_path: Path) -> None:
    torch.save({"a": types.SimpleNamespace(x=1)}, tmp_path / "x.ckpt")
    with pytest.raises(UserError, match=r"refused: it holds types\.SimpleNamespace"):
        safe_load(tmp_path / "x.ckpt")
