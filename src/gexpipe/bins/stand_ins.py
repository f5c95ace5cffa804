"""Small stand-ins with random weights for what gexpipe does not ship: Sei and a language model.

For tests and demos: the files have the layout of the real ones, the numbers mean nothing.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch

from gexpipe.bins.classes import CLASSES
from gexpipe.bins.release import FILES
from gexpipe.bins.sei import Sei, SeiSizes
from gexpipe.errors import UserError
from gexpipe.files import aside
from gexpipe.reference.prompts import layout

__all__ = ["write_backbone", "write_sei", "write_stand_ins"]

NARROW = SeiSizes(widths=(8, 8, 12), profiles=48, splines=6)
_SPREAD = 2.0  # weights are this much wider than PyTorch draws them, so that bins differ
_TEXT = "The protein encoded by this gene takes part in the regulation of expression."


def write_stand_ins(out: Path, seed: int = 1, width: int = 32, blocks: int = 32) -> None:
    """Write ``sei_model.tar.gz``, as Sei is released, and the folder ``backbone`` into ``out``.

    The language model has as many blocks as the published one, so that every number of kept blocks
    can be tried (GTA, table 2).
    """
    with aside(out) as folder:
        folder.mkdir()
        write_sei(folder, seed)
        with tarfile.open(folder / "sei_model.tar.gz", "w:gz") as archive:
            for name in FILES:
                archive.add(folder / name, f"model/{name}")
                (folder / name).unlink()
        write_backbone(folder / "backbone", seed, width, blocks)


def write_sei(folder: Path, seed: int = 1, sizes: SeiSizes = NARROW) -> None:
    """A narrow Sei under the names of the release, and a projection to as many classes."""
    torch.manual_seed(seed)
    network = Sei(sizes)
    weights = {f"module.model.{k}": _SPREAD * v for k, v in network.state_dict().items()}
    torch.save(weights, folder / "sei.pth")
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((len(CLASSES), sizes.profiles)).astype(np.float32)
    np.save(folder / "projvec_targets.npy", rows)


def write_backbone(
    folder: Path, seed: int = 1, width: int = 32, blocks: int = 2, vocabulary: int = 300
) -> None:
    """A Llama with random weights and a byte-level tokenizer, as transformers saves them."""
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast
    except ImportError as error:
        raise UserError(
            f"it needs transformers ({error}): pip install 'gexpipe[gta]'", "gta"
        ) from error
    text = [c.name for c in CLASSES] + [layout({"symbol": "A", "summary": _TEXT}, "cells")]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>").save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=blocks,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
    )
    model = LlamaModel(config)
    # Prototypes are sums over the vocabulary: few tokens have to be large for bins to differ.
    torch.nn.init.normal_(model.embed_tokens.weight)
    model.save_pretrained(folder)
