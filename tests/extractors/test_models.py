"""The real architectures with small random weights: what is read of them is what they compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gexpipe.errors import UserError
from gexpipe.extractors.ask import ask, one_hot
from gexpipe.extractors.contract import open_extractor
from gexpipe.extractors.flash import FlashAttention
from gexpipe.extractors.settings import ExtractorSettings, check_extractor, read_settings
from gexpipe.extractors.sizes import Layout
from gexpipe.extractors.weights import package

CODES = np.random.default_rng(0).integers(0, 5, (2, 4096)).astype(np.uint8)
SEQUENCE = one_hot(CODES, "cpu")


def said(model: str, folder: Path, **more: object) -> ExtractorSettings:
    values = {"weights": str(folder), "length": 4096, "reverse_complement": False, **more}
    check_extractor(model, values)
    return read_settings(model, values)


def answer(model: str, settings: ExtractorSettings) -> tuple[np.ndarray, np.ndarray, Layout]:
    made = open_extractor(model, settings)
    layout = Layout.of(made.sizes, settings.window, model)
    return *ask(made, CODES[:, : layout.length], layout, settings), layout


def stir(network: torch.nn.Module, seed: int = 0) -> Any:
    """Random weights everywhere, where a fresh network's attention is zero."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.dim() > 1:
                value.normal_(0, 0.05)
            elif name.endswith("human_head.bias"):
                value.uniform_(-1, 3)
    return network.eval()


