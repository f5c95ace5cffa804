"""GTA: bins aligned with text prototypes, read by a frozen language model after a prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.bins.classes import CLASSES, KEPT
from gexpipe.errors import UserError
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.alignment import Selector, TokenAlignment
from gexpipe.models.language import Backbone, load_backbone, load_tokenizer, word_tokens

__all__ = ["GTA", "GTAOptions"]


@dataclass(frozen=True)
class GTAOptions:
    """Options of `GTA`; the defaults are the paper's.

    Attributes
    ----------
    backbone : str
        Folder of a language model with its tokenizer, or its id on a hub.
    blocks : int
        First blocks of it that are kept.
    dtype : str
        Of its weights: bfloat16, float16 or float32.
    bins : int
        Bins around the TSS, odd; at most those of the feature store.
    standardise : bool
        Give features with mean 0 and variance 1 over all stored bins, instead of as they are.
    prompt : bool
        Whether the gene's annotation precedes the bins.
    context : int
        Tokens of prompt and bins together; a longer prompt is cut.
    words : tuple of str
        Names of the extractor's features; empty for Sei's 33 classes.
    vocabulary_prototypes, word_prototypes : int
        Linear combinations of all tokens, and of the tokens of the names.
    heads, key_width : int
        Of the cross-attention; the width is that of all heads together.
    selected : int
        Bins whose final activations are read.
    prompt_cache : float
        Gigabytes of device memory for keys and values of prompts, kept from epoch to epoch.
    """

    backbone: str = "meta-llama/Meta-Llama-3-8B"
    blocks: int = 8
    dtype: str = "bfloat16"
    bins: int = 251
    standardise: bool = False
    prompt: bool = True
    context: int = 2048
    words: tuple[str, ...] = ()
    vocabulary_prototypes: int = 50
    word_prototypes: int = 50
    heads: int = 8
    key_width: int = 32
    selected: int = 25
    prompt_cache: float = 0.0

    def check(self) -> None:
        """Raise a `UserError` for values that do not fit together."""
        where = "method gta: model"
        if self.bins < 1 or self.bins % 2 == 0:
            raise UserError(f"{self.bins}, expected an odd number of bins", f"{where}.bins")
        if not 1 <= self.selected <= self.bins:
            raise UserError(f"{self.selected}, expected 1 to bins", f"{where}.selected")
        if self.context < self.bins:
            raise UserError(f"{self.context}, expected at least bins", f"{where}.context")
        if self.key_width % self.heads:
            raise UserError(f"{self.key_width} is no multiple of heads", f"{where}.key_width")
        if self.dtype not in ("bfloat16", "float16", "float32"):
            expected = "bfloat16, float16 or float32"
            raise UserError(f"{self.dtype!r}, expected {expected}", f"{where}.dtype")

    def feature_words(self) -> tuple[str, ...]:
        """Names of the extractor's features."""
        return self.words or tuple(CLASSES[i].name for i in KEPT)


class GTA(ExpressionModel):
    """Bins -> token alignment -> frozen backbone, after the gene's prompt -> selector -> number.

    A "base" of the batch is a bin here: ``signals`` are (B, features, N), in the order of the
    extractor's features followed by the method's signals. Gene features are not read.

    The backbone is no parameter: it is not trained, counted or saved. A checkpoint holds a digest
    of it, and refuses to be loaded with another one.
    """

    Options = GTAOptions
    backbone: Backbone
    backbone_digest: Tensor
    words: Tensor

    def __init__(self, options: GTAOptions, inputs: Inputs) -> None:
        super().__init__()
        o = options
        o.check()
        names = o.feature_words()
        backbone = load_backbone(o.backbone, o.blocks, o.dtype)
        backbone.keep_prompts(o.prompt_cache)
        self.__dict__["backbone"] = backbone  # no attribute of a module: see above
        tokens = word_tokens(load_tokenizer(o.backbone), names)
        self.align = TokenAlignment(
            len(names) + len(inputs.signals),
            backbone.width,
            backbone.vocabulary,
            len(tokens),
            (o.vocabulary_prototypes, o.word_prototypes),
            o.heads,
            o.key_width,
        )
        self.select = Selector(backbone.width, o.selected)
        self.register_buffer("words", torch.tensor(tokens), persistent=False)
        meta = self.select.score.weight.device.type == "meta"
        if not meta:
            self.align.spread(backbone.embedding, self.words)
        digest = torch.zeros(32, dtype=torch.uint8) if meta else backbone.digest()
        self.register_buffer("backbone_digest", digest)
        self.fingerprint = "" if meta else bytes(digest.tolist()).hex()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> GTA:
        """Moving the model moves the backbone with it."""
        self.backbone.apply(fn)
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *more: Any) -> None:
        known = state_dict.get(f"{prefix}backbone_digest")
        if known is not None and not torch.equal(known.cpu(), self.backbone_digest.cpu()):
            raise UserError("the checkpoint was trained with other weights", "model.backbone")
        super()._load_from_state_dict(state_dict, prefix, *more)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch.

        ``extras``: ``attention`` (B, heads, N, prototypes), ``chosen`` (B, selected) bins.
        """
        bins = batch.signals.transpose(1, 2)
        aligned, attention = self.align(bins, self.backbone.embedding, self.words)
        hidden = self.backbone.read(batch.prompt, aligned)
        prediction, chosen = self.select(hidden)
        return Output(prediction.float(), {"attention": attention, "chosen": chosen})
