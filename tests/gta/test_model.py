"""GTA's trained part: sizes, attention, prompts, gradients, what a checkpoint holds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.models import Inputs, build, parameters
from gexpipe.models.blocks.alignment import Selector, TokenAlignment
from gexpipe.models.checkpoint import restore, save_checkpoint
from gexpipe.models.gta import GTA
from gexpipe.models.language import PADDING, Backbone, load_backbone

pytest.importorskip("transformers")
SMALL = {"dtype": "float32", "blocks": 2, "bins": 9, "selected": 3, "context": 64}


def make(stand_ins: Path, **more: object) -> GTA:
    torch.manual_seed(0)
    options = {"backbone": str(stand_ins / "backbone"), **SMALL, **more}
    model = build("gta", options, Inputs(4096))
    assert isinstance(model, GTA)
    return model


def batch_of(genes: int = 3, bins: int = 9, features: int = 33) -> Batch:
    torch.manual_seed(1)
    prompt = torch.randint(1, 200, (genes, 12))
    prompt[1, :5] = PADDING
    prompt[2, :11] = PADDING
    none = torch.zeros(genes, 0, dtype=torch.bool)
    return Batch(
        gene=torch.arange(genes), codes=none.byte(), peaks=none, blacklist=none,
        signals=torch.randn(genes, features, bins), features=torch.zeros(genes, 0),
        target=torch.randn(genes), prompt=prompt[:genes],
    )  # fmt: skip


def test_trained_parameters_of_llama_3_8b() -> None:
    """Sizes that follow from the paper: D 4,096, h 8, d_k 32, P 50 + 50, k 25, 33 classes."""
    # 72: the distinct tokens of the 33 names under the tokenizer of Llama 3.
    width, vocabulary, words, key = 4096, 128_256, 72, 32
    with torch.device("meta"):
        align = TokenAlignment(33, width, vocabulary, words)
        select = Selector(width, 25)
    shapes = {k: tuple(v.shape) for part in (align, select) for k, v in part.state_dict().items()}
    assert shapes == {
        "of_vocabulary.weight": (50, vocabulary),
        "of_words.weight": (50, words),
        "query.weight": (key, 33), "query.bias": (key,),
        "key.weight": (key, width), "key.bias": (key,),
        "value.weight": (key, width), "value.bias": (key,),
        "out.weight": (width, key), "out.bias": (width,),
        "score.weight": (1, width), "score.bias": (1,),
        "head.weight": (1, 25 * width), "head.bias": (1,),
    }  # fmt: skip
    total = sum(p.numel() for part in (align, select) for p in part.parameters())
    attention = 33 * key + key + 2 * (width * key + key) + key * width + width
    assert total == 50 * (vocabulary + words) + attention + (width + 1) + (25 * width + 1)
    assert total == 6_921_362


@pytest.fixture
def llama(stand_ins: Path, tmp_path: Path) -> Path:
    """Llama-3-8B's configuration without weights, with the small tokenizer."""
    from transformers import LlamaConfig

    folder = tmp_path / "llama"
    shutil.copytree(stand_ins / "backbone", folder)
    (folder / "model.safetensors").unlink()
    LlamaConfig(
        vocab_size=128_256, hidden_size=4096, intermediate_size=14_336, num_hidden_layers=32,
        num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=8192,
        rope_theta=500_000.0, rms_norm_eps=1e-5,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def test_whole_model_on_the_meta_device(llama: Path) -> None:
    with torch.device("meta"):
        model = build("gta", {"backbone": str(llama)}, Inputs(4096))
        assert isinstance(model, GTA)
        embedding = model.backbone.embedding
        aligned, attention = model.align(torch.empty(2, 251, 33), embedding, model.words)
        prediction, chosen = model.select(aligned)
    assert aligned.shape == (2, 251, 4096) and attention.shape == (2, 8, 251, 100)
    assert prediction.shape == (2,) and chosen.shape == (2, 25)
    frozen = sum(p.numel() for p in model.backbone.model.parameters())
    block = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14_336 + 2 * 4096
    assert frozen == 128_256 * 4096 + 8 * block + 4096
    assert {p.dtype for p in model.backbone.model.parameters()} == {torch.bfloat16}
    words = model.align.of_words.in_features
    assert parameters(model) == 6_921_362 + 50 * (words - 72)
    with pytest.raises(UserError, match=r"33 blocks, .* has 32"), torch.device("meta"):
        load_backbone(str(llama), 33, "bfloat16")


def whole(backbone: Backbone, prompt: Tensor, inputs: Tensor) -> Tensor:
    """One gene at a time, prompt and inputs in one pass, without padding."""
    rows = []
    for ids, given in zip(prompt, inputs, strict=True):
        embedded = torch.cat([backbone.embedding[ids[ids != PADDING]], given])
        hidden = backbone.model(inputs_embeds=embedded[None]).last_hidden_state
        rows.append(hidden[0, -len(given) :])
    return torch.stack(rows)


@pytest.mark.parametrize("room", [0.0, 1.0, 3e-6])
def test_prompts_read_first_change_nothing(stand_ins: Path, room: float) -> None:
    """Padding, keys from another pass, and keys kept from an earlier step, to 1e-5."""
    model, batch = make(stand_ins), batch_of()
    backbone = model.backbone
    backbone.keep_prompts(room)
    assert batch.prompt is not None
    inputs = torch.randn(3, 9, backbone.width)
    expected = whole(backbone, batch.prompt, inputs)
    for _ in range(2):
        torch.testing.assert_close(backbone.read(batch.prompt, inputs), expected, atol=1e-5, rtol=0)
    turned = batch.prompt.flip(0)
    found = backbone.read(turned, inputs.flip(0)).flip(0)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert len(backbone._held) == {0.0: 0, 1.0: 3, 3e-6: 2}[room]


def test_kept_prompts_are_read_once(stand_ins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = make(stand_ins, prompt_cache=0.1), batch_of()
    with torch.inference_mode():
        first = model(batch).prediction
    monkeypatch.setattr(model.backbone, "_compute", None)
    output = model(batch)
    torch.testing.assert_close(output.prediction, first)
    output.prediction.sum().backward()  # what a validation kept can be trained with


def test_the_prompt_matters(stand_ins: Path) -> None:
    model, batch = make(stand_ins), batch_of()
    assert batch.prompt is not None
    other = replace(batch, prompt=batch.prompt.flip(1).clamp(min=1))
    without = replace(batch, prompt=None)
    found = [model(b).prediction for b in (batch, other, without)]
    assert not torch.allclose(found[0], found[1]) and not torch.allclose(found[0], found[2])


def test_attention_is_over_prototypes(stand_ins: Path) -> None:
    output = make(stand_ins)(batch_of())
    attention, chosen = output.extras["attention"], output.extras["chosen"]
    assert attention.shape == (3, 8, 9, 100)
    torch.testing.assert_close(attention.sum(-1), torch.ones(3, 8, 9))
    assert chosen.shape == (3, 3) and (chosen.diff(dim=1) > 0).all()


def test_logits_start_with_variance_1() -> None:
    torch.manual_seed(3)
    align = TokenAlignment(33, 64, 500, 70)
    embedding, words = torch.randn(500, 64) * 0.01, torch.arange(70)
    bins = torch.randn(4, 50, 33)
    flat = align(bins, embedding, words)[1].log()
    align.spread(embedding, words)
    logits = align(bins, embedding, words)[1].log()
    assert (flat.var(dim=-1).mean() < 1e-4) and (0.5 < logits.var(dim=-1).mean() < 2)


def test_attention_as_equation_1() -> None:
    torch.manual_seed(3)
    align = TokenAlignment(5, 16, 40, 6, (3, 2), heads=2, key_width=8)
    bins, embedding, words = torch.randn(1, 4, 5), torch.randn(40, 16), torch.arange(6)
    aligned, attention = align(bins, embedding, words)
    prototypes = torch.cat(
        [align.of_vocabulary.weight @ embedding, align.of_words.weight @ embedding[:6]]
    )
    q, k, v = align.query(bins[0]), align.key(prototypes), align.value(prototypes)
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        weights = (q[:, head] @ k[:, head].T / 8**0.5).softmax(-1)
        heads.append(weights @ v[:, head])
    torch.testing.assert_close(aligned[0], align.out(torch.cat(heads, dim=1)))
    torch.testing.assert_close(attention[0, 1], weights)


def test_every_trained_parameter_gets_a_gradient(stand_ins: Path) -> None:
    """Those of the selector's scores included; the backbone gets none."""
    model, batch = make(stand_ins), batch_of()
    model.loss(batch, model(batch))["total"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert all(p.grad is None for p in model.backbone.model.parameters())


def test_the_selector_learns_which_token_matters() -> None:
    """One token carries the target, and a mark; training only the scores finds the mark."""
    torch.manual_seed(0)
    select = Selector(2, chosen=1)
    with torch.no_grad():
        select.head.weight.copy_(torch.tensor([[2.0, 0.0]]))
        select.head.bias.zero_()
        select.score.weight.zero_()
    hidden = torch.randn(256, 6, 2) * torch.tensor([1.0, 0.1])
    place = torch.randint(0, 6, (256,))
    hidden[torch.arange(256), place, 1] += 1
    target = 2 * hidden[torch.arange(256), place, 0]
    before = (select(hidden)[1][:, 0] == place).float().mean()
    optimiser = torch.optim.Adam(select.score.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        ((select(hidden)[0] - target) ** 2).mean().backward()
        optimiser.step()
    after = (select(hidden)[1][:, 0] == place).float().mean()
    assert after > 0.9 > before, (before, after)


def test_checkpoints_hold_no_backbone(stand_ins: Path, tmp_path: Path) -> None:
    model, batch = make(stand_ins), batch_of()
    names = set(model.state_dict())
    assert not [name for name in names if "layers" in name or "embed" in name]
    assert sum(p.numel() for p in model.parameters()) < 50_000
    method = {
        "name": "gta", "architecture": "gta", "inputs": {"length": 4096, "signals": []},
        "model": {"backbone": str(stand_ins / "backbone"), **SMALL},
    }  # fmt: skip
    content = {"method": method, "model": model.state_dict()}
    save_checkpoint(tmp_path / "best.ckpt", content)
    again, _ = restore(content)
    torch.testing.assert_close(again(batch).prediction, model(batch).prediction)


def test_another_backbone_is_refused(stand_ins: Path, tmp_path: Path) -> None:
    from gexpipe.bins.stand_ins import write_backbone

    write_backbone(tmp_path / "other", seed=9)
    model = make(stand_ins)
    state = model.state_dict()
    assert model.fingerprint != make(stand_ins, backbone=str(tmp_path / "other")).fingerprint
    with pytest.raises(UserError, match="trained with other weights"):
        make(stand_ins, backbone=str(tmp_path / "other")).load_state_dict(state)


def test_the_backbone_moves_with_the_model(stand_ins: Path) -> None:
    model = make(stand_ins).to(torch.float64)
    assert model.backbone.embedding.dtype == torch.float64


@pytest.mark.parametrize("load", ["model", "tokenizer"])
def test_code_that_comes_with_a_backbone_is_not_run(tmp_path: Path, load: str) -> None:
    """Files of Python beside the weights, as config.json names them, and an answer at hand."""
    folder = tmp_path / "own"
    folder.mkdir()
    kinds = {"AutoConfig": "code.Own", "AutoModel": "code.Own", "AutoTokenizer": ["code.Own", None]}
    config = {"model_type": "own", "auto_map": kinds, "tokenizer_class": "Own"}
    for name in ("config.json", "tokenizer_config.json"):
        (folder / name).write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    call = {"model": "load_backbone('own', 2, 'float32')", "tokenizer": "load_tokenizer('own')"}
    script = f"from gexpipe.models.language import *; {call[load]}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path, input="y\ny\n", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "UserError: method gta: model.backbone: 'own' cannot be loaded" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_missing_backbones_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"neither a folder nor the id .* with your own access"):
        load_backbone("some/where/else", 2, "float32")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty' cannot be loaded .* folder with config.json"):
        load_backbone(str(tmp_path / "empty"), 2, "float32")
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"cannot be loaded .* log in \(hf auth login\)"):
        load_backbone("nobody/nothing", 2, "float32")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"bins": 8}, "odd number of bins"),
        ({"selected": 10}, "expected 1 to bins"),
        ({"context": 8}, "at least bins"),
        ({"key_width": 30}, "no multiple of heads"),
        ({"dtype": "int8"}, "expected bfloat16"),
    ],
)
def test_options_that_do_not_fit(stand_ins: Path, change: dict[str, object], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        make(stand_ins, **change)