@pytest.fixture(scope="module")
def borzoi(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    theirs = pytest.importorskip("borzoi_pytorch", reason="needs the extra borzoi")
    network = stir(theirs.Borzoi.from_hparams(
        dim=32, depth=1, heads=2, attn_dim_key=8, attn_dim_value=16, bins_to_return=40
    ))  # fmt: skip
    folder = tmp_path_factory.mktemp("borzoi")
    network.save_pretrained(folder)
    return network, folder


def test_borzoi_is_read_at_the_tss_in_counts(borzoi: tuple[Any, Path]) -> None:
    from borzoi_pytorch.pytorch_borzoi_utils import undo_squashed_scale

    network, folder = borzoi
    tracks, embedding, layout = answer("borzoi", said("borzoi", folder))
    assert (layout.first, layout.count) == (14, 12)
    assert layout.tss == (4096 - 40 * 32) // 2 + 26 * 32 - 192
    with torch.inference_mode():
        squashed, hidden = network(SEQUENCE.transpose(1, 2), return_embeddings=True)
    wanted = squashed[:, :, 14:26]
    np.testing.assert_allclose(embedding, hidden[:, :, 14:26].mean(2), rtol=1e-4, atol=1e-5)
    # CAGE is scaled by 1 and not squared; RNA by 0.3, and by a power of 3/4.
    for track, scale, power in ((306, 1.0, 1.0), (6122, 0.3, 0.75)):
        counts = undo_squashed_scale(wanted[:, track], 384, power, scale)
        np.testing.assert_allclose(tracks[:, track], counts.sum(1), rtol=1e-4)
    opened = open_extractor("borzoi", said("borzoi", folder))
    names = opened.tracks.set_index("identifier")
    assert len(names) == 7611
    assert names.loc["CNhs11250+", "description"].endswith("K562")
    assert names["strand"].value_counts().to_dict().keys() == {"+", "-", "."}


def test_counts_above_the_soft_clip_are_squared_back() -> None:
    pytest.importorskip("borzoi_pytorch", reason="needs the extra borzoi")
    from borzoi_pytorch.pytorch_borzoi_utils import undo_squashed_scale

    from gexpipe.extractors.borzoi import unsquashed

    x = torch.tensor([0.0, 3.0, 115.0, 390.0, 500.0])
    for scale, power in ((1.0, 1.0), (0.3, 0.75)):
        given = (torch.tensor(v) for v in (384.0, scale, power))
        expected = undo_squashed_scale(x, 384, power, scale)
        torch.testing.assert_close(unsquashed(x, *given), expected)


def test_weights_that_do_not_fit_are_one_line(borzoi: tuple[Any, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    _, folder = borzoi
    config, tensors = (folder / "config.json").read_text(), load_file(folder / "model.safetensors")
    for change, words in (
        ({"dim": 64}, r"is \(.*\), expected"),
        ({"depth": 2}, "it lacks transformer.1"),
        ({"depth": 0}, "has an unknown transformer.0"),
    ):
        other = tmp_path / words[:6]
        other.mkdir()
        (other / "config.json").write_text(json.dumps({**json.loads(config), **change}))
        save_file(tensors, other / "model.safetensors")
        with pytest.raises(UserError, match=words):
            open_extractor("borzoi", said("borzoi", other))
    (other / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="not a readable safetensors file"):
        open_extractor("borzoi", said("borzoi", other))
    targets = tmp_path / "targets.txt"
    targets.write_text("identifier\tdescription\nA\tx\n")
    with pytest.raises(UserError, match="1 tracks, its head has 7611"):
        open_extractor("borzoi", said("borzoi", folder, targets=str(targets)))


def test_flashzois_attention_is_grouped_rotary_attention() -> None:
    """Beside GPT-NeoX's rotation and plain sums, from weights under flash-attn's names."""
    from transformers.models.gpt_neox.modeling_gpt_neox import apply_rotary_pos_emb

    torch.manual_seed(1)
    dim, heads, size, length = 768, 4, 192, 37
    layer = FlashAttention(dim, heads)
    shapes = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    assert shapes == {
        "mha.Wqkv.weight": (dim + 2 * 2 * size, dim), "mha.Wqkv.bias": (dim + 2 * 2 * size,),
        "mha.out_proj.weight": (dim, dim), "mha.out_proj.bias": (dim,),
    }  # fmt: skip
    x = torch.randn(2, length, dim)
    query, keys, values = layer.mha.Wqkv(x).split([dim, 2 * size, 2 * size], dim=2)
    query = query.view(2, length, heads, size).transpose(1, 2)
    keys, values = (part.view(2, length, 2, size).transpose(1, 2) for part in (keys, values))
    steps = 20_000.0 ** (-torch.arange(0, 128, 2) / 128)
    angles = torch.outer(torch.arange(length).float(), steps)
    cos, sin = (f(torch.cat([angles, angles], 1))[None] for f in (torch.cos, torch.sin))
    query, keys = apply_rotary_pos_emb(query, keys, cos, sin)
    parts = []
    for head in range(heads):
        of = head // 2
        weights = (query[:, head] @ keys[:, of].transpose(1, 2) / size**0.5).softmax(2)
        parts.append(weights @ values[:, of])
    expected = layer.mha.out_proj(torch.cat(parts, dim=2))
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_flashzoi_is_known_by_its_weights_and_needs_no_flash_attn(tmp_path: Path) -> None:
    theirs = pytest.importorskip("borzoi_pytorch", reason="needs the extra borzoi")
    from safetensors.torch import save_file

    network = theirs.Borzoi.from_hparams(dim=256, depth=1, heads=2, bins_to_return=40)
    network.transformer[0][0].fn[1] = FlashAttention(256, 2)
    stir(network)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = {"dim": 256, "depth": 1, "heads": 2, "bins_to_return": 40, "flashed": True}
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "borzoi"}))
    with torch.inference_mode():
        hidden = network(SEQUENCE.transpose(1, 2), return_embeddings=True)[1]
    _, embedding, _ = answer("flashzoi", said("flashzoi", tmp_path))
    np.testing.assert_allclose(embedding, hidden[:, :, 14:26].mean(2), rtol=1e-4, atol=1e-5)
    rough, _, _ = answer("flashzoi", said("flashzoi", tmp_path, precision="bf16-mixed"))
    exact, _, _ = answer("flashzoi", said("flashzoi", tmp_path))
    assert not np.array_equal(rough, exact)
    np.testing.assert_allclose(rough, exact, rtol=0.1)


