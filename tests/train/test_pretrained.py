"""Methods that start from a pre-trained Caduceus, as it is released."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gexpipe.errors import UserError
from gexpipe.methods.published import BackboneOptions
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.checkpoint import load_model
from gexpipe.models.pretrained import open_backbone
from gexpipe.train.run import train
from tests.train.fake import data_for, method

SIZES = {"d_model": 12, "layers": 3, "d_state": 4}


def released() -> dict[str, torch.Tensor]:
    """Tensors of a masked language model as the hub has them: tied projections stored once."""
    torch.manual_seed(5)
    ours = Backbone(BackboneOptions(**SIZES)).state_dict()
    ours = {name: tensor + 0.01 * torch.rand_like(tensor) for name, tensor in ours.items()}
    named = {}
    for name, tensor in ours.items():
        for before, after in (
            (".ahead.", ".mamba_fwd."),
            (".back.", ".mamba_rev."),
            (".mixer.in_proj.", ".mixer.mamba_fwd.in_proj."),
            (".mixer.out_proj.", ".mixer.mamba_fwd.out_proj."),
        ):
            name = name.replace(before, after)
        named[f"caduceus.backbone.{name}"] = tensor
    return {
        **named,
        "caduceus.backbone.embeddings.word_embeddings.weight": torch.rand(16, 12),
        "lm_head.weight": torch.rand(16, 12),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hub").mkdir()
    save_file(released(), tmp_path / "hub/model.safetensors")
    return tmp_path / "hub"


@pytest.mark.parametrize("architecture", ["caduceus", "prism", "infer"])
def test_a_method_trains_from_a_released_backbone(
    architecture: str, folder: Path, tmp_path: Path
) -> None:
    said = method(architecture)
    said["model"] = {**said["model"], **SIZES}
    said["train"] = {**said["train"], "learning_rate": 0.0, "warmup_from": 0.0,
                     "final_learning_rate": 0.0}  # fmt: skip
    config = MethodConfig.from_mapping({**said, "start_from": str(folder)})
    train(config, data_for(architecture), 11, 2, tmp_path / "run", start_from=folder)
    trained, _, _ = load_model(tmp_path / "run/best.ckpt")
    theirs = open_backbone(folder).state_dict()
    ours = trained.backbone.state_dict()
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-5)


def test_older_files_and_own_runs_are_read(folder: Path, tmp_path: Path) -> None:
    torch.save(released(), tmp_path / "pytorch_model.bin")
    known = open_backbone(folder).state_dict()
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        assert all(torch.equal(known[n], t) for n, t in open_backbone(path).state_dict().items())
    config = MethodConfig.from_mapping(method("caduceus"))
    train(config, data_for("caduceus"), 11, 2, tmp_path / "run")
    own, _, _ = load_model(tmp_path / "run/best.ckpt")
    again = open_backbone(tmp_path / "run/best.ckpt").state_dict()
    assert all(torch.equal(again[n], t) for n, t in own.backbone.state_dict().items())


def test_what_is_no_such_backbone_is_refused(folder: Path, tmp_path: Path) -> None:
    model = build("caduceus", method("caduceus")["model"], method("caduceus")["inputs"])
    with pytest.raises(UserError, match=r"set model\.d_model: 12, model\.layers: 3"):
        model.adopt(open_backbone(folder))
    save_file({"lm_head.weight": torch.rand(2, 2)}, tmp_path / "head.safetensors")
    with pytest.raises(UserError, match="no layers of a backbone"):
        open_backbone(tmp_path / "head.safetensors")
    with pytest.raises(UserError, match=r"no model\.safetensors or pytorch_model\.bin"):
        open_backbone(tmp_path)
    equivariant = {n.replace(".mixer.", ".mixer.submodule."): t for n, t in released().items()}
    save_file(equivariant, tmp_path / "ps.safetensors")
    with pytest.raises(UserError, match="Caduceus-PS"):
        open_backbone(tmp_path / "ps.safetensors")
    broken = {n: t for n, t in released().items() if "layers.1.norm" not in n}
    save_file(broken, tmp_path / "broken.safetensors")
    with pytest.raises(UserError, match=r"layers\.1\.norm"):
        open_backbone(tmp_path / "broken.safetensors")
