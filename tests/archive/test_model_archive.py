"""A trained model goes out as safetensors and comes back as the same checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gexpipe.archive.folder import pack, seal
from gexpipe.archive.imported import import_archive
from gexpipe.archive.model import export_model
from gexpipe.errors import UserError
from gexpipe.methods.settings import MethodConfig
from gexpipe.models.checkpoint import load_checkpoint
from gexpipe.train.run import train
from tests.train.fake import data_for, method


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "results/runs/K562/prism/fold11/seed2"
    train(MethodConfig.from_mapping(method("prism")), data_for("prism"), 11, 2, out)
    return out


def test_a_model_comes_back_as_it_was(run: Path, tmp_path: Path) -> None:
    export_model(run, tmp_path / "prism_K562", {"title": "", "licence": "MIT"})
    card = (tmp_path / "prism_K562/MODEL_CARD.md").read_text()
    for words in ("| cell type | K562 |", "| fold, seed | 11, 2 |", "| licence | MIT |", "pearson"):
        assert words in card
    place = import_archive(pack(tmp_path / "prism_K562", "tar"), tmp_path / "project")
    assert place == tmp_path / "project/models/prism_K562"
    before, after = load_checkpoint(run / "best.ckpt"), load_checkpoint(place / "best.ckpt")
    assert {k: v for k, v in before.items() if k != "model"} == {
        k: v for k, v in after.items() if k != "model"
    }
    assert before["model"].keys() == after["model"].keys()
    assert all(torch.equal(before["model"][name], after["model"][name]) for name in after["model"])


def test_weights_of_another_model_are_refused(run: Path, tmp_path: Path) -> None:
    export_model(run, tmp_path / "a", {})
    weights = load_file(tmp_path / "a/weights.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name].repeat(2)
    save_file(weights, tmp_path / "a/weights.safetensors")
    seal(tmp_path / "a")
    with pytest.raises(UserError, match="the weights are not those of the settings"):
        import_archive(tmp_path / "a", tmp_path / "project")
    assert not (tmp_path / "project/models").exists()


def test_no_checkpoint_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(UserError, match=r"best\.ckpt"):
        export_model(tmp_path, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()