def test_enformer_is_read_at_the_tss(tmp_path: Path) -> None:
    theirs = pytest.importorskip("enformer_pytorch", reason="needs the extra enformer")
    from safetensors.torch import save_file

    network = stir(theirs.Enformer.from_hparams(
        dim=96, depth=1, heads=2, target_length=12, attn_dim_key=8, dim_divisible_by=16,
        output_heads={"human": 7, "mouse": 3},
    ))  # fmt: skip
    network.save_pretrained(tmp_path, safe_serialization=False)
    tracks, embedding, layout = answer("enformer", said("enformer", tmp_path))
    assert (layout.first, layout.count, layout.tss) == (4, 3, (4096 - 12 * 128) // 2 + 5 * 128 + 64)
    with torch.inference_mode():
        heads, hidden = network(SEQUENCE, return_embeddings=True)
    np.testing.assert_allclose(tracks, heads["human"][:, 4:7].sum(1), rtol=1e-4)
    np.testing.assert_allclose(embedding, hidden[:, 4:7].mean(1), rtol=1e-4, atol=1e-5)
    mouse, _, _ = answer("enformer", said("enformer", tmp_path, options={"head": "mouse"}))
    assert mouse.shape == (2, 3)
    # Each tensor under one of its two names, as safetensors keeps them.
    once = {k: v for k, v in network.state_dict().items() if not k.startswith("_trunk")}
    save_file(once, tmp_path / "model.safetensors")
    (tmp_path / "pytorch_model.bin").unlink()
    again, _, _ = answer("enformer", said("enformer", tmp_path))
    np.testing.assert_array_equal(tracks, again)
    with pytest.raises(UserError, match="no head 'rat'; human, mouse"):
        open_extractor("enformer", said("enformer", tmp_path, options={"head": "rat"}))


def test_alphagenome_gives_embeddings_and_with_a_table_tracks(tmp_path: Path) -> None:
    theirs = pytest.importorskip("alphagenome_pt", reason="needs the extra alphagenome")
    heads = {
        name: {"num_tracks": [4, 2], "means": [[2.0, 1.0, 1.0, 3.0]] * 2}
        for name in ("cage", "rna_seq")
    }
    metadata = theirs.Metadata({"organisms": ["human", "mouse"], "heads": heads})
    metadata.make_all_masks()
    network = theirs.small_alphagenome(
        metadata, num_channels=48, transformer_layers=1, dtype_policy="float32"
    )
    stir(network).save(tmp_path / "model")
    tracks, embedding, layout = answer("alphagenome", said("alphagenome", tmp_path / "model"))
    assert tracks.shape == (2, 0) and (layout.first, layout.count) == (14, 3)
    with torch.inference_mode():
        counts, hidden = network.predict(SEQUENCE, 0, return_embeddings=True)
    np.testing.assert_allclose(
        embedding, hidden.embeddings_128bp[:, 14:17].mean(1), rtol=1e-4, atol=1e-5
    )
    targets = tmp_path / "targets.tsv"
    rows = "".join(f"{h}{k}\t{h} of K562\n" for h in ("cage", "rna_seq") for k in range(4))
    targets.write_text("identifier\tdescription\n" + rows)
    more = said("alphagenome", tmp_path / "model", targets=str(targets))
    tracks, _, _ = answer("alphagenome", more)
    expected = [counts[h]["predictions_128bp"][:, 14:17].sum(1) for h in ("cage", "rna_seq")]
    np.testing.assert_allclose(tracks, torch.cat(expected, 1), rtol=1e-4)
    # As DeepMind's weights are computed with: bfloat16 within.
    config = tmp_path / "model/config.json"
    config.write_text(config.read_text().replace('"float32"', '"deepmind"'))
    rough, _, _ = answer("alphagenome", more)
    assert not np.array_equal(rough, tracks)
    np.testing.assert_allclose(rough, tracks, rtol=0.05)
    with pytest.raises(UserError, match="not a model of alphagenome-pt"):
        wrong = {"organism": "yeast"}
        open_extractor("alphagenome", said("alphagenome", tmp_path / "model", options=wrong))


def test_a_package_that_is_absent_is_named_with_its_extra() -> None:
    with pytest.raises(UserError, match=r"pip install 'gexpipe\[borzoi\]'"):
        package("no_such_package_of_theirs", "borzoi")
