"""EPInformer as its repository has it since 2026: other numbers, no norms, a frozen encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gexpipe.batch import Elements
from gexpipe.errors import UserError
from gexpipe.methods.merged import check_settings, read_named
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build, parameters
from gexpipe.models.blocks.element_encoder import ElementSummary
from gexpipe.models.checkpoint import load_model, save_checkpoint
from gexpipe.train.run import train
from tests.project import ROOT
from tests.train.fake import MODELS, data_for, method

TODAY = {
    "element_units": "plain", "promoter_slot": "ones", "promoter_signal": "log",
    "summary_norm": False, "freeze_encoder": True,
}  # fmt: skip


def settings(**more: Any) -> dict[str, Any]:
    found = method("epinformer", steps=6, learning_rate=1e-2)
    return {**found, "model": {**MODELS["epinformer"], **TODAY, **more}}


def small(**more: Any) -> Any:
    config = MethodConfig.from_mapping(settings(**more))
    return build("epinformer", config.model, config.inputs)


def test_the_published_size_without_batch_norms() -> None:
    config = read_named("epinformer_v2", [ROOT / "config/methods"])
    model = build("epinformer", config.model, config.inputs)
    assert parameters(model) == 447_341 - 2 * (64 + 64 + 64 + 32)


def test_features_of_elements_and_genes_are_the_repositorys() -> None:
    features = torch.zeros(1, 3, 3)
    features[0, 1] = torch.tensor([12.5, 0.30103, 4.0])  # 12.5 kb, log10(1 + 1), activity
    elements = Elements(torch.zeros(1, 3, 400, dtype=torch.uint8), features)
    genes = torch.tensor([[*range(8), 6.0]], dtype=torch.float32)
    model = small()
    read = model.gene_features(genes)
    assert read[0, -1] == pytest.approx(1.9459101)  # log(1 + 6)
    found = model.element_features(elements, read[:, -1])[0]
    expected = [[1.0, 1.0, 1.9459101], [12_500.0, 1.0, 4.0], [0.0, 0.0, 0.0]]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=1e-6)
    assert features[0, 0].sum() == 0, "the batch itself stays as it is"
    without = small(promoter_signal="none", element_features=["distance"])
    assert without.gene_features(genes).shape == (1, 8)
    assert without.element_features(elements, read[:, -1])[0].tolist() == [[1.0], [12_500.0], [0.0]]


def test_the_summary_without_norms_is_plain_convolutions() -> None:
    torch.manual_seed(0)
    ours = ElementSummary(8, 30, (6, 6, 6, 4), 8, norm=False)
    layers: list[nn.Module] = []
    for convolution in ours.convolutions:
        layers += [convolution, nn.ELU()]
    plain = nn.Sequential(*layers, ours.along, nn.ELU())
    x = torch.randn(5, 8, 30)
    torch.testing.assert_close(ours(x, torch.ones(5)), plain(x).flatten(1))
    assert not [name for name in ours.state_dict() if "norm" in name]


def test_a_frozen_encoder_keeps_its_weights(tmp_path: Path) -> None:
    source = MethodConfig.from_mapping(method("enhancer_encoder"))
    torch.manual_seed(3)
    encoder = build("enhancer_encoder", source.model, source.inputs)
    path = tmp_path / "encoder.ckpt"
    save_checkpoint(path, {"method": source.as_mapping(), "model": encoder.state_dict()})
    config = MethodConfig.from_mapping(settings())
    torch.manual_seed(2)
    before = build("epinformer", config.model, config.inputs)
    data = data_for("epinformer")
    data.features[:, -1].abs_()  # an activity
    train(config, data, 11, 2, tmp_path / "run", start_from=path)
    trained, _, _ = load_model(tmp_path / "run/best.ckpt")
    theirs = dict(encoder.encoder.named_parameters())
    for name, weight in trained.encoder.named_parameters():
        assert torch.equal(weight, theirs[name]), name
    moved = {n for n, b in trained.encoder.named_buffers() if "running" in n}
    assert moved and all(
        not torch.equal(trained.encoder.get_buffer(n), encoder.encoder.get_buffer(n)) for n in moved
    ), "its batch norms follow the batches"
    for part in ("summary", "join", "layers", "head"):
        old, new = (dict(getattr(m, part).named_parameters()) for m in (before, trained))
        assert any(not torch.equal(old[name], new[name]) for name in old), part


def test_a_frozen_encoder_needs_one_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="freeze_encoder needs a trained enhancer_encoder"):
        check_settings(settings())
    config = MethodConfig.from_mapping(settings())
    with pytest.raises(UserError, match="its encoder is frozen: give one to start from"):
        train(config, data_for("epinformer"), 11, 2, tmp_path)


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(UserError, match=r"element_features: log puts it on the activity"):
        MethodConfig.from_mapping(settings(element_features=["distance"]))
    twice = settings()
    twice["inputs"] = {**twice["inputs"], "log_activity": True}
    config = MethodConfig.from_mapping(twice)
    with pytest.raises(UserError, match=r"model\.promoter_signal: log, and inputs\.log_activity"):
        build("epinformer", config.model, config.inputs)
    windows = {**method("caduceus"), "inputs": {**method("caduceus")["inputs"], "summits": "paper"}}
    with pytest.raises(UserError, match="caduceus is not trained on element activity"):
        check_settings(windows)
